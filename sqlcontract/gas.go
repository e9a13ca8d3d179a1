package sqlcontract

import "github.com/aergo-git/aergo-git/internal/sqlfunc"

// Engine 1's gas table. One unit is about one microsecond of one core, a
// transaction's signature and its rows' way into the state counted in. A change
// here is a new engine. docs/decisions/0013 has the figures; TestGasFit measures.
//
// Costs are summed in 1/64 units over the whole transaction and rounded up once
// at its end: gas = ceil(sum/64). VM steps, counted by sqlite3_stmt_status per
// statement, triggers and cascades included, cost what the statement's dearest
// instruction costs (package sqlfunc). Steps alone are no measure of time, so rows and
// bytes cost as well.
const (
	gasUnit = 64 // all costs below are multiples of a whole unit

	gasTransaction = 60 * gasUnit // signature, seen row, lists
	gasArgument    = 1            // a byte of encoded arguments
	gasCall        = 10 * gasUnit // a CALL, beside its arguments and what it runs
	gasStatement   = 1 * gasUnit  // one execution of a statement or expression
	gasRowRead     = 1 * gasUnit  // a row that a statement hands out: returned, emitted, FOR, LET
	gasByteRead    = 1            // a byte of its text and blobs
	gasRowWritten  = 20 * gasUnit // each change of a row, undone ones included
	gasByteWritten = 2            // a byte of key and value, old and new
	gasSource      = 16           // a byte of a deployed source
	gasRowBuilt    = 5 * gasUnit  // a stored row that an upgrade copies, beside its bytes and the steps that write it

	mostSteps = 1000 // VM steps between two looks at the meter; fewer when fewer are paid for
)

// A transaction runs first at tier 0, where no value, row or index entry that a
// statement handles is longer than lengths[0], because SQLite refuses longer
// ones. When one is refused, all that the transaction did is undone and it runs
// again at the next tier, whose steps cost more. So a step's price needs to be
// right for values of its tier only, and whoever handles short values pays for
// short ones. What the abandoned run spent stays spent.
//
// Invariant: the tier in which a transaction ends is decided by the values that
// it meets, hence by the state and its arguments. (SQLite hands out a value that
// lies on its row's first page without looking at its length; those are 1002
// bytes at most, which is why no tier is shorter.)
var lengths = [sqlfunc.Tiers]int{1 << 10, 8 << 10, sqlfunc.MaxValue}

// tierOf is the tier in which a value of n bytes fits.
func tierOf(n int) int {
	t := 0
	for t < sqlfunc.Tiers-1 && n > lengths[t] {
		t++
	}
	return t
}

// tooLong is the failure of a value over the tier's length.
var tooLong = fail("AG0421", "")

// meter counts one transaction's gas in 1/64 units.
//
// When a statement that writes is stopped, SQLite rolls back the whole block's
// transaction, and the rows of the block have to be put back (Session.restore).
// So it is let run on for about as long as that would take: often it ends by
// itself.
//
// Invariant: whether a transaction runs out of gas depends on exact counts only.
// The progress handler stops a statement only when the steps it has surely made
// are over the limit already, so it changes nothing but the time it takes.
type meter struct {
	limit uint64 // 1/64 units
	used  uint64
	tier  int

	// Of the running statement.
	price uint64 // of a step
	every uint64 // steps between two looks
	steps uint64 // surely made
	grace uint64 // steps that it may make for nothing
}

func newMeter(limit uint64) meter { return meter{limit: limit * gasUnit} }

// newLongMeter is for what runs once, beside a transaction: values may have any
// length from the start.
func newLongMeter(limit uint64) meter {
	m := newMeter(limit)
	m.tier = sqlfunc.Tiers - 1
	return m
}

func (m *meter) add(cost uint64) {
	m.used += cost
	if m.used < cost {
		m.used = ^uint64(0)
	}
}

// longest is the length in bytes of the longest value that may be handled now.
func (m *meter) longest() int { return lengths[m.tier] }

// last tells that what is too long now is too long for good: there is no next
// tier, or no gas to run in it.
func (m *meter) last() bool { return m.tier == sqlfunc.Tiers-1 || m.over() }

// raise goes to the next tier, if there is one.
func (m *meter) raise() bool {
	if m.last() {
		return false
	}
	m.tier++
	return true
}

func (m *meter) over() bool { return m.used > m.limit }

// gas is what the receipt shows: never more than the limit.
func (m *meter) gas() uint64 { return (min(m.used, m.limit) + gasUnit - 1) / gasUnit }

// start prepares for the steps of one statement. changed is the number of rows
// that a stop would have to put back.
func (m *meter) start(q *Query, changed int) {
	m.add(gasStatement)
	m.price, m.steps, m.grace = q.weight[m.tier], 0, 0
	m.every = min(mostSteps, 1+(m.limit-min(m.used, m.limit))/m.price)
	if !q.ReadOnly {
		m.grace = min(uint64(changed)*stepsPerRow, mostGrace)
	}
}

const (
	stepsPerRow = 50      // VM steps that take as long as putting back a row
	mostGrace   = 100_000 // about 10 ms
)

// tick is the progress handler.
func (m *meter) tick() (stop bool) {
	m.steps += m.every
	if m.used+m.steps*m.price <= m.limit {
		return false
	}
	if m.grace < m.every {
		return true
	}
	m.grace -= m.every
	return false
}

// stop adds the exact steps of the statement.
func (m *meter) stop(steps int64) {
	m.add(uint64(steps) * m.price)
	m.steps = 0
}

// read charges a row handed out with its cells.
func (m *meter) read(cells ...any) {
	m.add(gasRowRead)
	for _, v := range cells {
		switch v := v.(type) {
		case string:
			m.add(uint64(len(v)) * gasByteRead)
		case []byte:
			m.add(uint64(len(v)) * gasByteRead)
		}
	}
}
