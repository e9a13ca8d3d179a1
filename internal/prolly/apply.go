package prolly

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/aergo-git/aergo-git/objectstore"
)

// Edit sets the value of a key, or deletes the key if Value is nil. An empty
// value is not nil.
type Edit struct {
	Key, Value []byte
}

// edit is an Edit of one level: an entry put, or (gone) deleted.
type edit struct {
	item
	gone bool
	at   int // index of the entry with this key, if the node is patched
}

// Apply gives the map with the edits made. Keys must be unique, their order is
// free; deleting what is absent changes nothing. The cost follows the edits, not
// the map. New nodes stay in memory until Write. Slices are copied.
func (m *Map) Apply(edits []Edit) (*Map, error) {
	work, err := leafEdits(edits)
	if err != nil {
		return nil, fmt.Errorf("edit state map: %w", err)
	}
	if len(work) == 0 {
		return m, nil
	}
	top, err := m.root()
	if err != nil {
		return nil, err
	}
	a := &applier{m: m, top: top}
	for level := 0; ; level++ {
		if work, err = a.level(level, work); err != nil {
			return nil, fmt.Errorf("edit state map: %w", err)
		}
		if len(work) == 0 {
			return m, nil // nothing changed
		}
		if top == nil || level >= top.level {
			done, result, err := a.finish(work)
			if done || err != nil {
				return result, err
			}
			if level == MaxLevel {
				return nil, fmt.Errorf("edit state map: more than %d levels", MaxLevel)
			}
		}
	}
}

func leafEdits(edits []Edit) ([]edit, error) {
	work := make([]edit, len(edits))
	for i, e := range edits {
		if len(e.Key) < 1 || len(e.Key) > MaxKey {
			return nil, fmt.Errorf("key of %d bytes, not 1 to %d", len(e.Key), MaxKey)
		}
		if len(e.Value) > MaxValue {
			return nil, fmt.Errorf("value of %d bytes, more than %d", len(e.Value), MaxValue)
		}
		w := &work[i]
		w.key, w.value = e.Key, e.Value
		w.gone = e.Value == nil
		if len(e.Value) > MaxInline {
			h := hashValue(e.Value)
			w.tag, w.value, w.out = tagOutside, h[:], bytes.Clone(e.Value)
		}
	}
	byKey := func(a, b edit) int { return bytes.Compare(a.key, b.key) }
	if !slices.IsSortedFunc(work, byKey) {
		slices.SortFunc(work, byKey)
	}
	for i := 1; i < len(work); i++ {
		if bytes.Equal(work[i-1].key, work[i].key) {
			return nil, fmt.Errorf("key %x is edited twice", work[i].key)
		}
	}
	return work, nil
}

// applier carries edits from the leaves to the root, level by level.
type applier struct {
	m     *Map
	top   *node // of the map before; nil if it is empty
	cut   cutter
	arena []item // backs the windows' items until their jobs are done
	spare []item
	jobs  []job
	next  []edit // edits of the level above
}

// job is a new node to encode and hash, from items, or from src with new values.
type job struct {
	items []item
	src   *node
	edits []edit
	node  *node
	value []byte // the node's entry in the level above: id and row count
}

// level makes the edits on one level and gives those for the level above.
func (a *applier) level(level int, work []edit) ([]edit, error) {
	a.cut.level = level
	a.next = nil
	for len(work) > 0 {
		w := window{level: level, items: a.arena[len(a.arena):]}
		used := len(work)
		if a.top != nil && level <= a.top.level {
			var err error
			if used, err = w.gather(a.m, a.top, work); err != nil {
				return nil, err
			}
		}
		if w.patch != nil {
			a.patch(w.patch, work[:used])
			work = work[used:]
			continue
		}
		w.merge(work[:used], &a.spare)
		if err := w.inOrder(); err != nil {
			return nil, err
		}
		if w.structural {
			w.settle(&a.cut)
		}
		a.emit(&w)
		if size := len(a.arena) + len(w.items); size <= cap(a.arena) {
			a.arena = a.arena[:size]
		} else {
			a.arena = w.items // it grew out of the old one, which the jobs keep
		}
		if len(a.arena) > arenaItems {
			a.encode(level)
		}
		work = work[used:]
	}
	a.encode(level)
	return a.next, nil
}

