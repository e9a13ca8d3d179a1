package sqlcontract

// Engine 1's gas table. One unit is about 2 to 3 microseconds of one core. A
// change here is a new engine.
//
// Costs are summed in 1/64 units over the whole transaction and rounded up once
// at its end: gas = ceil(sum/64). VM steps cost Query.Weight/64 a step, counted
// by sqlite3_stmt_status per statement, triggers and cascades included. Steps
// alone are no measure of time, so rows and bytes cost as well.
const (
	gasUnit = 64 // all costs below are multiples of a whole unit

	gasTransaction = 50 * gasUnit // signature, seen row, lists
	gasArgument    = 2            // a byte of encoded arguments
	gasCall        = 10 * gasUnit // a CALL, beside its arguments and what it runs
	gasStatement   = 1 * gasUnit  // one execution of a statement or expression
	gasRowRead     = 1 * gasUnit  // a row that a statement hands out: returned, emitted, FOR, LET
	gasByteRead    = 2            // a byte of its text and blobs
	gasRowWritten  = 20 * gasUnit // each change of a row, undone ones included
	gasByteWritten = 2            // a byte of key and of the new value
	gasSource      = 16           // a byte of a deployed source
	gasRowBuilt    = 5 * gasUnit  // a stored row that an upgrade copies and checks

	progressInterval = 1000 // VM steps between two looks at the meter
	writeTicks       = 1000 // looks before a statement that writes is stopped: about 50 ms
	rowTicks         = 20   // the same once its rows alone are over the limit: each may take 64 KiB
)

// meter counts one transaction's gas in 1/64 units.
//
// A statement that writes is let run on for a while after its gas is used up,
// since stopping it makes SQLite roll back the whole block's transaction, which
// then has to be restored (see Session.restore); undoing it is cheap.
//
// Invariant: whether a transaction runs out of gas depends on exact counts only.
// The progress handler stops a statement only when the steps it has surely made
// are over the limit already, so it changes nothing but the time it takes.
type meter struct {
	limit  uint64 // 1/64 units
	used   uint64
	weight uint64 // of the running statement
	writes bool   // that statement is not read-only
	ticks  uint64 // calls of the progress handler for it: at least ticks*progressInterval steps
}

func newMeter(limit uint64) meter { return meter{limit: limit * gasUnit} }

func (m *meter) add(cost uint64) {
	m.used += cost
	if m.used < cost {
		m.used = ^uint64(0)
	}
}

func (m *meter) over() bool { return m.used > m.limit }

// gas is what the receipt shows: never more than the limit.
func (m *meter) gas() uint64 { return (min(m.used, m.limit) + gasUnit - 1) / gasUnit }

// start prepares for the steps of one statement.
func (m *meter) start(q *Query) {
	m.weight, m.writes, m.ticks = uint64(max(q.Weight, 1)), !q.ReadOnly, 0
	m.add(gasStatement)
}

// tick is the progress handler.
func (m *meter) tick() (stop bool) {
	m.ticks++
	if m.writes && (m.ticks < rowTicks || m.ticks < writeTicks && !m.over()) {
		return false
	}
	return m.used+m.ticks*progressInterval*m.weight > m.limit
}

// stop adds the exact steps of the statement.
func (m *meter) stop(steps int64) {
	m.add(uint64(steps) * m.weight)
	m.ticks = 0
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
