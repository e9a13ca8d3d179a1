package repo

import (
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
)

// A consistent merge that has conflicts stays open: a ref says of which source,
// and one ref for each choice made so far what it was. The merge itself is
// computed anew each time, so nothing of it can be half done.

// openMerge is what the ref merge/<branch id> holds.
type openMerge struct {
	_      struct{} `cbor:",toarray"`
	Source objectstore.Hash
}

func openRef(id branch.ID) string { return "merge/" + id.String() }

// choiceRef names a choice by what it is about.
func choiceRef(id branch.ID, c merge.Choice) string {
	about := objectstore.Sum(objectstore.KindRow, append(append(append([]byte{}, c.Key...), 0), c.Column...))
	return openRef(id) + "/" + hex.EncodeToString(about[:])
}

// opened reads the open merge of a branch; ok is false when there is none. What
// cannot be read is AG0714, and never half believed: AbortMerge clears it away.
func (r *Repository) opened(id branch.ID) (source objectstore.Hash, choices []merge.Choice, ok bool, err error) {
	var open openMerge
	unreadable := func(why error) error {
		return fault.New("AG0714", "Give the merge up and begin it again: aergo merge --abort. The branch itself is whole.",
			"what is noted of the open merge cannot be read: %w", why)
	}
	err = r.db.Refs(openRef(id), func(name string, value []byte) error {
		if name == openRef(id) {
			ok = true
			if err := wire.Unmarshal(value, &open); err != nil {
				return unreadable(err)
			}
			if _, err := r.history.Read(open.Source); err != nil {
				return unreadable(err)
			}
			return nil
		}
		if !strings.HasPrefix(name, openRef(id)+"/") {
			return nil
		}
		list, err := merge.DecodeChoices(value)
		if err != nil {
			return unreadable(err)
		}
		if len(list) != 1 || choiceRef(id, list[0]) != name {
			return unreadable(errors.New("a choice stands where another one belongs"))
		}
		if choices = append(choices, list...); len(choices) > merge.MaxChoices {
			return unreadable(fmt.Errorf("it has more than %d choices", merge.MaxChoices))
		}
		return nil
	})
	if err == nil && !ok && len(choices) > 0 {
		err = unreadable(errors.New("there are choices, and it does not say of which merge"))
	}
	if err != nil {
		return objectstore.Hash{}, nil, false, err
	}
	return open.Source, choices, ok, nil
}

