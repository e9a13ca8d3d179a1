package prolly

import "bytes"

// Cursor moves over a map's entries in key order. For one goroutine.
//
//	c := m.Cursor()
//	for ok, err := c.Seek(from); ok; ok, err = c.Next() { … c.Key() … }
type Cursor struct {
	m   *Map
	p   path // ends at the entry; nil while not on an entry
	key []byte
}

// Cursor gives a cursor that is not on an entry yet.
func (m *Map) Cursor() *Cursor { return &Cursor{m: m} }

// Seek moves to the first entry whose key is not below key (nil: the first of
// all). ok is false, here and below, if there is no such entry or on an error;
// the cursor must then be placed anew.
func (c *Cursor) Seek(key []byte) (ok bool, err error) {
	c.p = nil
	top, err := c.m.root()
	if top == nil || err != nil {
		return false, err
	}
	p, err := c.m.seekNode(top, 0, key)
	if err != nil {
		return false, err
	}
	leaf := &p[len(p)-1]
	leaf.i, _ = leaf.n.seek(key)
	if leaf.i == leaf.n.count {
		n, err := p.next(c.m)
		if n == nil || err != nil {
			return false, err
		}
	}
	c.p = p
	return true, nil
}

// Last moves to the last entry of all.
func (c *Cursor) Last() (ok bool, err error) {
	c.p = nil
	n, err := c.m.root()
	if n == nil || err != nil {
		return false, err
	}
	p := path{{n: n, i: n.count - 1}}
	for n.level > 0 {
		if n, err = c.m.kid(n, n.count-1); err != nil {
			return false, err
		}
		p = append(p, step{n: n, i: n.count - 1})
	}
	c.p = p
	return true, nil
}

// Next moves to the next entry.
func (c *Cursor) Next() (ok bool, err error) { return c.move(1) }

// Prev moves to the entry before.
func (c *Cursor) Prev() (ok bool, err error) { return c.move(-1) }

func (c *Cursor) move(by int) (bool, error) {
	if c.p == nil {
		return false, nil
	}
	leaf := &c.p[len(c.p)-1]
	if i := leaf.i + by; i >= 0 && i < leaf.n.count {
		leaf.i = i
		return true, nil
	}
	n, err := c.p.move(c.m, by)
	if n == nil || err != nil {
		c.p = nil
		return false, err
	}
	if by < 0 {
		leaf.i = n.count - 1
	}
	return true, nil
}

// Key is the present entry's key, valid until the cursor moves.
func (c *Cursor) Key() []byte {
	leaf := c.p[len(c.p)-1]
	c.key = leaf.n.appendKey(c.key[:0], leaf.i)
	return c.key
}

// Value reads the present entry's value. It must not be modified; it stays
// valid when the cursor moves.
func (c *Cursor) Value() ([]byte, error) {
	leaf := c.p[len(c.p)-1]
	return c.m.leafValue(leaf.n, leaf.i)
}

// Scan calls fn for the entries of [from, to) in key order; nil means from the
// first, up to the last. The key is valid during the call only, neither slice
// may be modified. An error of fn ends the scan and is returned.
func (m *Map) Scan(from, to []byte, fn func(key, value []byte) error) error {
	c := m.Cursor()
	ok, err := c.Seek(from)
	for ; ok; ok, err = c.Next() {
		key := c.Key()
		if to != nil && bytes.Compare(key, to) >= 0 {
			return nil
		}
		value, err := c.Value()
		if err != nil {
			return err
		}
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return err
}
