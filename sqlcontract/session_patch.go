package sqlcontract

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Violation is a declaration that rows of a merge break together.
type Violation struct {
	Code     string // as in a receipt: AG0411 CHECK, AG0412 UNIQUE, AG0413 NOT NULL, AG0414 FOREIGN KEY, AG0415 INVARIANT, AG0421 too big, AG0429 a CHECK that fails itself, AG0420 INVARIANTs that take too long
	Text     string // the constraint's name, or the table and columns
	Contract string
	Table    string
	Key      []byte // state key of a row that has it; nil where it is a total's
}

// Patch records a patch: a transaction of a merge block that brings all the rows
// that the merge changes. rows are what differs from the state so far;
// touched are the keys of all rows that either side of the merge changed: what
// the contracts declare is checked on them. No trigger fires, no foreign key
// acts, no action runs: the values are final. Rows of aergo_seen may be among
// rows, those of other system contracts not.
//
// If the rows break a declaration, all violations are given, nothing is
// recorded, and the session can only be rolled back.
func (s *Session) Patch(tx VerifiedTransaction, rows []RowChange, touched [][]byte) ([]Violation, error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, err
	}
	if !tx.header.OfMerge() || !s.block.Merge {
		return nil, errors.New("patching: only the patch of a merge, in its block, brings rows")
	}
	if _, err := s.admit(tx); err != nil {
		if !NotAdmitted(err) {
			s.broken = err
		}
		return nil, err
	}
	p := patch{s: s, rows: rows, touched: slices.Clone(touched), gas: MaxGas}
	slices.SortFunc(p.touched, bytes.Compare)
	p.touched = slices.CompactFunc(p.touched, bytes.Equal)
	s.sighted = nil // its rows may be some of aergo_seen
	violations, err := p.do(tx)
	if err == nil && len(violations) == 0 {
		slices.SortFunc(p.net, func(a, b RowChange) int { return bytes.Compare(a.Key, b.Key) })
		receipt := Receipt{Transaction: tx.id, Status: StatusOK, Gas: gasTransaction / gasUnit, Changed: uint64(len(p.net))}
		err = s.record(tx, receipt, p.net, false)
	}
	if err != nil {
		s.broken = fmt.Errorf("patching with %s: %w", tx.id.Short(), err)
		return nil, s.broken
	}
	if len(violations) > 0 {
		s.broken = errors.New("the rows of the merge break what its contracts declare")
	}
	return violations, nil
}

// patch is one Patch under way.
type patch struct {
	s       *Session
	rows    []RowChange
	touched [][]byte    // ascending, each once
	gas     uint64      // for the INVARIANTs of one contract: they are nobody's transaction
	net     []RowChange // rows and the totals that follow from them
	found   []Violation
}

