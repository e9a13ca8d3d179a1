package sqlcontract

import (
	"maps"
	"slices"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// Reach is what an action can touch: columns as contract.table.column, sorted.
// It never says too little, and may say too much.
//
// A row that appears or goes is a write of all columns of its table; to look
// for rows is a read of the key. What is written is also read as a whole where
// its old value counts for gas. Every transaction reads the code in force and
// writes its own row of aergo_seen besides; a contract's totals are rows of
// aergo_total.total, and who holds its roles are rows of aergo_role.role.
type Reach struct {
	Reads  []string
	Writes []string
	Calls  []string // contract.action, as CALL names them, own ones too
}

// effect is a read or write of a column of a table; column "" of a read asks for
// rows only.
type effect struct{ table, column string }

// effects are what statements do to tables, before its consequences.
type effects struct {
	reads, updates  map[effect]bool
	inserts, delete map[string]bool // tables
}

func newEffects() *effects {
	return &effects{map[effect]bool{}, map[effect]bool{}, map[string]bool{}, map[string]bool{}}
}

func (e *effects) add(o *effects) {
	maps.Copy(e.reads, o.reads)
	maps.Copy(e.updates, o.updates)
	maps.Copy(e.inserts, o.inserts)
	maps.Copy(e.delete, o.delete)
}

func (e *effects) size() int {
	return len(e.reads) + len(e.updates) + len(e.inserts) + len(e.delete)
}

// see takes what SQLite asks the authorizer. It tells of triggers and of what is
// in views, too; tables that are none (names of WITH, views) are left out later.
func (e *effects) see(action sqlite.Action, table, column string) {
	switch action {
	case sqlite.ActionRead:
		e.reads[effect{table, column}] = true
	case sqlite.ActionInsert:
		e.inserts[table] = true
	case sqlite.ActionUpdate:
		e.updates[effect{table, column}] = true
	case sqlite.ActionDelete:
		e.delete[table] = true
	}
}

func (c *compiler) noteOf(key any) *effects {
	if c.noted == nil {
		c.noted = map[any]*effects{}
	}
	if c.noted[key] == nil {
		c.noted[key] = newEffects()
	}
	return c.noted[key]
}

// notePending has the effects of a query noted for its action or invariant.
func (c *compiler) notePending(p *pending) {
	if p.action != nil {
		c.fence.note = c.noteOf(p.action)
	} else if i := slices.IndexFunc(c.contract.Invariants, func(v *Invariant) bool { return v.Check == p.q }); i >= 0 {
		c.fence.note = c.noteOf(c.contract.Invariants[i])
	}
	if c.joinsByName(p.segments[0].src, p.segments[len(p.segments)-1]) {
		for _, t := range c.contract.Tables {
			c.fence.note.reads[effect{t.Name, ""}] = true
			for _, col := range t.Columns {
				c.fence.note.reads[effect{t.Name, col.Name}] = true
			}
		}
	}
}

// joinsByName tells whether a query, a view or a trigger joins with USING or
// NATURAL: SQLite does not ask the authorizer for those columns, so all count.
func (c *compiler) joinsByName(from int, last segment) bool {
	return c.hasJoin(from, last.src+last.n) || slices.ContainsFunc(c.objects, func(o *object) bool {
		return (o.Type == "view" || o.Type == "trigger") && c.hasJoin(c.Tokens[o.from].Start, c.Tokens[o.to-1].End)
	})
}

func (c *compiler) hasJoin(from, to int) bool {
	i, _ := slices.BinarySearchFunc(c.Tokens, from, func(t aergosql.Token, off int) int { return t.Start - off })
	for ; i < len(c.Tokens) && c.Tokens[i].Start < to; i++ {
		if w := c.Upper(i); w == "USING" || w == "NATURAL" {
			return true
		}
	}
	return false
}

// foreignKey is one FOREIGN KEY of the contract.
type foreignKey struct {
	child, parent    string
	from, to         []string // columns
	onUpdate, onGone string   // CASCADE, SET NULL, SET DEFAULT, RESTRICT, NO ACTION
}

func (c *compiler) allForeignKeys() ([]foreignKey, error) {
	var list []foreignKey
	for _, t := range c.contract.Tables {
		rows, err := c.rows("PRAGMA foreign_key_list("+t.Name+")", 0, 2, 3, 4, 5, 6)
		if err != nil {
			return nil, err
		}
		byID := map[int64]*foreignKey{}
		var ids []int64
		for _, r := range rows {
			id, _ := r[0].(int64)
			text := func(i int) string { s, _ := r[i].(string); return s }
			k := byID[id]
			if k == nil {
				k = &foreignKey{child: t.Name, parent: aergosql.Fold(text(1)), onUpdate: text(4), onGone: text(5)}
				byID[id] = k
				ids = append(ids, id)
			}
			k.from = append(k.from, aergosql.Fold(text(2)))
			if to := text(3); to != "" {
				k.to = append(k.to, aergosql.Fold(to))
			}
		}
		for _, id := range ids {
			k := byID[id]
			if parent := c.contract.Table(k.parent); parent != nil && k.to == nil {
				k.to = parent.keyNames()
			}
			list = append(list, *k)
		}
	}
	return list, nil
}

// reach computes the Reach of every action.
func (c *compiler) reach() error {
	keys, err := c.allForeignKeys()
	if err != nil {
		return err
	}
	w := &reacher{compiler: c, keys: keys}
	for i, t := range c.Tokens { // ON CONFLICT REPLACE, OR REPLACE, REPLACE INTO: the rows in the way go
		if t.Kind == aergosql.Word && c.Upper(i) == "REPLACE" && !c.Op(i+1, "(") {
			w.replaces = true
		}
	}
	for _, a := range c.contract.Actions {
		e := newEffects()
		c.withOwnCalls(a, e, map[*Action]bool{})
		a.Reach = w.reachOf(e)
		a.eachCall(func(k *Call) {
			name := c.contract.Name
			if k.Use != nil {
				name = k.Use.Contract
			}
			a.Reach.Calls = append(a.Reach.Calls, name+"."+k.Action)
		})
		slices.Sort(a.Reach.Calls)
		a.Reach.Calls = slices.Compact(a.Reach.Calls)
	}
	return nil
}

// roleColumns are read to learn who holds a role.
func roleColumns() []string {
	return []string{"aergo_role.role.account", "aergo_role.role.contract", "aergo_role.role.role"}
}

// totalColumns are read and written where the engine keeps a total.
func totalColumns() []string {
	return []string{"aergo_total.total.by_key", "aergo_total.total.contract", "aergo_total.total.count", "aergo_total.total.invariant", "aergo_total.total.sum"}
}

// withOwnCalls adds what an action and the own actions it calls do.
func (c *compiler) withOwnCalls(a *Action, e *effects, seen map[*Action]bool) {
	if a == nil || seen[a] {
		return
	}
	seen[a] = true
	e.add(c.noteOf(a))
	if a.Visibility == Role {
		e.reads[effect{systemRole, ""}] = true
	}
	a.eachCall(func(k *Call) {
		if k.Use == nil {
			c.withOwnCalls(c.contract.Action(k.Action), e, seen)
		}
	})
}

// reacher follows effects to what they entail.
type reacher struct {
	*compiler
	keys     []foreignKey
	replaces bool // some statement deletes the rows that are in the way
}

// reachOf follows what statements do until nothing new comes.
func (w *reacher) reachOf(e *effects) Reach {
	totals := false
	for before := -1; before != e.size(); {
		before = e.size()
		for _, t := range w.contract.Tables {
			if w.follow(t, e) {
				totals = true
			}
		}
	}
	reads, writes := map[string]bool{}, map[string]bool{}
	mark := func(set map[string]bool, t *Table, cols ...string) {
		for _, name := range cols {
			if col := t.column(name); col != nil && !col.Generated {
				set[w.contract.Name+"."+t.Name+"."+name] = true
			}
		}
	}
	for _, t := range w.contract.Tables {
		if e.inserts[t.Name] || e.delete[t.Name] {
			mark(writes, t, t.allNames()...)
		}
		for u := range e.updates {
			if u.table == t.Name {
				mark(writes, t, u.column)
			}
		}
		for r := range e.reads {
			if r.table != t.Name {
				continue
			}
			mark(reads, t, t.keyNames()...)
			mark(reads, t, r.column)
			if col := t.column(r.column); col != nil && col.Generated || col == nil && r.column != "" {
				mark(reads, t, t.allNames()...)
			}
		}
	}
	if totals {
		for _, name := range totalColumns() {
			reads[name], writes[name] = true, true
		}
	}
	if e.reads[effect{systemRole, ""}] {
		for _, name := range roleColumns() {
			reads[name] = true
		}
	}
	return Reach{Reads: slices.Sorted(maps.Keys(reads)), Writes: slices.Sorted(maps.Keys(writes))}
}

// follow adds what the effects on one table entail; true if totals are kept or
// compared.
func (w *reacher) follow(t *Table, e *effects) (totals bool) {
	inserts, gone := e.inserts[t.Name], e.delete[t.Name]
	var updated []string
	for _, col := range t.allNames() {
		if e.updates[effect{t.Name, col}] {
			updated = append(updated, col)
		}
	}
	if !inserts && !gone && updated == nil {
		return false
	}
	moves := slices.ContainsFunc(updated, func(col string) bool { return slices.Contains(t.keyNames(), col) })
	if moves { // the row goes under one key and comes under another
		inserts, e.inserts[t.Name], e.delete[t.Name] = true, true, true
	}
	if w.replaces && (inserts || updated != nil) {
		gone, e.delete[t.Name] = true, true
		e.add(w.noteOf(t.Name + " DELETE"))
	}
	read := func(table string, columns ...string) {
		e.reads[effect{table, ""}] = true
		for _, col := range columns {
			e.reads[effect{table, col}] = true
		}
	}
	read(t.Name)
	if gone || moves || updated != nil || w.unique(t) {
		read(t.Name, t.allNames()...) // the old row costs gas by its length
	}
	for _, k := range w.keys {
		if k.child == t.Name && (inserts || overlap(k.from, updated)) {
			read(k.parent, k.to...)
		}
		if k.parent != t.Name {
			continue
		}
		if inserts || gone || overlap(k.to, updated) {
			read(k.child, k.from...)
		}
		if gone {
			w.cascade(k, k.onGone, "DELETE", e)
		}
		if overlap(k.to, updated) {
			w.cascade(k, k.onUpdate, "UPDATE", e)
		}
	}
	for _, v := range w.contract.Invariants {
		if v.Table == t.Name {
			if v.Check != nil {
				e.add(w.noteOf(v))
				continue
			}
			totals = true
		}
		if x := v.Compare; x != nil && x.Table != "" && (x.Table == t.Name || v.Table == t.Name) {
			totals = true
			read(x.Table, x.Column)
		}
	}
	return totals
}

// cascade adds what happens to the rows that refer to one that changed.
func (w *reacher) cascade(k foreignKey, action, event string, e *effects) {
	switch {
	case action == "CASCADE" && event == "DELETE":
		e.delete[k.child] = true
		e.add(w.noteOf(k.child + " DELETE"))
	case action == "CASCADE", action == "SET NULL", action == "SET DEFAULT":
		for _, col := range k.from {
			e.updates[effect{k.child, col}] = true
		}
		e.add(w.noteOf(k.child + " UPDATE")) // its triggers
	}
}

// unique tells whether a table has more to be unique than its key.
func (w *reacher) unique(t *Table) bool {
	if o := w.contract.object("table", t.Name); o != nil && slices.Contains(significant(o.SQL), "unique") {
		return true
	}
	return slices.ContainsFunc(w.contract.Schema, func(o Object) bool { return o.Table == t.Name && isUnique(o) })
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// allNames are the stored columns of a table.
func (t *Table) allNames() []string {
	var names []string
	for _, col := range t.Columns {
		if !col.Generated {
			names = append(names, col.Name)
		}
	}
	return names
}
