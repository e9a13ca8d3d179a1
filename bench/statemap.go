package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/objectstore"
)

// stateMap measures edits of a state map of 1M rows (24-byte keys, 40-byte
// values) that are written to a store, against writing the same rows as plain
// Pebble keys would be no comparison: Pebble keeps no history. The named
// alternative is the radix trie of docs/decisions, from its record.
func stateMap(b *bench) error {
	const rows = 1_000_000
	dir, err := b.fresh()
	if err != nil {
		return err
	}
	db, err := objectstore.Open(dir, objectstore.Options{NodeHash: prolly.NodeHash})
	if err != nil {
		return err
	}
	defer db.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([][]byte, rows)
	for i := range keys {
		k := make([]byte, 24)
		binary.BigEndian.PutUint64(k[8:], rng.Uint64())
		copy(k, "accounts")
		keys[i] = k
	}
	slices.SortFunc(keys, func(a, c []byte) int { return slices.Compare(a, c) })
	value := func() []byte {
		v := make([]byte, 40)
		for i := 0; i < len(v); i += 8 {
			binary.BigEndian.PutUint64(v[i:], rng.Uint64())
		}
		return v
	}
	m := prolly.Empty(prolly.NewCache(db, 256<<20))
	write := func() error {
		batch := db.NewBatch()
		defer batch.Close()
		stored, err := m.Write(batch.PutHashed)
		if err != nil {
			return err
		}
		if err := batch.Commit(); err != nil {
			return err
		}
		stored()
		return nil
	}
	began := time.Now()
	for chunk := range slices.Chunk(keys, 50_000) {
		edits := make([]prolly.Edit, len(chunk))
		for i, k := range chunk {
			edits[i] = prolly.Edit{Key: k, Value: value()}
		}
		if m, err = m.Apply(edits); err != nil {
			return err
		}
		if err := write(); err != nil {
			return err
		}
	}
	figure("build 1M rows, in batches of 50,000, synced", perSecond(rows, time.Since(began)), fmt.Sprintf("%.0f MB on disk", float64(size(dir))/1e6))
	for _, n := range []int{1, 100, 1000} {
		rounds := max(20, 2000/n)
		var compute, store []time.Duration
		for range rounds {
			edits := make([]prolly.Edit, n)
			for i := range edits {
				edits[i] = prolly.Edit{Key: keys[rng.IntN(rows)], Value: value()}
			}
			slices.SortFunc(edits, func(a, c prolly.Edit) int { return slices.Compare(a.Key, c.Key) })
			edits = slices.CompactFunc(edits, func(a, c prolly.Edit) bool { return slices.Equal(a.Key, c.Key) })
			began := time.Now()
			if m, err = m.Apply(edits); err != nil {
				return err
			}
			compute = append(compute, time.Since(began))
			began = time.Now()
			if err := write(); err != nil {
				return err
			}
			store = append(store, time.Since(began))
		}
		figure(fmt.Sprintf("edits of 1M rows in batches of %d", n), perSecond(n, median(compute)),
			fmt.Sprintf("%.1f us an edit, %.1f us to store it, synced; radix trie of the record: %s us", float64(median(compute).Nanoseconds())/1e3/float64(n),
				float64(median(store).Nanoseconds())/1e3/float64(n), map[int]string{1: "20", 100: "16", 1000: "13"}[n]))
	}
	return nil
}
