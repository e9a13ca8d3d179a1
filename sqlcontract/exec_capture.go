package sqlcontract

import (
	"bytes"
	"slices"

	"github.com/aergo-git/aergo-git/internal/sqlite"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// capture collects the row changes of one transaction, as the preupdate hook
// reports them, and keeps what they come to.
//
// The hook also reports rows that a failing statement undoes. That needs no
// marks here: a statement that fails fails its transaction, and then the whole
// capture is dropped.
type capture struct {
	rows  []RowChange    // in order of first change; Old and New may be equal meanwhile
	index map[string]int // by key, once there are more than a few rows
	bytes arena

	count    int      // changes reported, for a trace
	refused  *failure // a row that cannot be stored; the transaction fails
	mismatch string   // table whose old row was not what we knew: the working tree is damaged

	key, value []byte // scratch
	cells      []any
}

// fewRows is up to how many rows a linear search is faster than a map.
const fewRows = 8

func (c *capture) reset() {
	c.rows = nil // handed on
	clear(c.index)
	c.refused, c.mismatch, c.count = nil, "", 0
}

func (c *capture) find(key []byte) int {
	if len(c.index) > 0 {
		if i, ok := c.index[string(key)]; ok {
			return i
		}
		return -1
	}
	for i := range c.rows {
		if bytes.Equal(c.rows[i].Key, key) {
			return i
		}
	}
	return -1
}

// record notes that a row changes from old to new. key and both values may be
// scratch memory.
func (c *capture) record(table string, key, old, new []byte) {
	if i := c.find(key); i >= 0 {
		r := &c.rows[i]
		if (r.New == nil) != (old == nil) || !bytes.Equal(r.New, old) {
			c.mismatch = table
		}
		r.New = c.bytes.keep(new)
		return
	}
	c.rows = append(c.rows, RowChange{Key: c.bytes.keep(key), Old: c.bytes.keep(old), New: c.bytes.keep(new)})
	switch {
	case len(c.index) > 0:
		c.index[string(key)] = len(c.rows) - 1
	case len(c.rows) > fewRows:
		if c.index == nil {
			c.index = map[string]int{}
		}
		for i := range c.rows {
			c.index[string(c.rows[i].Key)] = i
		}
	}
}

// net gives the rows that changed in the end, in key order.
func (c *capture) net() []RowChange {
	rows := slices.DeleteFunc(c.rows, func(r RowChange) bool {
		return (r.Old == nil) == (r.New == nil) && bytes.Equal(r.Old, r.New)
	})
	slices.SortFunc(rows, func(a, b RowChange) int { return bytes.Compare(a.Key, b.Key) })
	return rows
}

// changed is the preupdate hook.
func (db *database) changed(ch *sqlite.Change) {
	c := db.capture
	if c == nil {
		return
	}
	l := db.layouts[ch.Table]
	if l == nil || c.refused != nil {
		return
	}
	c.count++
	if db.meter != nil {
		if db.meter.add(gasRowWritten); db.meter.over() {
			c.refused = fail("AG0420", "") // nobody needs the rest
			return
		}
	}
	switch ch.Op {
	case sqlite.Insert:
		if key, value, ok := c.encode(db, l, ch.New); ok {
			c.record(l.Name, key, nil, value)
		}
	case sqlite.Delete:
		if key, value, ok := c.encode(db, l, ch.Old); ok {
			c.record(l.Name, key, value, nil)
		}
	case sqlite.Update:
		key, value, ok := c.encode(db, l, ch.Old)
		if !ok {
			return
		}
		oldKey, old := c.bytes.keep(key), c.bytes.keep(value)
		if key, value, ok = c.encode(db, l, ch.New); !ok {
			return
		}
		if bytes.Equal(oldKey, key) {
			c.record(l.Name, key, old, value)
			return
		}
		c.record(l.Name, oldKey, old, nil)
		c.record(l.Name, key, nil, value)
	}
}

// encode gives key and value of a reported row in scratch memory.
func (c *capture) encode(db *database, l *layout, cell func(int) any) (key, value []byte, ok bool) {
	key = append(c.key[:0], l.prefix...)
	for _, i := range l.Key {
		v := cell(i)
		if !goodCell(v) {
			c.refused = fail("AG0416", l.Name+"."+l.Columns[i].Name)
			return nil, nil, false
		}
		var err error
		if key, err = wire.AppendKey(key, v); err != nil {
			c.refused = fail("AG0421", l.Name) // good cells fail by their length only
			return nil, nil, false
		}
	}
	c.cells = c.cells[:0]
	for _, i := range l.Values {
		v := cell(i)
		if !goodCell(v) {
			c.refused = fail("AG0416", l.Name+"."+l.Columns[i].Name)
			return nil, nil, false
		}
		c.cells = append(c.cells, v)
	}
	value, err := l.appendValue(c.value[:0], c.cells)
	if err != nil || len(value) > maxRowValue {
		c.refused = fail("AG0421", l.Name)
		return nil, nil, false
	}
	c.key, c.value = key, value
	if db.meter != nil {
		db.meter.add(uint64(len(key)+len(value)) * gasByteWritten)
	}
	return key, value, true
}

// goodCell tells whether a value may be stored, returned, emitted or bound.
func goodCell(v any) bool {
	switch v := v.(type) {
	case nil, int64, []byte:
		return true
	case string:
		return goodText(v)
	}
	return false
}

// arena gives out copies that live as long as the block, without one
// allocation for each.
type arena struct {
	free []byte
}

const arenaChunk = 64 << 10

// keep copies b; nil stays nil, empty stays empty.
func (a *arena) keep(b []byte) []byte {
	if b == nil {
		return nil
	}
	if len(b) > arenaChunk/8 {
		return append(make([]byte, 0, len(b)), b...)
	}
	if len(b) > cap(a.free)-len(a.free) {
		a.free = make([]byte, 0, arenaChunk)
	}
	n := len(a.free)
	a.free = append(a.free, b...)
	return a.free[n:len(a.free):len(a.free)]
}
