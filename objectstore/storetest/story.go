package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/aergo-git/aergo-git/objectstore"
)

// story draws batch number i: some objects of all sizes, a seal, an index key
// and a ref that counts the batches. The same seed draws the same.
type story struct {
	seed uint64
}

func (st story) objects(i int) [][]byte {
	r := rand.New(rand.NewPCG(st.seed, uint64(i)))
	var all [][]byte
	for range 1 + r.IntN(8) {
		size := []int{10, 300, 2000, 40_000}[r.IntN(4)]
		data := make([]byte, 8+r.IntN(size))
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		all = append(all, data)
	}
	return all
}

const storyRef = "heads/main"

// commit commits batch i, whose ref follows that of batch i-1.
func (st story) commit(s Store, i int) error {
	b := s.NewBatch()
	var old []byte
	if i > 0 {
		old = fmt.Append(nil, i)
	}
	errs := []error{b.SetRef(storyRef, old, fmt.Append(nil, i+1)), b.SetIndex(fmt.Appendf(nil, "n%06d", i), []byte("x"))}
	for _, data := range st.objects(i) {
		h, err := b.Put(objectstore.KindValue, data)
		errs = append(errs, err, b.PutSeal(h, data[:8]))
	}
	errs = append(errs, b.Commit(), b.Close())
	return errors.Join(errs...)
}

// check checks that a store, opened again, holds at least the batches that were
// acknowledged, at most those that were begun, and each of them wholly.
func (st story) check(s Store, acknowledged, begun int) error {
	held := 0
	v, err := s.Ref(storyRef)
	if err == nil {
		if _, err := fmt.Sscan(string(v), &held); err != nil {
			return err
		}
	} else if !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	if held < acknowledged || held > begun {
		return fmt.Errorf("it holds %d batches; %d were acknowledged, %d begun", held, acknowledged, begun)
	}
	for i := range begun {
		_, err := s.Index(fmt.Appendf(nil, "n%06d", i))
		if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return err
		}
		if (err == nil) != (i < held) {
			return fmt.Errorf("index of batch %d of %d: %v", i, held, err)
		}
		for _, data := range st.objects(i) {
			h := objectstore.Sum(objectstore.KindValue, data)
			_, got, err := s.Get(h)
			if i >= held {
				if !errors.Is(err, objectstore.ErrNotFound) {
					return fmt.Errorf("batch %d is half there: %v", i, err)
				}
				continue
			}
			if err != nil || !bytes.Equal(got, data) {
				return fmt.Errorf("batch %d of %d: %w", i, held, err)
			}
			if seal, err := s.Seal(h); err != nil || !bytes.Equal(seal, data[:8]) {
				return fmt.Errorf("seal of batch %d of %d: %w", i, held, err)
			}
		}
	}
	return nil
}
