package sqlcontract

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Block is what transactions see of the block that is being made.
type Block struct {
	Branch objectstore.Hash
	Number uint64
	Time   int64 // ms since 1970

	// Merge marks a merge block: transactions of other branches are in scope,
	// and those that fail are excluded.
	Merge bool
	// Cells marks a merge block by cells: a deploy of the source does not run
	// its CONSTRUCTOR again, the rows come from the merge.
	Cells bool
	// Again lets transactions run that an earlier merge has excluded: a
	// cherry-pick, or the replay of a block that may hold one.
	Again bool
	// Invariants makes a deploy fail that drops or changes an INVARIANT in force
	// (AG0554), or a new contract that has tables and declares none (AG0555).
	Invariants bool
	// May tells whether an account may write on the branch, signing by these keys
	// (VerifiedTransaction.Keys): nil, or the error that says why not. It is asked
	// once a block about each, and must depend on nothing else. A nil May allows
	// everybody who signs by the first keys of his account.
	May func(account objectstore.Account, keys []byte) error
}

// Session makes one block: transactions run one after another on top of the
// tree's state. It ends with Seal and Commit, or with Rollback. The tree is the
// lock: methods may be called by several goroutines, but their order decides
// the block.
type Session struct {
	tree  *Tree
	block Block
	base  *prolly.Map

	touched   map[string]*database // present database of each contract in use, in a SQLite transaction
	began     []*database          // all with an open SQLite transaction, replaced ones too
	contracts map[string]*deployed
	capture   capture
	vars      map[string]any
	allowed   map[signer]error // what Block.May said
	sighted   *sighting        // the last answer of seen; nil once a row was written
	observer  Observer         // nil: nobody looks

	// overlay holds all rows changed in this block, from the base to now.
	overlay map[string]*RowChange
	done    []recorded
	sealed  *Sealed

	violations []Violation // of the last transaction, a revert

	ended  bool
	broken error // trouble of this machine: only Rollback is left
}

// recorded is one transaction of the block with its answer.
type recorded struct {
	tx      VerifiedTransaction
	receipt Receipt
	rows    []RowChange
}

// Begin opens the session of a block. One session is open at a time; Commit or
// Rollback ends it.
func (t *Tree) Begin(b Block) (*Session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.session != nil {
		return nil, errors.New("beginning a block: the working tree is closed or another block is being made")
	}
	s := &Session{tree: t, block: b, base: t.state, touched: map[string]*database{}, contracts: map[string]*deployed{},
		vars: map[string]any{}, allowed: map[signer]error{}, overlay: map[string]*RowChange{}}
	t.session = s
	if err := s.forget(); err != nil {
		return nil, errors.Join(fmt.Errorf("beginning block %d: %w", b.Number, err), s.rollback())
	}
	return s, nil
}

// touch gives a contract's database inside this block's SQLite transaction.
func (s *Session) touch(name string) (*database, error) {
	if db := s.touched[name]; db != nil {
		return db, nil
	}
	d, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, errNoContract(name)
	}
	db, err := s.tree.ready(d.contract)
	if err != nil {
		return nil, err
	}
	into := &s.capture
	if name == systemSeen {
		into = nil // its rows are implied by the transactions
	}
	if err := db.begin(into); err != nil {
		return nil, fmt.Errorf("opening a transaction on contract %s: %w", name, err)
	}
	s.touched[name] = db
	s.began = append(s.began, db)
	return db, nil
}

// find gives the contract in force now, or nil.
func (s *Session) find(name string) (*deployed, error) {
	if d := s.contracts[name]; d != nil {
		return d, nil
	}
	d, err := s.tree.find(s.get, name)
	if d != nil {
		s.contracts[name] = d
	}
	return d, err
}

// get reads a row as it is now, the running transaction's changes included.
func (s *Session) get(key []byte) ([]byte, bool, error) {
	if i := s.capture.find(key); i >= 0 {
		v := s.capture.rows[i].New
		return v, v != nil, nil
	}
	if r := s.overlay[string(key)]; r != nil {
		return r.New, r.New != nil, nil
	}
	return s.base.Get(key)
}

// put changes a row of a system table as part of the running transaction; nil
// deletes it.
func (s *Session) put(key, value []byte) error {
	old, _, err := s.get(key)
	if err == nil {
		s.capture.record("", key, old, value)
	}
	return err
}

// scan lists the rows under a prefix as they are now, in key order.
func (s *Session) scan(prefix []byte) ([]entry, error) {
	rows := map[string][]byte{}
	err := s.base.Scan(prefix, wire.KeyPrefixEnd(prefix), func(key, value []byte) error {
		rows[string(key)] = value
		return nil
	})
	if err != nil {
		return nil, err
	}
	for key, r := range s.overlay {
		if bytes.HasPrefix(r.Key, prefix) {
			rows[key] = r.New
		}
	}
	for _, r := range s.capture.rows {
		if bytes.HasPrefix(r.Key, prefix) {
			rows[string(r.Key)] = r.New
		}
	}
	var list []entry
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if rows[key] != nil {
			list = append(list, entry{[]byte(key), rows[key]})
		}
	}
	return list, nil
}

