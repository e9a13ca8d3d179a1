package dd

import (
	"errors"

	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// signatures are those that wait to be verified together, in a third of the time
// that each would take alone. All that costs no arithmetic was checked of them
// already. Nothing that depends on them counts before first was asked. The zero
// value is ready; one goroutine uses it.
type signatures struct {
	batch sign.Batch
	alone []func() error             // for each in the batch: checks it by itself, with its words
	known map[string]sign.Descriptor // of single keys, met before; nil: none is remembered
}

// describe is Seal.Describe, which finds out for each key that it is a good one.
func (v *signatures) describe(sl sign.Seal) (sign.Descriptor, error) {
	if v.known == nil || len(sl.Descriptor) > 0 || len(sl.Signatures) != 1 {
		return sl.Describe()
	}
	key := string(sl.Signatures[0].Key)
	if d, ok := v.known[key]; ok {
		return d, nil
	}
	d, err := sl.Describe()
	if err == nil {
		if len(v.known) == maxKnownKeys {
			clear(v.known)
		}
		v.known[key] = d
	}
	return d, err
}

// add takes the signatures of a seal by d. words says what it means if one of
// them does not fit.
func (v *signatures) add(sl sign.Seal, d sign.Descriptor, p sign.Purpose, ledger, id objectstore.Hash, words func(error) error) {
	sl.AddTo(&v.batch, p, ledger, id)
	for len(v.alone) < v.batch.Len() {
		v.alone = append(v.alone, func() error {
			if err := sl.CheckBy(d, p, ledger, id); err != nil {
				return words(err)
			}
			return nil
		})
	}
}

// within puts words around those of the signatures from number from on.
func (v *signatures) within(from int, words func(error) error) {
	for i := from; i < len(v.alone); i++ {
		inner := v.alone[i]
		v.alone[i] = func() error {
			if err := inner(); err != nil {
				return words(err)
			}
			return nil
		}
	}
}

// first verifies what waits. It gives the error of the first signature that does
// not fit, otherwise err, which was met after all of them.
func (v *signatures) first(err error) error {
	alone := v.alone
	v.alone = nil
	if len(alone) <= 2 { // no faster together
		v.batch = sign.Batch{Keys: v.batch.Keys}
		for _, check := range alone {
			if bad := check(); bad != nil {
				return bad
			}
		}
		return err
	}
	bad := v.batch.Verify()
	if bad == nil {
		return err
	}
	var list *sign.BatchError
	if errors.As(bad, &list) {
		if one := alone[list.Bad[0]](); one != nil {
			return one
		}
	}
	return bad
}

// addSeal checks that seal is account's signature over id, by its present keys,
// up to the arithmetic, which it leaves to v. words is put around each error.
func (s State) addSeal(v *signatures, seal []byte, account objectstore.Account, p sign.Purpose, id objectstore.Hash, words func(error) error) error {
	sl, err := sign.ParseSeal(seal)
	if err != nil {
		return words(err)
	}
	d, err := v.describe(sl)
	if err != nil {
		return words(err)
	}
	if err := Decide(s, Question{Account: account, Right: RightSign, Keys: d.Bytes()}); err != nil {
		return words(err)
	}
	if err := sl.Satisfies(d); err != nil {
		return words(err)
	}
	v.add(sl, d, p, s.Ledger(), id, words)
	return nil
}

// checkSeal is addSeal with the arithmetic.
func (s State) checkSeal(seal []byte, account objectstore.Account, p sign.Purpose, id objectstore.Hash) error {
	var v signatures
	err := s.addSeal(&v, seal, account, p, id, func(err error) error { return err })
	return v.first(err)
}