func (p *patch) do(tx VerifiedTransaction) ([]Violation, error) {
	byContract := map[string][]RowChange{}
	for _, row := range p.rows {
		k, err := wire.DecodeKey(row.Key)
		if err != nil || len(k) < 3 {
			return nil, fmt.Errorf("a state key cannot be read: %w", err)
		}
		name, _ := k[0].(string)
		if strings.HasPrefix(name, systemPrefix) && name != systemSeen {
			return nil, fmt.Errorf("a row of %s is not for a patch", name)
		}
		byContract[name] = append(byContract[name], row)
	}
	for _, key := range p.touched {
		if k, err := wire.DecodeKey(key); err == nil && len(k) > 2 {
			if name, _ := k[0].(string); byContract[name] == nil {
				byContract[name] = []RowChange{}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byContract)) {
		db, err := p.s.touch(name)
		if err != nil {
			return nil, err
		}
		if err := p.write(db, byContract[name]); err != nil {
			return nil, fmt.Errorf("contract %s: %w", name, err)
		}
		if name == systemSeen {
			p.net = append(p.net, byContract[name]...)
			continue
		}
		if len(p.found) > 0 {
			continue // totals and references of rows that could not be written mean nothing
		}
		if err := p.check(tx, db, byContract[name]); err != nil {
			return nil, fmt.Errorf("contract %s: %w", name, err)
		}
	}
	return p.found, nil
}

func (p *patch) violated(code, text string, l *layout, key []byte) {
	v := Violation{Code: code, Text: text, Contract: l.contract, Table: l.Name, Key: bytes.Clone(key)}
	p.found = append(p.found, v)
}

// write puts the rows into SQLite: old ones go first, so that no order of
// uniqueness matters. A row that a CHECK, UNIQUE or NOT NULL refuses, or
// on which one fails (malformed JSON), is noted and left out.
func (p *patch) write(db *database, rows []RowChange) error {
	into := db.capture
	db.capture = nil
	defer func() { db.capture = into }()
	if err := db.conn.ForceForeignKeys(false); err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b RowChange) int { return bytes.Compare(a.Key, b.Key) })
	err := db.apply(func(l *layout, fn func(key, old, new []byte) error) error {
		for _, r := range rowsOf(l, rows) {
			err := fn(r.Key, r.Old, r.New)
			var f *failure
			if err != nil && errors.As(failureOf(err), &f) && f.code != "AG0420" {
				p.violated(f.code, f.text, l, r.Key)
				continue
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, db.conn.ForceForeignKeys(true))
}

// check holds the contract's rows against its foreign keys and INVARIANTs.
func (p *patch) check(tx VerifiedTransaction, db *database, rows []RowChange) error {
	for _, l := range db.plain {
		if err := p.references(db, l); err != nil {
			return err
		}
	}
	if len(p.found) > 0 {
		return nil
	}
	if err := p.invariants(tx, db, rows); !errors.Is(err, errTooMuch) {
		return err
	}
	return nil // it stands among the violations
}

// errTooMuch ends the checks of a contract whose gas is used up.
var errTooMuch = errors.New("the INVARIANTs take too much gas")

// checkLong is checkRow at the tier that the row's values need.
func (r *run) checkLong(v *Invariant, l *layout, key []byte) error {
	r.meter.tier = 0
	for {
		var f *failure
		if err := r.checkRow(v, l, key); !errors.As(err, &f) || f != tooLong || !r.meter.raise() {
			return err
		}
	}
}

// keysOf lists the touched keys of a table in order.
func (p *patch) keysOf(l *layout) [][]byte {
	from, _ := slices.BinarySearchFunc(p.touched, l.prefix, bytes.Compare)
	to, _ := slices.BinarySearchFunc(p.touched, wire.KeyPrefixEnd(l.prefix), bytes.Compare)
	return p.touched[from:to]
}

// rowsOf gives those of a table among rows, which ascend by key.
func rowsOf(l *layout, rows []RowChange) []RowChange {
	byKey := func(r RowChange, key []byte) int { return bytes.Compare(r.Key, key) }
	from, _ := slices.BinarySearchFunc(rows, l.prefix, byKey)
	to, _ := slices.BinarySearchFunc(rows, wire.KeyPrefixEnd(l.prefix), byKey)
	return rows[from:to]
}

// references looks for the parents of the touched rows of a table. That covers
// all: where a row is left without its parent, the side that removed the parent
// has removed or changed the row as well, or the other side has written it.
func (p *patch) references(db *database, l *layout) error {
	keys := p.keysOf(l)
	if len(keys) == 0 {
		return nil
	}
	all, err := db.parentKeys(l)
	if err != nil {
		return err
	}
	for _, k := range all {
		st, err := db.prepareOwn("SELECT 1 FROM " + quoteName(l.Name) + " AS child WHERE " + l.whereKey() + " AND " + k.set + " AND " + k.missing)
		if err != nil {
			return err
		}
		for _, key := range keys {
			k, err := wire.DecodeKey(key[len(l.prefix):])
			if err != nil {
				return err
			}
			orphan, err := db.exists(st, k...)
			if err != nil {
				return errors.Join(err, st.Finalize())
			}
			if orphan {
				p.violated("AG0414", l.Name, l, key)
			}
		}
		if err := st.Finalize(); err != nil {
			return err
		}
	}
	return nil
}

// A parentKey is a foreign key of a child table, as conditions on its rows AS child.
type parentKey struct {
	parent       *layout
	set, missing string // it names a parent; there is none
}

// parentKeys gives those of a table.
func (db *database) parentKeys(l *layout) ([]parentKey, error) {
	st, err := db.prepareOwn("SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(" + sqlLiteral(l.Name) + ") ORDER BY id, seq")
	if err != nil {
		return nil, err
	}
	defer st.Finalize()
	var keys []parentKey
	var where, match []string
	last, parent := int64(-1), (*layout)(nil)
	flush := func() {
		if parent != nil {
			keys = append(keys, parentKey{parent, strings.Join(where, " AND "),
				"NOT EXISTS (SELECT 1 FROM " + quoteName(parent.Name) + " AS parent WHERE " + strings.Join(match, " AND ") + ")"})
		}
		where, match = nil, nil
	}
	for {
		row, err := st.Step()
		if err != nil {
			return nil, err
		}
		if !row {
			break
		}
		if id := st.ColumnInt64(0); id != last {
			flush()
			last = id
		}
		if parent = db.layouts[aergosql.Fold(st.ColumnText(1))]; parent == nil {
			return nil, fmt.Errorf("a foreign key of %s names %s, which is no table", l.Name, st.ColumnText(1))
		}
		from, to := st.ColumnText(2), st.ColumnText(3)
		if to == "" { // the parent's primary key
			to = parent.Columns[parent.Key[len(match)]].Name
		}
		where = append(where, "child."+quoteName(from)+" IS NOT NULL")
		// The plus takes the child's affinity away: as in a foreign key, the parent's decides.
		match = append(match, "parent."+quoteName(to)+" = +child."+quoteName(from))
	}
	flush()
	return keys, nil
}

// invariants checks the INVARIANTs on the touched rows and brings the totals to
// where the changed rows lead.
func (p *patch) invariants(tx VerifiedTransaction, db *database, rows []RowChange) error {
	s := p.s
	d, err := s.find(db.contract.Name)
	if err != nil {
		return err
	}
	r := &run{activation: activation{place: place{d, db}, vars: s.vars}, s: s, tree: s.tree, account: tx.header.Account, txid: tx.id, created: tx.header.Created,
		block: s.block, ledger: s.tree.ledger, meter: newMeter(p.gas)}
	s.capture.reset()
	defer s.capture.reset()
	for _, row := range rows {
		s.capture.record("", row.Key, row.Old, row.New)
	}
	violated := func(err error, l *layout, key []byte) error {
		var f *failure
		if !errors.As(err, &f) {
			return err
		}
		p.violated(f.code, f.text, l, key)
		if f.code == "AG0420" {
			p.found[len(p.found)-1].Text = fmt.Sprintf("its INVARIANTs take more than %d gas to check on the merged rows", p.gas)
			return errTooMuch // of the rest nothing is known
		}
		return nil
	}
	changed := map[string]map[string]bool{} // by-keys, by invariant
	for _, v := range d.contract.Invariants {
		l := db.layouts[v.Table]
		if v.Check != nil {
			for _, key := range p.keysOf(l) {
				if err := violated(r.checkLong(v, l, key), l, key); err != nil {
					return err
				}
			}
			continue
		}
		sums := newSums(v, l)
		for _, row := range rowsOf(l, rows) {
			if err := errors.Join(sums.change(row.Key, row.Old, -1), sums.change(row.Key, row.New, 1)); err != nil {
				return err
			}
		}
		if changed[v.Name], err = r.applyTotals(v, sums); err != nil {
			if err := violated(err, l, nil); err != nil {
				return err
			}
			changed[v.Name] = map[string]bool{}
		}
		for _, key := range p.keysOf(l) { // totals that only one side changed
			value, ok, err := s.get(key)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			one := newSums(v, l)
			if err := one.change(key, value, 1); err != nil {
				return err
			}
			for by := range one.totals {
				changed[v.Name][by] = true
			}
		}
	}
	for _, v := range d.contract.Invariants {
		if v.Compare == nil {
			continue
		}
		keys := maps.Clone(changed[v.Name])
		maps.Copy(keys, changed[v.Compare.Other])
		if v.Compare.Table != "" {
			l := db.layouts[v.Compare.Table]
			for _, key := range p.keysOf(l) {
				keys[string(key[len(l.prefix):])] = true
			}
		}
		if err := violated(r.compareTotals(v, keys), db.layouts[v.Table], nil); err != nil {
			return err
		}
	}
	p.net = append(p.net, s.capture.net()...)
	return nil
}

// Unseen gives the rows of aergo_seen that a merge takes over from another
// state: transactions that have counted there and not here, or that only failed
// or were excluded here. bases are the states from which both came: what stands
// in one of them as it does there is no news. What this block has decided itself
// stays, and so does a salt that is taken. What has expired by the block's time
// is left out.
func (s *Session) Unseen(state objectstore.Hash, bases []objectstore.Hash) ([]RowChange, error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, err
	}
	prefix := tablePrefix(systemSeen, "seen")
	from := wire.AppendKeyInt(slices.Clone(prefix), day(s.block.Time))
	var rows []RowChange
	err := prolly.Diff(s.base, prolly.Load(s.tree.engine.nodes, state), from, wire.KeyPrefixEnd(prefix), func(key, was, there []byte) error {
		if there == nil {
			return nil
		}
		here, _, err := s.get(key)
		if err != nil || !bytes.Equal(here, was) {
			return err // replayed in this block
		}
		if here == nil {
			if taken, err := s.saltTaken(key); taken || err != nil {
				return err
			}
		} else {
			for _, base := range bases {
				known, _, err := prolly.Load(s.tree.engine.nodes, base).Get(key)
				if err != nil || bytes.Equal(known, there) {
					return err
				}
			}
			if better, err := betterSeen(here, there); !better || err != nil {
				return err
			}
		}
		rows = append(rows, RowChange{Key: bytes.Clone(key), Old: here, New: there})
		return nil
	})
	return rows, err
}

// saltTaken tells whether a row of aergo_seen has a salt that its account has
// used here before, with another expiry.
func (s *Session) saltTaken(key []byte) (bool, error) {
	k, err := wire.DecodeKey(key)
	if err != nil || len(k) != 5 {
		return false, errors.Join(err, errors.New("a key of aergo_seen is not (day, account, salt)"))
	}
	account, _ := k[3].(string)
	salt, _ := k[4].([]byte)
	if len(salt) != objectstore.HashSize {
		return false, errors.New("a key of aergo_seen has no salt")
	}
	_, status, err := s.seen(objectstore.Account(account), objectstore.Hash(salt))
	return status != 0, err
}

// betterSeen tells whether the other side's row of aergo_seen says more: the one
// here is of the same transaction, with a verdict further from ok.
func betterSeen(here, there []byte) (bool, error) {
	a, err1 := wire.DecodeRow(here)
	b, err2 := wire.DecodeRow(there)
	if err := errors.Join(err1, err2); err != nil || len(a) != 2 || len(b) != 2 {
		return false, errors.Join(err, errors.New("reading a row of aergo_seen: its cells are not (id, verdict)"))
	}
	was, ok1 := a[1].(int64)
	is, ok2 := b[1].(int64)
	return ok1 && ok2 && equalCells(a[0], b[0]) && is < was, nil
}