// Run runs one transaction and records it with its receipt, whether it succeeds
// or fails (in a merge block a failing one is excluded). An error means that
// nothing is recorded: NotAdmitted tells a refusal, after which the session goes
// on, from trouble of this machine, after which only Rollback is left.
func (s *Session) Run(tx VerifiedTransaction) (Receipt, error) {
	return s.RunIf(tx, nil)
}

// RunIf is Run that asks accept about a transaction that ran ok, showing its net
// rows. A code other than "" undoes it and records it as excluded with that
// code; that is for merge blocks.
func (s *Session) RunIf(tx VerifiedTransaction, accept func(rows []RowChange) (code string)) (Receipt, error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if err := s.usable(); err != nil {
		return Receipt{}, err
	}
	if tx.header.OfMerge() {
		return Receipt{}, fault.New("AG0436", "", "transaction %s is the patch of a merge, which runs only in the block that it was made for", tx.id.Short())
	}
	s.violations = nil
	known, err := s.admit(tx)
	if err == nil && tx.header.Kind == KindPatch {
		err = s.mayRevert(tx)
	}
	if err != nil {
		if !NotAdmitted(err) {
			s.broken = err
		}
		return Receipt{}, err
	}
	r, rows, f, err := s.execute(tx, accept)
	if err == nil {
		err = s.record(tx, s.answer(r, rows, f), rows, known)
	}
	if err != nil {
		s.broken = fmt.Errorf("running transaction %s: %w", tx.id.Short(), err)
		return Receipt{}, s.broken
	}
	return s.done[len(s.done)-1].receipt, nil
}

func (s *Session) usable() error {
	switch {
	case s.ended || s.sealed != nil:
		return errors.New("running a transaction: the block is sealed or given up")
	case s.broken != nil:
		return s.broken
	}
	return nil
}

// execute runs an admitted transaction, at one tier after the other until it
// fits. It gives its net rows, or why it failed; what it did is then undone.
func (s *Session) execute(tx VerifiedTransaction, accept func([]RowChange) string) (r *run, rows []RowChange, f *failure, err error) {
	m, trace := newMeter(tx.header.GasLimit), newTrace(s.observer)
	m.add(gasTransaction + uint64(len(tx.raw.Arguments))*gasArgument)
	for {
		r = &run{s: s, args: tx.args, account: tx.header.Account, txid: tx.id, created: tx.header.Created,
			block: s.block, ledger: s.tree.ledger, meter: m, trace: trace,
			activation: activation{caller: string(tx.header.Account), vars: s.vars}}
		rows, f, err = s.attempt(r, tx, accept)
		if m = r.meter; f != tooLong || !m.raise() {
			return r, rows, f, err
		}
	}
}

// attempt runs a transaction once.
func (s *Session) attempt(r *run, tx VerifiedTransaction, accept func([]RowChange) string) (rows []RowChange, f *failure, err error) {
	s.capture.reset()
	var d *deploy
	if tx.header.Kind == KindDeploy {
		d = &deploy{run: r, name: tx.header.Contract, author: tx.header.Account, pre: func() error { return s.preconditions(tx) }}
		err = d.do()
	} else if tx.header.Kind == KindPatch {
		err = s.revert(r, tx)
	} else {
		err = s.call(r, tx)
	}
	if err == nil {
		err = r.check()
	}
	if err == nil && r.meter.over() {
		err = fail("AG0420", "")
	}
	r.trace.close(r, err)
	trouble := s.capture.mismatch != "" || err != nil && !errors.As(err, &f)
	if trouble && d != nil {
		err = errors.Join(err, d.end(false))
	}
	if s.capture.mismatch != "" {
		return nil, nil, fmt.Errorf("table %s: the working tree does not hold the rows of the state; it will be rebuilt", s.capture.mismatch)
	}
	if trouble {
		return nil, nil, err
	}
	if f == nil {
		rows = s.capture.net()
		if accept != nil {
			if code := accept(rows); code != "" {
				f = fail(code, "")
			}
		}
	}
	err = nil
	if d != nil {
		err = d.end(f == nil)
	}
	for _, at := range r.touched {
		if err == nil && (d == nil || at.db != d.fresh) {
			err = s.settle(at.db, f == nil)
		}
		if tx.header.Kind == KindPatch && f != nil {
			at.db.finalize() // the schema was rolled back with the triggers
		}
	}
	if f != nil {
		rows = nil
	}
	s.capture.reset()
	return rows, f, err
}