// patch plans a new node in the place of one whose keys stay.
func (a *applier) patch(n *node, work []edit) {
	same := true
	for i := range work {
		tag, value := n.value(work[i].at)
		same = same && tag == work[i].tag && bytes.Equal(value, work[i].value)
	}
	if same {
		return
	}
	put := edit{item: item{key: n.firstKey(), value: make([]byte, innerValue), kid: new(node)}}
	a.jobs = append(a.jobs, job{src: n, edits: work, node: put.kid, value: put.value})
	a.next = append(a.next, put)
}

// emit plans the new nodes of a window and the edits that put them in the place
// of the old ones on the level above. A node that comes out as it was is left.
func (a *applier) emit(w *window) {
	old := w.nodes
	drop := func(below []byte) { // old nodes that begin below the key, or all
		for len(old) > 0 && (below == nil || old[0].compareKey(0, below) < 0) {
			a.next = append(a.next, edit{item: item{key: old[0].firstKey()}, gone: true})
			old = old[1:]
		}
	}
	for from := 0; from < len(w.items); {
		to := from + 1
		for to < len(w.items) && !w.items[to].begins {
			to++
		}
		items := w.items[from:to]
		from = to
		drop(items[0].key)
		if len(old) > 0 && old[0].compareKey(0, items[0].key) == 0 {
			old = old[1:]
		}
		put := edit{item: item{key: items[0].key, value: make([]byte, innerValue)}}
		switch src := items[0].src; {
		case !isWhole(items):
			put.kid = new(node)
			a.jobs = append(a.jobs, job{items: items, node: put.kid, value: put.value})
		case src == a.top: // it may be the root no more; then a level is built on all of this one
			put.kid = src
			src.putEntry(put.value)
		default:
			continue
		}
		a.next = append(a.next, put)
	}
	drop(nil)
}

// isWhole reports whether the entries are exactly those of one old node.
func isWhole(items []item) bool {
	src := items[0].src
	if src == nil || !items[0].first || len(items) != src.count {
		return false
	}
	for i := range items {
		if items[i].src != src {
			return false
		}
	}
	return true
}

// encode makes the planned nodes, on all cores if there are many. Each is made
// from its own entries only, so the result is the same on any number of cores.
func (a *applier) encode(level int) {
	workers := min(runtime.GOMAXPROCS(0), len(a.jobs)/jobsPerWorker)
	if workers < 2 {
		for i := range a.jobs {
			a.jobs[i].run(level)
		}
	} else {
		var wg sync.WaitGroup
		for k := range workers {
			part := a.jobs[k*len(a.jobs)/workers : (k+1)*len(a.jobs)/workers]
			wg.Go(func() {
				for i := range part {
					part[i].run(level)
				}
			})
		}
		wg.Wait()
	}
	clear(a.jobs)
	clear(a.arena)
	a.jobs, a.arena = a.jobs[:0], a.arena[:0]
}

const (
	// jobsPerWorker: below this many nodes a goroutine costs more than it gains.
	jobsPerWorker = 8
	// arenaItems is how many entries are held before their nodes are made.
	arenaItems = 1 << 16
)

func (j *job) run(level int) {
	if j.src != nil {
		j.node.patch(j.src, j.edits)
	} else {
		j.node.encode(level, j.items)
		j.node.finish(j.items)
	}
	j.node.putEntry(j.value)
}

// putEntry writes the value of the node's entry in the level above.
func (n *node) putEntry(value []byte) {
	copy(value, n.id[:])
	binary.BigEndian.PutUint64(value[objectstore.HashSize:], n.total)
}

// finish looks at the edits for the level above the old root: they name all
// nodes of the level below. One or none means that the root is found.
func (a *applier) finish(work []edit) (done bool, result *Map, err error) {
	var only *node
	for _, e := range work {
		if e.gone {
			continue
		}
		if only != nil {
			return false, nil, nil
		}
		only = e.kid
	}
	if only == nil {
		return true, Empty(a.m.cache), nil
	}
	if only == a.top {
		return true, a.m, nil
	}
	// The root is the lowest level that is one node.
	for only.level > 0 && only.count == 1 {
		if only, err = a.m.kid(only, 0); err != nil {
			return false, nil, err
		}
	}
	result = &Map{cache: a.m.cache, id: only.id}
	result.top.Store(only)
	return true, result, nil
}
