package prolly

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
)

// Build makes a map of pairs that come in rising key order, in bounded memory
// if it may write: whenever enough nodes have gathered, flush is called with the
// map so far. It writes (Map.Write) and commits. The last nodes are left to
// the caller's Write, as after Apply. A nil flush keeps everything in memory.
// The result is the same as from any other way to the same content.
func Build(c *Cache, pairs iter.Seq2[[]byte, []byte], flush func(*Map) error) (*Map, error) {
	m := Empty(c)
	var batch []Edit
	var last []byte
	size, unsaved := 0, 0
	apply := func() error {
		next, err := m.Apply(batch)
		if err != nil {
			return err
		}
		m, batch, size = next, batch[:0], 0
		return nil
	}
	for key, value := range pairs {
		if last != nil && bytes.Compare(key, last) <= 0 {
			return nil, fmt.Errorf("build state map: key %x does not follow %x", key, last)
		}
		if value == nil {
			return nil, errors.New("build state map: a nil value (an absent key) among the pairs")
		}
		last = append(last[:0], key...)
		batch = append(batch, Edit{bytes.Clone(key), bytes.Clone(value)})
		size += len(key) + len(value) + buildPair
		if size < buildBatch {
			continue
		}
		unsaved += size
		if err := apply(); err != nil {
			return nil, err
		}
		if flush != nil && unsaved >= buildFlush {
			if err := flush(m); err != nil {
				return nil, fmt.Errorf("build state map: %w", err)
			}
			unsaved = 0
		}
	}
	if err := apply(); err != nil {
		return nil, err
	}
	return m, nil
}

const (
	buildPair  = 250      // bytes of memory for a pair beside key and value
	buildBatch = 8 << 20  // bytes of pairs that are put at once
	buildFlush = 64 << 20 // bytes of pairs between two flushes
)