// call runs a transaction of kind call.
func (s *Session) call(r *run, tx VerifiedTransaction) error {
	d, err := s.find(tx.header.Contract)
	if err != nil {
		return err
	}
	if d == nil {
		return fail("AG0401", tx.header.Contract)
	}
	if r.place = (place{contract: d}); d.contract.Name != systemMerge { // whose rows the engine writes, not its file
		if r.place, err = r.enter(d); err != nil {
			return err
		}
	}
	return r.call(tx.header.Action, func() error { return s.preconditions(tx) })
}

// answer makes the receipt.
func (s *Session) answer(r *run, rows []RowChange, f *failure) Receipt {
	answer := Receipt{Transaction: r.txid, Status: StatusOK, Gas: r.meter.gas()}
	switch {
	case f == nil:
		answer.Columns, answer.Rows, answer.Events = r.receipt.Columns, r.receipt.Rows, r.receipt.Events
		answer.Changed = uint64(len(rows))
	case s.block.Merge:
		answer.Status, answer.Code, answer.Text = StatusExcluded, f.code, f.text
	default:
		answer.Status, answer.Code, answer.Text = StatusFailed, f.code, f.text
	}
	return answer
}

// Exclude records a transaction in a merge block as excluded, without running
// it. One that has expired (AG0431) leaves no seen row, nor does one whose salt
// is taken by another: its code is AG0434, whatever the code given.
func (s *Session) Exclude(tx VerifiedTransaction, code string) error {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if !s.block.Merge {
		return fmt.Errorf("excluding transaction %s: only a merge block excludes", tx.id.Short())
	}
	receipt := Receipt{Transaction: tx.id, Status: StatusExcluded, Code: code}
	seen, status, err := s.seen(tx.header.Account, tx.header.Salt)
	if err == nil && receipt.leavesRow() && status != 0 && seen != tx.id {
		receipt.Code = "AG0434" // the row of the other one must stay, or that one could run again
	}
	if err == nil {
		err = s.record(tx, receipt, nil, true)
	}
	if err != nil {
		s.broken = fmt.Errorf("excluding transaction %s: %w", tx.id.Short(), err)
		return s.broken
	}
	return nil
}

// leavesRow tells whether a recorded transaction has a row in aergo_seen.
func (r Receipt) leavesRow() bool {
	return r.Status != StatusExcluded || r.Code != "AG0431" && r.Code != "AG0434"
}

// record adds a transaction with its answer to the block. known tells whether
// it may have a row in aergo_seen.
func (s *Session) record(tx VerifiedTransaction, receipt Receipt, rows []RowChange, known bool) error {
	for _, row := range rows {
		s.lay(row)
	}
	s.sighted = nil
	if receipt.leavesRow() {
		h := tx.header
		key, err := seenKey(day(h.Expiry), h.Account, h.Salt)
		if err != nil {
			return err
		}
		value, err := seenRow(tx.id, receipt.Status)
		if err != nil {
			return err
		}
		var old []byte
		if known {
			if old, _, err = s.get(key); err != nil {
				return err
			}
		}
		s.lay(RowChange{Key: key, Old: old, New: value})
		db, err := s.touch(systemSeen)
		if err != nil {
			return err
		}
		st, err := db.own("INSERT INTO seen(day, account, salt, id, verdict) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (day, account, salt) DO UPDATE SET verdict = ?5")
		if err != nil {
			return err
		}
		if err := db.run(st, day(h.Expiry), string(h.Account), h.Salt[:], tx.id[:], int64(receipt.Status)); err != nil {
			return err
		}
	}
	s.done = append(s.done, recorded{tx, receipt, rows})
	return nil
}

// lay puts a row's change over those of earlier transactions.
func (s *Session) lay(row RowChange) {
	if before := s.overlay[string(row.Key)]; before != nil {
		before.New = row.New
		return
	}
	s.overlay[string(row.Key)] = &row
}

// Len is the number of transactions recorded.
func (s *Session) Len() int {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	return len(s.done)
}

// Last is the receipt and the net rows of the transaction recorded last; zero
// when there is none.
func (s *Session) Last() (Receipt, []RowChange) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if len(s.done) == 0 {
		return Receipt{}, nil
	}
	last := s.done[len(s.done)-1]
	return last.receipt, last.rows
}

// Changes are the net rows of transaction i of this block, in key order.
func (s *Session) Changes(i int) []RowChange {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	return s.done[i].rows
}

// freePath finds a file name for a new database of the contract that no open
// one uses.
func (s *Session) freePath(c *Contract) string {
	if s.tree.dir == "" {
		return ""
	}
	for serial := 0; ; serial++ {
		path := filepath.Join(s.tree.dir, fileName(c, serial))
		used := func(db *database) bool { return db != nil && db.path == path }
		if !used(s.tree.open[c.Name]) && !used(s.touched[c.Name]) {
			return path
		}
	}
}
