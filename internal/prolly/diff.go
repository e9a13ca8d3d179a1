package prolly

import (
	"bytes"

	"github.com/aergo-git/aergo-git/objectstore"
)

// front is one side of a comparison: a path that ends at an entry of any level,
// so that whole equal subtrees can be stepped over.
type front struct {
	m   *Map
	p   path // empty at the end
	to  []byte
	key []byte // of the entry
}

func newFront(m *Map, from, to []byte) (*front, error) {
	f := &front{m: m, to: to}
	top, err := m.root()
	if top == nil || err != nil {
		return f, err
	}
	if from == nil {
		f.p = path{{n: top}}
		f.arrive()
		return f, nil
	}
	if f.p, err = m.seekNode(top, 0, from); err != nil {
		return nil, err
	}
	leaf := &f.p[len(f.p)-1]
	leaf.i, _ = leaf.n.seek(from)
	f.rise()
	return f, nil
}

func (f *front) end() bool  { return len(f.p) == 0 }
func (f *front) at() step   { return f.p[len(f.p)-1] }
func (f *front) level() int { return f.at().n.level }

// arrive notes the key of a new place.
func (f *front) arrive() {
	s := f.at()
	f.key = s.n.appendKey(f.key[:0], s.i)
	if f.to != nil && bytes.Compare(f.key, f.to) >= 0 {
		f.p = f.p[:0]
	}
}

// advance steps over the entry and all below it, to the next one on the highest
// level where there is one.
func (f *front) advance() {
	f.p[len(f.p)-1].i++
	f.rise()
}

func (f *front) rise() {
	for f.at().i == f.at().n.count {
		f.p = f.p[:len(f.p)-1]
		if f.end() {
			return
		}
		f.p[len(f.p)-1].i++
	}
	f.arrive()
}

// descend goes to the first entry below; its key is the same.
func (f *front) descend() error {
	s := f.at()
	kid, err := f.m.kid(s.n, s.i)
	if err != nil {
		return err
	}
	f.p = append(f.p, step{n: kid})
	f.arrive()
	return nil
}

func (f *front) value() ([]byte, error) {
	s := f.at()
	return f.m.leafValue(s.n, s.i)
}

// sameEntry compares two entries of one level and key without reading below.
func sameEntry(a, b step) bool {
	aTag, aValue := a.n.value(a.i)
	bTag, bValue := b.n.value(b.i)
	if a.n.level > 0 {
		return bytes.Equal(aValue[:objectstore.HashSize], bValue[:objectstore.HashSize])
	}
	if aTag == bTag {
		return bytes.Equal(aValue, bValue)
	}
	return hashOfValue(aTag, aValue) == hashOfValue(bTag, bValue) // one may be erased
}

// hashOfValue is the hash of a leaf's value, wherever the value is.
func hashOfValue(tag byte, value []byte) objectstore.Hash {
	if tag == tagInline {
		return hashValue(value)
	}
	return objectstore.Hash(value)
}

// change is one key that differs; nil means that there is no value.
type change struct {
	key, old, new []byte
}

// differ finds the changes from a to b in key order.
type differ struct {
	a, b *front
}

func newDiffer(a, b *Map, from, to []byte) (*differ, error) {
	if a.id == b.id {
		return &differ{&front{}, &front{}}, nil
	}
	fa, err := newFront(a, from, to)
	if err != nil {
		return nil, err
	}
	fb, err := newFront(b, from, to)
	if err != nil {
		return nil, err
	}
	return &differ{fa, fb}, nil
}

// next gives the next change, nil after the last.
func (d *differ) next() (*change, error) {
	for !d.a.end() || !d.b.end() {
		order := 0
		switch {
		case d.a.end():
			order = 1
		case d.b.end():
			order = -1
		default:
			order = bytes.Compare(d.a.key, d.b.key)
		}
		var err error
		switch {
		case order < 0:
			if d.a.level() == 0 {
				return d.takeOld()
			}
			err = d.a.descend()
		case order > 0:
			if d.b.level() == 0 {
				return d.takeNew()
			}
			err = d.b.descend()
		case d.a.level() > d.b.level():
			err = d.a.descend()
		case d.a.level() < d.b.level():
			err = d.b.descend()
		case sameEntry(d.a.at(), d.b.at()):
			d.a.advance()
			d.b.advance()
		case d.a.level() == 0:
			return d.takeBoth()
		default:
			if err = d.a.descend(); err == nil {
				err = d.b.descend()
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (d *differ) takeOld() (*change, error) {
	old, err := d.a.value()
	if err != nil {
		return nil, err
	}
	c := &change{key: bytes.Clone(d.a.key), old: old}
	d.a.advance()
	return c, nil
}

func (d *differ) takeNew() (*change, error) {
	value, err := d.b.value()
	if err != nil {
		return nil, err
	}
	c := &change{key: bytes.Clone(d.b.key), new: value}
	d.b.advance()
	return c, nil
}

func (d *differ) takeBoth() (*change, error) {
	old, err := d.a.value()
	if err != nil {
		return nil, err
	}
	c, err := d.takeNew()
	if err != nil {
		return nil, err
	}
	c.old = old
	d.a.advance()
	return c, nil
}

// Diff calls fn for every key of [from, to) whose value differs between a and b,
// in key order; nil from or to means no bound, a nil value that the key is
// absent. The cost follows the changes, not the maps. Values must not be
// modified. A changed value that was erased ends it with ErrErased.
func Diff(a, b *Map, from, to []byte, fn func(key, old, new []byte) error) error {
	d, err := newDiffer(a, b, from, to)
	if err != nil {
		return err
	}
	for {
		c, err := d.next()
		if c == nil || err != nil {
			return err
		}
		if err := fn(c.key, c.old, c.new); err != nil {
			return err
		}
	}
}

// Walk3 calls fn for every key whose value in ours or theirs differs from base,
// in key order, with the three values; nil means that the key is absent. As Diff.
func Walk3(base, ours, theirs *Map, fn func(key, base, ours, theirs []byte) error) error {
	left, err := newDiffer(base, ours, nil, nil)
	if err != nil {
		return err
	}
	right, err := newDiffer(base, theirs, nil, nil)
	if err != nil {
		return err
	}
	l, err := left.next()
	if err != nil {
		return err
	}
	r, err := right.next()
	if err != nil {
		return err
	}
	for l != nil || r != nil {
		order := 0
		switch {
		case l == nil:
			order = 1
		case r == nil:
			order = -1
		default:
			order = bytes.Compare(l.key, r.key)
		}
		switch {
		case order < 0:
			err = fn(l.key, l.old, l.new, l.old)
		case order > 0:
			err = fn(r.key, r.old, r.old, r.new)
		default:
			err = fn(l.key, l.old, l.new, r.new)
		}
		if err != nil {
			return err
		}
		if order <= 0 {
			if l, err = left.next(); err != nil {
				return err
			}
		}
		if order >= 0 {
			if r, err = right.next(); err != nil {
				return err
			}
		}
	}
	return nil
}
