package sqlcontract

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqlfunc"
	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// deploy puts a contract's source in force. The new version gets a database of
// its own, made from the source in canonical order and filled with the rows of
// the old: no ALTER ever runs, so a database that lived through upgrades is the
// same as one made from the state.
type deploy struct {
	*run
	name   string
	author objectstore.Account
	pre    func() error // the transaction's preconditions

	old   *deployed // nil at the first deploy
	plan  Plan      // from old
	fresh *database // the new version's, while it is being made
}

func (d *deploy) do() error {
	s := d.s
	source, ok := d.args["source"].(string)
	if !ok || !goodText(source) {
		return fail("AG0403", "source")
	}
	d.meter.add(uint64(len(source)) * gasSource)
	if d.meter.over() {
		return fail("AG0420", "")
	}
	if strings.HasPrefix(d.name, systemPrefix) {
		return fail("AG0402", "system contract")
	}
	var err error
	if d.old, err = s.find(d.name); err != nil {
		return err
	}
	if d.old != nil && d.old.owner != d.account {
		return fail("AG0402", "owner")
	}
	if err := d.pre(); err != nil {
		return err
	}
	d.args = maps.Clone(d.args)
	delete(d.args, "source") // what is left is the constructor's
	if d.old != nil && d.old.contract.Source == source {
		return nil
	}
	c, err := s.tree.engine.contract(d.name, source, false)
	if err != nil {
		return refusedSource(err)
	}
	if d.old != nil {
		if err := d.meetsVersion(c); err != nil {
			return err
		}
		if d.plan, err = PlanDeploy(d.old.contract, c, int(d.old.version)); err != nil {
			return refusedSource(err)
		}
		if d.plan.Forbidden() != nil {
			return fail("AG0441", "")
		}
		if len(d.args) > 0 {
			return fail("AG0403", slices.Min(slices.Collect(maps.Keys(d.args)))) // the constructor does not run again
		}
	}
	if s.block.Invariants {
		if err := d.keepInvariants(c); err != nil {
			return err
		}
	}
	if broken, err := brokenCalls(c, s.find); err != nil {
		return err
	} else if len(broken) > 0 {
		return fail("AG0443", broken[0].which())
	}
	if err := d.build(c); err != nil {
		return err
	}
	if err := d.writeSystemRows(c); err != nil {
		return err
	}
	if d.old == nil && !s.block.Cells {
		return d.construct(c)
	}
	return nil
}

// DeployReplacesArgument is the argument of a deploy whose MIGRATION block runs:
// the hash of the source that it replaces, 32 bytes.
const DeployReplacesArgument = "replaces"

// meetsVersion fails (AG0729) where a deploy that was made to run a MIGRATION
// block meets another version than the one that the block is for. The number in
// MIGRATION FROM is not enough: on another branch another source may have it. Nor
// does a merge run a block of a deploy that ran none where it was made.
func (d *deploy) meetsVersion(c *Contract) error {
	replaces, says := d.args[DeployReplacesArgument].([]byte)
	if says {
		delete(d.args, DeployReplacesArgument)
	}
	block := c.Migration(int(d.old.version)) != nil
	if says && (!block || string(replaces) != string(d.old.contract.Code[:])) || !says && block && d.s.block.Merge {
		return fail("AG0729", fmt.Sprintf("%s@%d", d.name, d.old.version))
	}
	return nil
}

// keepInvariants fails where the branch keeps its INVARIANTs and the new version
// does not.
func (d *deploy) keepInvariants(c *Contract) error {
	plan := d.plan
	if d.old == nil {
		var err error
		if plan, err = PlanDeploy(nil, c, 0); err != nil {
			return err
		}
	}
	plan.KeepInvariants()
	if f := plan.unkept(); f != nil {
		return f
	}
	return nil
}

// refusedSource is AG0440 with the code for which a source does not compile.
func refusedSource(err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	return fail("AG0440", f.ID)
}

