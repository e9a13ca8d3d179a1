package sqlcontract

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sqlite"
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
	// Again lets transactions run that an earlier merge has excluded: a
	// cherry-pick, or the replay of a block that may hold one.
	Again bool
	// May tells whether an account may write on the branch: nil, or the error
	// that says why not. A nil May allows everybody.
	May func(account objectstore.Account) error
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

	// overlay holds all rows changed in this block, from the base to now.
	overlay map[string]*RowChange
	done    []recorded
	sealed  *Sealed

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
		vars: map[string]any{}, overlay: map[string]*RowChange{}}
	t.session = s
	if err := s.forget(); err != nil {
		return nil, errors.Join(fmt.Errorf("beginning block %d: %w", b.Number, err), s.rollback())
	}
	return s, nil
}

// forget deletes the seen rows of transactions that can no longer run.
func (s *Session) forget() error {
	gone, err := expired(s.base, s.block.Time)
	if err != nil {
		return err
	}
	db, err := s.touch(systemSeen)
	if err != nil || len(gone) == 0 {
		return err
	}
	for _, e := range gone {
		s.overlay[string(e.key)] = &RowChange{Key: e.key, Old: e.value}
	}
	st, err := db.own("DELETE FROM seen WHERE day < ?1")
	if err != nil {
		return err
	}
	return db.run(st, day(s.block.Time))
}

