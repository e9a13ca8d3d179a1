package sqlcontract

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// Migration is one MIGRATION FROM block: what a deploy does with the rows of
// version From when the new version lays them out in another way. As part of a
// Contract it is only parsed; CompileMigration prepares it.
type Migration struct {
	From int
	Line int // in Source, from 1
	Body []Statement

	reads []string        // tables of the old version, by name
	fills map[string]bool // tables of the new version that it inserts into
}

// Migration finds the block for a version, or nil.
func (c *Contract) Migration(from int) *Migration {
	for _, m := range c.Migrations {
		if m.From == from {
			return m
		}
	}
	return nil
}

// action stands for the block where a body needs an action.
func (m *Migration) action() *Action { return &Action{Name: "migration", Line: m.Line} }

// oldSchema is the name under which a block reads the version before.
const oldSchema = "old"

// CompileMigration prepares the block of the contract new that begins at
// version from, with old as that version: nil if new has none. An error is a
// *fault.Error whose text shows the place. The block sees the new tables, empty
// triggers aside, and the tables of old as old.name.
func CompileMigration(old, new *Contract, from int) (*Migration, error) {
	if new.Migration(from) == nil {
		return nil, nil
	}
	s, err := aergosql.NewSource(new.Name, new.Source)
	if err != nil {
		return nil, err
	}
	p, err := parse(s, false) // once more: what is prepared belongs to this old version
	if err != nil {
		return nil, err
	}
	m := p.contract.Migration(from)
	p.contract = new
	c := &compiler{parser: p, old: old, fence: newFence(new), longest: max(longestLiteral(old), longestLiteral(new))}
	defer c.close()
	if err := c.openMigration(); err != nil {
		return nil, fmt.Errorf("opening a scratch database for the migration of contract %s: %w", new.Name, err)
	}
	for _, pend := range p.migrations[m] {
		if err := c.query(pend); err != nil {
			return nil, err
		}
	}
	m.reads, m.fills = slices.Sorted(maps.Keys(c.fence.read)), c.fence.filled
	return m, nil
}

// openMigration makes the scratch database that a block is prepared in.
func (c *compiler) openMigration() error {
	if err := c.open(); err != nil {
		return err
	}
	c.conn.SetAuthorizer(nil)
	if err := c.conn.SetForeignKeys(false); err != nil {
		return err
	}
	for _, o := range c.contract.Schema {
		if o.Type != "trigger" {
			if err := c.conn.Exec(o.SQL); err != nil {
				return err
			}
		}
	}
	names := tableNames(c.old)
	if err := attachOld(c.conn, c.old, names); err != nil {
		return err
	}
	c.fence.migrate(names)
	c.conn.SetAuthorizer(c.fence.authorize)
	return nil
}

// longestLiteral is the length of the longest text or blob in a contract's
// schema.
func longestLiteral(c *Contract) (longest int) {
	for _, o := range c.Schema {
		for _, t := range aergosql.Lex(o.SQL) {
			longest = max(longest, t.LiteralLen())
		}
	}
	return longest
}

func tableNames(c *Contract) []string {
	var names []string
	for _, t := range c.Tables {
		names = append(names, t.Name)
	}
	return names
}

// attachOld makes empty tables of the old version in a database beside main.
func attachOld(conn *sqlite.Conn, old *Contract, tables []string) error {
	before := conn.Limit(sqlite.LimitAttached, 1)
	err := conn.Exec("ATTACH '' AS " + oldSchema) // SQLite keeps it in memory, and in a temporary file when it grows
	conn.Limit(sqlite.LimitAttached, before)
	if err != nil {
		return err
	}
	for _, name := range tables {
		if err := conn.Exec(inSchema(old.object("table", name).SQL, oldSchema)); err != nil {
			return err
		}
	}
	return nil
}

// migrate runs the block on the new tables, in the transaction that builds them
// and before triggers and foreign keys are there: nothing happens but what the
// block says, and what it leaves is checked as a whole. The rows of tables that
// are not copied count as deleted before it begins.
func (d *deploy) migrate(from *database) error {
	m, db := d.plan.Migration, d.fresh
	for _, l := range from.plain {
		if d.plan.remakes(l.Name) {
			if err := d.removeRows(from, l); err != nil {
				return err
			}
		}
	}
	for _, name := range m.reads {
		if err := d.copyRows(from, from.layouts[name], oldSchema); err != nil {
			return err
		}
	}
	db.fence.migrate(m.reads)
	db.capture = &d.s.capture
	clear(d.vars)
	if _, err := d.statements(m.action(), m.Body); err != nil {
		return err
	}
	db.capture = nil
	db.fence.migrate(nil)
	if err := db.settle(true); err != nil {
		return err
	}
	db.finalize() // the schema changes under them
	return nil
}

// removeRows notes that the rows of a table go.
func (d *deploy) removeRows(from *database, l *layout) error {
	read, err := from.prepareOwn(l.selectSQL())
	if err != nil {
		return err
	}
	defer read.Finalize()
	at := map[int]int{} // column of the table to column of the answer
	for i, c := range l.stored() {
		at[c] = i
	}
	c := &d.s.capture
	for {
		row, err := read.Step()
		if err != nil || !row {
			return err
		}
		d.meter.add(gasRowWritten)
		if d.meter.over() {
			return fail("AG0420", "")
		}
		key, value, ok := c.encode(from, l, func(i int) any { return read.Column(at[i]) })
		if !ok {
			return c.refused
		}
		c.record(l.Name, key, value, nil)
	}
}