// build makes the new database with the rows of the old one, and checks all
// that the new schema declares on them.
func (d *deploy) build(c *Contract) (err error) {
	s := d.s
	var from *database
	if d.old != nil {
		if from, err = s.touch(d.name); err != nil {
			return err
		}
	}
	if d.fresh, err = s.tree.engine.createDatabase(c, s.freePath(c)); err != nil {
		return err
	}
	db := d.fresh
	d.db, d.contract = db, &deployed{contract: c, owner: d.account, version: 1}
	if d.old != nil {
		d.contract.owner, d.contract.version = d.old.owner, d.old.version+1
	}
	migration := d.plan.Migration
	if s.block.Cells {
		migration = nil // its rows come as cells, as the CONSTRUCTOR's do
	}
	if migration != nil {
		if err := attachOld(db.conn, d.old.contract, migration.reads); err != nil {
			return err
		}
	}
	if err := db.conn.Exec("BEGIN IMMEDIATE; " + metaTable); err != nil {
		return err
	}
	if err := db.create("table", "index", "view"); err != nil {
		return d.refused(err)
	}
	var totals []*sums
	for _, v := range c.Invariants {
		if v.Check == nil {
			totals = append(totals, newSums(v, db.layouts[v.Table]))
		}
	}
	if from != nil {
		for _, l := range from.plain {
			if d.plan.remakes(l.Name) {
				continue
			}
			if err := d.copyRows(from, l, "main"); err != nil {
				return err
			}
		}
	}
	if migration != nil {
		if err := d.migrate(from); err != nil {
			return err
		}
	}
	if err := d.total(totals); err != nil {
		return d.refusedInvariant(err)
	}
	if err := db.create("trigger"); err != nil {
		return d.refused(err)
	}
	// Not a state's root: until the block is committed, the file counts as
	// damaged if ever opened again.
	if err := db.writeMeta(objectstore.Hash{}); err != nil {
		return err
	}
	if err := db.conn.Exec("COMMIT"); err != nil {
		return err
	}
	if migration != nil {
		if err := db.conn.Exec("DETACH " + oldSchema); err != nil {
			return err
		}
	}
	if err := db.conn.SetForeignKeys(true); err != nil {
		return err
	}
	dangling, err := db.prepareOwn("PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	d.meter.start(&Query{ReadOnly: true, weight: sqlfunc.Least()}, 0)
	db.watch(&d.meter)
	db.conn.Limit(sqlite.LimitLength, db.longest)
	row, err := dangling.Step()
	db.watch(nil)
	d.meter.stop(dangling.Steps(true))
	table := dangling.ColumnText(0)
	dangling.Finalize()
	if d.meter.over() {
		return fail("AG0420", "")
	}
	if err != nil {
		return err
	}
	if row {
		return fail("AG0442", table)
	}
	if err := db.begin(&s.capture); err != nil {
		return err
	}
	if d.old == nil { // rows that an upgrade leaves are all checked here
		d.touched = append(d.touched, d.place)
	}
	return d.rebuildInvariants(c, totals)
}

// refused turns a failure of a row against the new schema into AG0442.
func (d *deploy) refused(err error) error {
	var f *failure
	if err = failureOf(err); errors.As(err, &f) {
		return fail("AG0442", f.text)
	}
	return err
}

// copyRows copies one table of the version before into a schema of the new
// database. Columns that are new get their defaults.
func (d *deploy) copyRows(from *database, l *layout, schema string) error {
	read, err := from.prepareOwn(l.selectSQL())
	if err != nil {
		return err
	}
	defer read.Finalize()
	write, err := d.fresh.prepareOwn(l.insertInto(schema))
	if err != nil {
		return err
	}
	defer write.Finalize()
	weight, err := d.fresh.weigh(l.insertInto(schema))
	if err != nil {
		return err
	}
	for {
		row, err := read.Step()
		if err != nil || !row {
			return err
		}
		size := 0
		for i := range l.stored() {
			v := read.Column(i)
			size += length(v)
			if err := write.Bind(i+1, v); err != nil {
				return err
			}
		}
		_, err = write.Step()
		d.meter.add(gasRowBuilt + uint64(size)*gasByteWritten + uint64(write.Steps(true))*weight[tierOf(size)])
		if d.meter.over() {
			return fail("AG0420", "")
		}
		if err != nil {
			return d.refused(err)
		}
		if err := write.Reset(); err != nil {
			return err
		}
	}
}

// total adds up the rows of the new version for its TOTAL invariants.
func (d *deploy) total(totals []*sums) error {
	for _, l := range d.fresh.plain {
		mine := slices.DeleteFunc(slices.Clone(totals), func(t *sums) bool { return t.l != l })
		if len(mine) == 0 {
			continue
		}
		if err := d.totalTable(l, mine); err != nil {
			return err
		}
	}
	return nil
}

func (d *deploy) totalTable(l *layout, totals []*sums) error {
	read, err := d.fresh.prepareOwn(l.selectSQL())
	if err != nil {
		return err
	}
	defer read.Finalize()
	cells := make([]any, len(l.Columns))
	for {
		row, err := read.Step()
		if err != nil || !row {
			return err
		}
		d.meter.add(gasRowRead)
		if d.meter.over() {
			return fail("AG0420", "")
		}
		for i, c := range l.stored() {
			cells[c] = read.Column(i)
		}
		for _, t := range totals {
			if err := t.add(cells, 1); err != nil {
				return err
			}
		}
	}
}

// rebuildInvariants makes all totals anew and checks every INVARIANT on every
// stored row.
func (d *deploy) rebuildInvariants(c *Contract, totals []*sums) error {
	prefix, err := wire.AppendKey(tablePrefix(systemTotal, "total"), d.name)
	if err != nil {
		return err
	}
	stored, err := d.s.scan(prefix)
	if err != nil {
		return err
	}
	for _, e := range stored {
		if err := d.s.put(e.key, nil); err != nil {
			return err
		}
	}
	keys := map[string]map[string]bool{}
	for _, t := range totals {
		if keys[t.v.Name], err = d.applyTotals(t.v, t); err != nil {
			return d.refusedInvariant(err)
		}
	}
	for _, v := range c.Invariants {
		if v.Compare == nil {
			continue
		}
		all := maps.Clone(keys[v.Name])
		maps.Copy(all, keys[v.Compare.Other])
		if v.Compare.Table != "" {
			err := d.eachKey(d.db.layouts[v.Compare.Table], func(key []byte) error {
				all[string(key[len(d.db.layouts[v.Compare.Table].prefix):])] = true
				return nil
			})
			if err != nil {
				return err
			}
		}
		if err := d.compareTotals(v, all); err != nil {
			return d.refusedInvariant(err)
		}
	}
	for _, v := range c.Invariants {
		if v.Check == nil {
			continue
		}
		l := d.db.layouts[v.Table]
		err := d.eachKey(l, func(key []byte) error { return d.checkRow(v, l, key) })
		if err != nil {
			return d.refusedInvariant(err)
		}
	}
	return nil
}

// refusedInvariant turns what an INVARIANT says about stored rows into AG0442. A
// row longer than the tier says nothing yet.
func (d *deploy) refusedInvariant(err error) error {
	var f *failure
	if errors.As(err, &f) && f.code != "AG0420" && (f != tooLong || d.meter.last()) {
		return fail("AG0442", f.text)
	}
	return err
}

// eachKey gives the state keys of a table's rows in the new database.
func (d *deploy) eachKey(l *layout, fn func(key []byte) error) error {
	var names []string
	for _, c := range l.Key {
		names = append(names, quoteName(l.Columns[c].Name))
	}
	st, err := d.db.prepareOwn("SELECT " + strings.Join(names, ",") + " FROM " + quoteName(l.Name))
	if err != nil {
		return err
	}
	defer st.Finalize()
	var key []byte
	for {
		row, err := st.Step()
		if err != nil || !row {
			return err
		}
		d.meter.add(gasRowRead)
		if d.meter.over() {
			return fail("AG0420", "")
		}
		key = append(key[:0], l.prefix...)
		for i := range l.Key {
			if key, err = wire.AppendKey(key, st.Column(i)); err != nil {
				return err
			}
		}
		if err := fn(key); err != nil {
			return err
		}
	}
}

// writeSystemRows puts the version in force, and its MERGE RULEs.
func (d *deploy) writeSystemRows(c *Contract) error {
	s, number := d.s, d.contract.version
	put := func(key []byte, err error, value []byte, err2 error) error {
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		d.meter.add(gasRowWritten + uint64(len(key)+len(value))*gasByteWritten)
		return s.put(key, value)
	}
	key, err := versionKey(d.name, number)
	value, err2 := version{c.Source, c.Code, d.author, d.created}.row()
	if err := put(key, err, value, err2); err != nil {
		return err
	}
	key, err = currentKey(d.name)
	value, err2 = current{number, d.contract.owner}.row()
	if err := put(key, err, value, err2); err != nil {
		return err
	}
	prefix, err := wire.AppendKey(tablePrefix(systemMerge, "rule"), d.name)
	if err != nil {
		return err
	}
	rules, err := s.scan(prefix)
	if err != nil {
		return err
	}
	for _, e := range rules {
		if err := put(e.key, nil, nil, nil); err != nil {
			return err
		}
	}
	for _, r := range c.Rules {
		rows, err := r.rows(c.Name)
		if err != nil {
			return err
		}
		for _, e := range rows {
			if err := put(e.key, nil, e.value, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// construct runs the CONSTRUCTOR, if there is one, once in a contract's life.
func (d *deploy) construct(c *Contract) error {
	for _, a := range c.Actions {
		if !a.Constructor {
			continue
		}
		if err := d.bind(a); err != nil {
			return err
		}
		return d.action(a)
	}
	if len(d.args) > 0 {
		return fail("AG0403", slices.Min(slices.Collect(maps.Keys(d.args))))
	}
	return nil
}

// end puts the new database in the old one's place, or drops it.
func (d *deploy) end(ok bool) error {
	db := d.fresh
	if db == nil {
		return nil
	}
	if !ok {
		db.discard()
		return nil
	}
	if err := db.settle(true); err != nil {
		return err
	}
	s := d.s
	if before := s.touched[d.name]; before != nil && before != s.tree.open[d.name] {
		before.discard() // of an earlier deploy in this block
	}
	s.touched[d.name] = db
	s.began = append(s.began, db)
	s.contracts[d.name] = d.contract
	return nil
}

// weigh gives the weight of a statement of ours.
func (db *database) weigh(sql string) (sqlfunc.Weight, error) {
	st, err := db.prepareOwn("EXPLAIN " + sql)
	if err != nil {
		return sqlfunc.Weight{}, err
	}
	defer st.Finalize()
	var program [][]any
	for {
		row, err := st.Step()
		if err != nil {
			return sqlfunc.Weight{}, err
		}
		if !row {
			return sqlfunc.WeightOf(program)
		}
		program = append(program, []any{st.Column(1), st.Column(5)})
	}
}
