package sign

import (
	"crypto/ed25519"
	"fmt"
	"runtime"
	"sync"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// chunk is how many signatures are verified by one equation: larger ones are
// hardly faster, and a bad one costs its whole chunk.
const chunk = 256

// Batch verifies many signatures at once, at about a quarter of the time, on
// all processors. It is used by one goroutine. The zero Batch is ready.
type Batch struct {
	// Keys, if set, makes batches with known keys faster.
	Keys  *KeyCache
	items []batchItem
}

type batchItem struct {
	s       Signature
	message []byte
}

// BatchError names the signatures of a batch that are not valid.
type BatchError struct {
	Bad []int // their places in the order of Add, ascending
}

// Error names the first.
func (e *BatchError) Error() string {
	return fmt.Sprintf("signature %d of the batch: %v (%d bad in all)", e.Bad[0], errBadSignature, len(e.Bad))
}

// Add adds a signature, which must not change before Verify.
func (b *Batch) Add(s Signature, p Purpose, ledger, hash [32]byte) {
	b.items = append(b.items, batchItem{s, Message(p, ledger, hash)})
}

// Len is the number of signatures added.
func (b *Batch) Len() int { return len(b.items) }

// Verify verifies all that was added, *BatchError if any is bad, and empties
// the batch. An empty batch is valid.
func (b *Batch) Verify() error {
	items := b.items
	b.items = nil
	bad := make([]bool, len(items))
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for from := 0; from < len(items); from += chunk {
		to := min(from+chunk, len(items))
		slots <- struct{}{}
		wait.Go(func() {
			b.Keys.verifyChunk(items[from:to], bad[from:to])
			<-slots
		})
	}
	wait.Wait()
	var e BatchError
	for i := range bad {
		if bad[i] {
			e.Bad = append(e.Bad, i)
		}
	}
	if e.Bad != nil {
		return &e
	}
	return nil
}

// verifyChunk sets bad for each item that is not valid.
func (c *KeyCache) verifyChunk(items []batchItem, bad []bool) {
	v := voi.NewBatchVerifierWithCapacity(len(items))
	at := make([]int, 0, len(items)) // where the verifier's entries come from
	for i := range items {
		s := &items[i].s
		if s.check() != nil {
			bad[i] = true
			continue
		}
		key, ok := c.expand(Point(s.Key))
		if !ok {
			bad[i] = true
			continue
		}
		v.AddExpandedWithOptions(key, s.onCurve(items[i].message), s.Bytes[:ed25519.SignatureSize], verifyOptions)
		at = append(at, i)
	}
	if len(at) == 0 {
		return
	}
	if all, valid := v.Verify(nil); !all {
		for j, i := range at {
			bad[i] = !valid[j]
		}
	}
}
