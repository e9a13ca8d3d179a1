package dd

import (
	"bytes"
	"slices"

	"github.com/aergo-git/aergo-git/internal/prolly"
)

// changes are records over those of a state map, which is made once for all of
// them, by the end of a block. Sorted by key, each key once; a nil value deletes.
type changes struct {
	list []prolly.Edit
}

func (c *changes) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(c.list, key, func(e prolly.Edit, key []byte) int { return bytes.Compare(e.Key, key) })
}

func (c *changes) put(e prolly.Edit) {
	if i, ok := c.find(e.Key); ok {
		c.list[i] = e
	} else {
		c.list = slices.Insert(c.list, i, e)
	}
}

// value gives the stored value of a key.
func (s State) value(key []byte) ([]byte, bool, error) {
	if s.over != nil {
		if i, ok := s.over.find(key); ok {
			return s.over.list[i].Value, s.over.list[i].Value != nil, nil
		}
	}
	return s.m.Get(key)
}

// values reads the entries from one key to before another, in order.
func (s State) values(from, to []byte, fn func(key, value []byte) error) error {
	if s.over == nil {
		return s.m.Scan(from, to, fn)
	}
	i, _ := s.over.find(from)
	end, _ := s.over.find(to)
	over := slices.Clone(s.over.list[i:end])
	// those before a key of the map, and whether that one was written over
	before := func(key []byte) (replaced bool, err error) {
		for len(over) > 0 && !replaced {
			order := -1
			if key != nil {
				order = bytes.Compare(over[0].Key, key)
			}
			if order > 0 {
				break
			}
			e := over[0]
			over, replaced = over[1:], order == 0
			if e.Value != nil {
				if err := fn(e.Key, e.Value); err != nil {
					return false, err
				}
			}
		}
		return replaced, nil
	}
	err := s.m.Scan(from, to, func(key, value []byte) error {
		replaced, err := before(key)
		if err != nil || replaced {
			return err
		}
		return fn(key, value)
	})
	if err == nil {
		_, err = before(nil)
	}
	return err
}

// settle makes the state map of all that was written over it.
func (s State) settle() (State, error) {
	m, err := s.m.Apply(s.over.list)
	if err != nil {
		return State{}, err
	}
	return newState(m, s.block)
}