// expired lists the rows of aergo_seen whose expiry day is before that of a
// block's time.
func expired(state *prolly.Map, ms int64) ([]entry, error) {
	from := tablePrefix(systemSeen, "seen")
	to := wire.AppendKeyInt(slices.Clone(from), day(ms))
	var gone []entry
	err := state.Scan(from, to, func(key, value []byte) error {
		gone = append(gone, entry{bytes.Clone(key), bytes.Clone(value)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for expired transactions: %w", err)
	}
	return gone, nil
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
	known, err := s.admit(tx)
	if err != nil {
		if !NotAdmitted(err) {
			s.broken = err
		}
		return Receipt{}, err
	}
	r := &run{s: s, args: tx.args, account: tx.header.Account, txid: tx.id, created: tx.header.Created,
		block: s.block, ledger: s.tree.ledger, meter: newMeter(tx.header.GasLimit), vars: s.vars}
	rows, f, err := s.execute(r, tx, accept)
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

// admit decides whether a transaction may be in this block at all. known tells
// that an earlier merge has excluded it.
func (s *Session) admit(tx VerifiedTransaction) (known bool, err error) {
	if err := s.inScope(tx); err != nil {
		return false, err
	}
	h := tx.header
	id := tx.id.Short()
	seen, status, err := s.seen(h.Account, h.Salt)
	if err != nil {
		return false, err
	}
	if status != 0 && seen != tx.id {
		return false, fault.New("AG0434", "Use another idempotency key, or look at the first one: aergo-git show "+seen.Short(), "the salt of transaction %s was used before, by transaction %s with other content", id, seen.Short())
	}
	if status != 0 && !(status == StatusExcluded && s.block.Again) {
		return false, fault.New("AG0432", "Look at its receipt: aergo-git show "+seen.Short(), "transaction %s has run before, its verdict was: %s", id, status)
	}
	if s.block.May != nil {
		if err := s.block.May(h.Account); err != nil {
			return false, err
		}
	}
	if tx.args == nil {
		return false, fault.New("AG0435", "", "the arguments of transaction %s have been erased, it cannot run", id)
	}
	return status != 0, nil
}

// inScope decides by the transaction's header and the block alone.
func (s *Session) inScope(tx VerifiedTransaction) error {
	h := tx.header
	id := tx.id.Short()
	if h.Kind == KindPatch {
		return fault.New("AG0436", "", "transaction %s is a patch, which this engine does not run", id)
	}
	if s.block.Time > h.Expiry {
		return fault.New("AG0431", "Sign the call again.", "transaction %s expired at %s", id, moment(h.Expiry))
	}
	if h.Expiry-s.block.Time > MaxLife.Milliseconds() {
		return fault.New("AG0431", "Check the clock of the signer.", "transaction %s expires at %s, more than %d days after the block's time", id, moment(h.Expiry), int(MaxLife.Hours()/24))
	}
	if b := tx.BranchID(); !b.IsZero() && b != s.block.Branch && !s.block.Merge {
		return fault.New("AG0433", "Sign it for this branch, or merge the branch it ran on.", "transaction %s is bound to branch %s and this is branch %s", id, b.Short(), s.block.Branch.Short())
	}
	return nil
}

// moment shows a time in ms.
func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// NotAdmitted tells whether an error of Run or RunIf is a refusal to take the
// transaction into this block: nothing was recorded, and the session goes on.
func NotAdmitted(err error) bool {
	f := fault.Of(err)
	if f == nil {
		return false
	}
	switch f.ID {
	case "AG0431", "AG0432", "AG0433", "AG0434", "AG0435", "AG0436":
		return true
	}
	return len(f.ID) == 6 && f.ID[:4] == "AG05"
}

// execute runs an admitted transaction. It gives its net rows, or why it
// failed; what it did is then undone.
func (s *Session) execute(r *run, tx VerifiedTransaction, accept func([]RowChange) string) (rows []RowChange, f *failure, err error) {
	s.capture.reset()
	r.meter.add(gasTransaction + uint64(len(tx.raw.Arguments))*gasArgument)
	var d *deploy
	if tx.header.Kind == KindDeploy {
		d = &deploy{run: r, name: tx.header.Contract, author: tx.header.Account, pre: func() error { return s.preconditions(tx) }}
		err = d.do()
	} else {
		err = s.call(r, tx)
	}
	if err == nil && r.db != nil {
		if err = r.check(); err == nil && r.meter.over() {
			err = fail("AG0420", "")
		}
	}
	if err == nil && r.meter.over() {
		err = fail("AG0420", "")
	}
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
	} else if r.db != nil {
		err = s.settle(r.db, f == nil)
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
	r.contract = d
	if r.db, err = s.touch(tx.header.Contract); err != nil {
		return err
	}
	return r.call(tx.header.Action, holds(s.get, d.contract.Name, r.account), func() error { return s.preconditions(tx) })
}

// holds tells whether an account has a role of a contract.
func holds(from get, contract string, account objectstore.Account) roleFunc {
	return func(role string) (bool, error) {
		key, err := roleKey(contract, role, account)
		if err != nil {
			return false, err
		}
		_, ok, err := from(key)
		return ok, err
	}
}

// preconditions checks a transaction's preconditions on the state it meets. The
// failure names the first that does not hold by its position from 1.
func (s *Session) preconditions(tx VerifiedTransaction) error {
	for i, p := range tx.header.Preconditions {
		ok, err := s.precondition(p)
		if err != nil {
			return err
		}
		if !ok {
			return fail("AG0430", fmt.Sprint(i+1))
		}
	}
	return nil
}

func (s *Session) precondition(p Precondition) (bool, error) {
	switch p.Kind {
	case RowIs, RowAbsent:
		value, ok, err := s.get(p.Key)
		if err != nil || !ok {
			return p.Kind == RowAbsent, err
		}
		h := objectstore.Sum(objectstore.KindRow, value)
		return p.Kind == RowIs && bytes.Equal(h[:], p.Hash), nil
	case CodeIs:
		d, err := s.find(p.Named)
		return d != nil && bytes.Equal(d.contract.Code[:], p.Hash), err
	case AfterTxHas:
		db, err := s.touch(systemSeen)
		if err != nil {
			return false, err
		}
		st, err := db.own("SELECT 1 FROM seen WHERE id = ?1 AND verdict = 1")
		if err != nil {
			return false, err
		}
		return db.exists(st, p.Hash)
	}
	return false, nil
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
// it. One that has expired (AG0431) or whose salt is taken by another (AG0434)
// leaves no seen row.
func (s *Session) Exclude(tx VerifiedTransaction, code string) error {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if !s.block.Merge {
		return fmt.Errorf("excluding transaction %s: only a merge block excludes", tx.id.Short())
	}
	if err := s.record(tx, Receipt{Transaction: tx.id, Status: StatusExcluded, Code: code}, nil, true); err != nil {
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

// HasSeen tells whether this very transaction has taken effect, this block
// included.
func (s *Session) HasSeen(tx VerifiedTransaction) (bool, error) {
	id, _, ok, err := s.Seen(tx.header.Account, tx.header.Salt)
	return ok && id == tx.id, err
}

// Seen tells which transaction of this account and salt has taken effect, this
// block included.
func (s *Session) Seen(account objectstore.Account, salt objectstore.Hash) (tx objectstore.Hash, status Status, ok bool, err error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if s.ended {
		return tx, 0, false, errors.New("looking for a transaction: the block is committed or given up")
	}
	tx, status, err = s.seen(account, salt)
	return tx, status, status != 0, err
}

func (s *Session) seen(account objectstore.Account, salt objectstore.Hash) (objectstore.Hash, Status, error) {
	db, err := s.touch(systemSeen)
	if err != nil {
		return objectstore.Hash{}, 0, err
	}
	return seenIn(db, account, salt)
}

func seenIn(db *database, account objectstore.Account, salt objectstore.Hash) (id objectstore.Hash, status Status, err error) {
	st, err := db.own("SELECT id, verdict FROM seen WHERE account = ?1 AND salt = ?2")
	if err != nil {
		return id, 0, err
	}
	if err := errors.Join(st.BindText(1, string(account)), st.BindBlob(2, salt[:])); err != nil {
		return id, 0, err
	}
	row, err := st.Step()
	if row {
		copy(id[:], st.ColumnView(0))
		status = Status(st.ColumnInt64(1))
	}
	return id, status, errors.Join(err, st.Reset())
}

// Commit makes the sealed state the tree's. Call it when the block is durable
// in the store; until then Rollback is possible.
//
// What happens when this process dies around it: the store's batch is the
// block. Before it, the files hold the state before (SQLite rolls back). After
// it and before Commit, they hold the state before too, and are brought forward
// by the rows that differ when next touched. Files are never ahead of the
// store, and if one is lost or damaged it is rebuilt from the state.
func (s *Session) Commit() error {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if s.ended || s.sealed == nil {
		return errors.New("committing a block: it is not sealed, or ended")
	}
	t, base, next := s.tree, s.base.Root(), s.sealed.state
	s.sealed.saved()
	direct := map[string]bool{} // system contracts whose rows changed and not their files
	for _, r := range s.overlay {
		for _, name := range SystemContracts() {
			if s.touched[name] == nil && bytes.HasPrefix(r.Key, contractPrefix(name)) {
				direct[name] = true
			}
		}
	}
	for name, db := range s.touched {
		old := t.open[name]
		if err := db.commit(next); err != nil {
			// Only the cache is lost.
			db.close()
			delete(t.open, name)
		} else {
			t.open[name] = db
		}
		if old != db && old != nil {
			old.discard()
		}
	}
	for name, db := range t.open {
		if s.touched[name] == nil && !direct[name] && db.state.Root() == base {
			db.state = next // nothing of it changed
		}
	}
	t.state = next
	s.end()
	return nil
}

// Rollback gives the block up: the tree is as before Begin. After Commit it does
// nothing, so that it can be deferred.
func (s *Session) Rollback() error {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	return s.rollback()
}

func (s *Session) rollback() error {
	if s.ended {
		return nil
	}
	t := s.tree
	for _, db := range s.began {
		if db.conn == nil {
			continue
		}
		if t.open[db.contract.Name] != db {
			db.discard() // made by a deploy of this block
			continue
		}
		if s.capture.mismatch != "" {
			db.discard() // rebuilt when next touched
			delete(t.open, db.contract.Name)
			continue
		}
		if err := db.undo(); err != nil || s.broken != nil {
			db.close() // opened anew, and checked, when next touched
			delete(t.open, db.contract.Name)
		}
	}
	s.end()
	return nil
}

func (s *Session) end() {
	s.ended = true
	s.tree.session = nil
	s.touched, s.began, s.contracts, s.overlay, s.base = nil, nil, nil, nil, nil
}

// settle ends a transaction on its contract's database.
func (s *Session) settle(db *database, keep bool) error {
	if db.conn.InTransaction() {
		return db.settle(keep)
	}
	return s.restore(db)
}

// restore brings a database back to where the block is, after SQLite rolled its
// transaction back: it does so when a statement that writes is interrupted,
// because it ran out of gas.
func (s *Session) restore(db *database) error {
	into := db.capture
	db.capture, db.marked = nil, false
	if err := db.conn.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := db.conn.ForceForeignKeys(false); err != nil {
		return err
	}
	err := db.apply(func(l *layout, fn func(key, old, new []byte) error) error {
		for _, r := range s.overlay {
			if !bytes.HasPrefix(r.Key, l.prefix) {
				continue
			}
			// A row that an upgrade in this block copied is there even if Old is nil.
			if err := fn(r.Key, r.Key, r.New); err != nil {
				return err
			}
		}
		return nil
	})
	db.capture = into
	return errors.Join(err, db.conn.ForceForeignKeys(true))
}

// begin opens the block's SQLite transaction.
func (db *database) begin(c *capture) error {
	if err := db.conn.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	db.capture, db.marked = c, false
	return nil
}

// mark opens the transaction's savepoint, unless it is open.
func (db *database) mark() error {
	if db.marked {
		return nil
	}
	st, err := db.own("SAVEPOINT tx")
	if err == nil {
		err = db.run(st)
	}
	db.marked = err == nil
	return err
}

// settle ends the transaction's savepoint: what it did stays or is undone.
func (db *database) settle(keep bool) error {
	if !db.marked {
		return nil
	}
	db.marked = false
	if !keep {
		st, err := db.own("ROLLBACK TO tx")
		if err != nil {
			return err
		}
		if err := db.run(st); err != nil {
			return err
		}
	}
	st, err := db.own("RELEASE tx")
	if err != nil {
		return err
	}
	return db.run(st)
}

func (db *database) commit(state *prolly.Map) error {
	db.capture = nil
	if err := db.writeMeta(state.Root()); err != nil {
		return err
	}
	if err := db.conn.Exec("COMMIT"); err != nil {
		return err
	}
	db.state = state
	return nil
}

func (db *database) undo() error {
	db.capture, db.marked = nil, false
	if !db.conn.InTransaction() {
		return nil
	}
	return db.conn.Exec("ROLLBACK")
}

// discard closes a database for good and deletes its file. A file that cannot
// be deleted is harmless: it is brought forward or rebuilt if ever used again.
func (db *database) discard() {
	db.close()
	if db.path != "" {
		removeFile(db.path)
	}
}

// own prepares a statement of ours once.
func (db *database) own(sql string) (*sqlite.Stmt, error) {
	if st := db.owned[sql]; st != nil {
		return st, nil
	}
	st, err := db.prepareOwn(sql)
	if err != nil {
		return nil, err
	}
	if db.owned == nil {
		db.owned = map[string]*sqlite.Stmt{}
	}
	db.owned[sql] = st
	return st, nil
}

// run binds and runs a statement of ours that gives no rows.
func (db *database) run(st *sqlite.Stmt, args ...any) error {
	_, err := db.exists(st, args...)
	return err
}

// exists binds and runs a statement of ours and tells whether it gives a row.
func (db *database) exists(st *sqlite.Stmt, args ...any) (bool, error) {
	for i, v := range args {
		if err := st.Bind(i+1, v); err != nil {
			return false, err
		}
	}
	row, err := st.Step()
	return row, errors.Join(err, st.Reset())
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