// save opens a merge, or notes more choices of one that is open.
func (r *Repository) saveMerge(id branch.ID, source objectstore.Hash, choices []merge.Choice) error {
	return r.update(func(b objectstore.Batch) error {
		data, err := wire.Marshal(openMerge{Source: source})
		if err != nil {
			return err
		}
		if err := r.replaceRef(b, openRef(id), data); err != nil {
			return err
		}
		for _, c := range choices {
			data, err := merge.EncodeChoices([]merge.Choice{c})
			if err != nil {
				return err
			}
			if err := r.replaceRef(b, choiceRef(id, c), data); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *Repository) replaceRef(b objectstore.Batch, name string, value []byte) error {
	old, err := r.db.Ref(name)
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return err
	}
	return b.SetRef(name, old, value)
}

// dropMerge removes what is noted of an open merge.
func (r *Repository) dropMerge(b objectstore.Batch, id branch.ID) error {
	return r.db.Refs(openRef(id), func(name string, value []byte) error {
		if name != openRef(id) && !strings.HasPrefix(name, openRef(id)+"/") {
			return nil
		}
		return b.SetRef(name, value, nil)
	})
}

// AbortMerge gives up the open merge of a branch (empty: the current one) with
// all choices. The branch is as it was: nothing of it had been published.
func (r *Repository) AbortMerge(into string) error {
	rec, err := r.branch(into)
	if err != nil {
		return err
	}
	if _, _, ok, err := r.opened(rec.ID); !ok && !fault.Is(err, "AG0714") {
		if err == nil {
			err = noMerge(rec.Name)
		}
		return err
	}
	return r.update(func(b objectstore.Batch) error { return r.dropMerge(b, rec.ID) })
}

func noMerge(name branch.Name) error {
	return fault.New("AG0712", "Begin one: aergo merge SRC --consistent", "no merge is open on branch %s", name)
}

// OpenMerge tells which block's merge into a branch is open; ok is false when
// none is.
func (r *Repository) OpenMerge(into string) (source objectstore.Hash, ok bool, err error) {
	rec, err := r.branch(into)
	if err != nil {
		return source, false, err
	}
	source, _, ok, err = r.opened(rec.ID)
	return source, ok, err
}

// Conflicts computes the open merge of a branch (empty: the current one) with
// the choices made so far. What is left stands in Conflicts.
func (r *Repository) Conflicts(ctx context.Context, key crypto.Signer, into string) (MergeResult, error) {
	return r.goOn(ctx, key, into, nil, false)
}

// Settle adds choices to the open merge of a branch (empty: the current one).
// When nothing is left and all that the contracts declare holds, the merge block
// is made; without choices it is that question alone.
func (r *Repository) Settle(ctx context.Context, key crypto.Signer, into string, choices ...Choice) (MergeResult, error) {
	return r.goOn(ctx, key, into, choices, true)
}

// goOn computes an open merge with further choices, and keeps these.
func (r *Repository) goOn(ctx context.Context, key crypto.Signer, into string, more []Choice, write bool) (MergeResult, error) {
	by, err := r.signer(key, into)
	if err != nil {
		return MergeResult{}, err
	}
	source, choices, ok, err := r.opened(by.record.ID)
	if err != nil {
		return MergeResult{}, err
	}
	if !ok {
		return MergeResult{}, noMerge(by.record.Name)
	}
	res, err := r.consistent(ctx, by, source, choices, write && len(more) == 0)
	if err == nil && len(res.unused) > 0 { // a call on the branch settled these meanwhile
		choices = slices.DeleteFunc(choices, func(c merge.Choice) bool {
			return slices.ContainsFunc(res.unused, func(u merge.Choice) bool { return slices.Equal(u.Key, c.Key) && u.Column == c.Column })
		})
		res, err = r.consistent(ctx, by, source, choices, write && len(more) == 0)
	}
	if err != nil || len(more) == 0 {
		return res, err
	}
	chosen, err := expand(more, res.Conflicts)
	if err != nil {
		return res, err
	}
	if res, err = r.consistent(ctx, by, source, append(choices, chosen...), write); err != nil || !res.Block.IsZero() {
		return res, err
	}
	return res, r.saveMerge(by.record.ID, source, chosen)
}

// expand finds the conflicts that choices are about. What says more goes first: a
// cell, its row, its column, its table. So their order does not matter.
func expand(more []Choice, conflicts []Conflict) ([]merge.Choice, error) {
	var list []merge.Choice
	taken := map[int]Choice{}
	for _, want := range slices.SortedStableFunc(slices.Values(more), func(a, b Choice) int { return b.says() - a.says() }) {
		found := false
		for i, c := range conflicts {
			if !c.Open() || !want.About(c) {
				continue
			}
			found = true
			if by, ok := taken[i]; ok {
				if by.says() == want.says() {
					return nil, fault.New("AG0711", "Choose once for each.", "%s and %s are chosen both, and mean one conflict", by, want)
				}
				continue
			}
			taken[i] = want
			x := merge.Choice{Key: c.key, Column: c.Column, Take: want.Take}
			if want.Take == merge.Value {
				x.Value = want.Value
			}
			list = append(list, x)
		}
		if !found {
			return nil, fault.New("AG0711", "List them: aergo conflicts", "no open conflict matches %s", want)
		}
	}
	return list, nil
}

// says is how much a choice says about which conflicts it is for.
func (w Choice) says() int {
	n := 0
	for bit, said := range []bool{w.Contract != "", w.Table != "", w.Column != "", w.Key != nil} {
		if said {
			n |= 1 << bit
		}
	}
	return n
}

// About tells whether a choice concerns a conflict. What it leaves empty it does
// not ask for.
func (w Choice) About(c Conflict) bool {
	switch {
	case w.Contract != "" && w.Contract != c.Contract, w.Table != "" && w.Table != c.Table,
		w.Column != "" && w.Column != c.Column, w.Take == merge.Value && c.Column == "":
		return false
	}
	return w.Key == nil || slices.EqualFunc(w.Key, c.Key, func(text string, v any) bool { return text == keyWord(v) })
}

// keyWord is a key cell as a Choice names it.
func keyWord(v any) string {
	if b, ok := v.([]byte); ok {
		return "0x" + hex.EncodeToString(b)
	}
	return fmt.Sprint(v)
}

// String is the choice's path as the command takes it.
func (w Choice) String() string {
	s := w.Contract
	if w.Table != "" {
		s += "." + w.Table
	}
	if w.Key != nil {
		s += "[" + strings.Join(w.Key, ",") + "]"
	}
	if w.Column != "" {
		s += "." + w.Column
	}
	if s == "" {
		return "any"
	}
	return s
}

// Unsettle takes back choices of the open merge of a branch (empty: the current
// one): those in the contract, table, row and column that about names; what is
// empty is not asked for. It gives how many there were.
func (r *Repository) Unsettle(into string, about Choice) (int, error) {
	rec, err := r.branch(into)
	if err != nil {
		return 0, err
	}
	_, choices, ok, err := r.opened(rec.ID)
	if err == nil && !ok {
		err = noMerge(rec.Name)
	}
	if err != nil {
		return 0, err
	}
	about.Take = 0
	var back []merge.Choice
	for _, c := range choices {
		tuple, err := wire.DecodeKey(c.Key)
		if err != nil || len(tuple) < 3 {
			return 0, fmt.Errorf("reading a choice of the open merge: %w", err)
		}
		at := Conflict{Column: c.Column, Key: tuple[2:]}
		at.Contract, _ = tuple[0].(string)
		at.Table, _ = tuple[1].(string)
		if about.About(at) {
			back = append(back, c)
		}
	}
	if len(back) == 0 {
		return 0, fault.New("AG0711", "List what is open: aergo conflicts", "nothing that matches %s has been chosen", about)
	}
	return len(back), r.update(func(b objectstore.Batch) error {
		for _, c := range back {
			if err := r.replaceRef(b, choiceRef(rec.ID, c), nil); err != nil {
				return err
			}
		}
		return nil
	})
}
