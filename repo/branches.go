package repo

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// current is the name of the current branch; main when none is set.
func (r *Repository) current() branch.Name {
	name, err := branch.Current(r.db)
	if err != nil {
		return branch.Main
	}
	return name
}

// Current is the name of the current branch.
func (r *Repository) Current() string { return string(r.current()) }

// branch finds a branch by its local name; empty means the current one.
func (r *Repository) branch(name string) (branch.Record, error) {
	if name == "" {
		return branch.Lookup(r.db, r.current())
	}
	n, err := branch.ParseName(name)
	if err != nil {
		return branch.Record{}, err
	}
	return branch.Lookup(r.db, n)
}

// branchByID finds what is known of a branch by its id: under a local name, in
// the directory, or, when its name was deleted, by the descriptor that its
// blocks need.
func (r *Repository) branchByID(id branch.ID) (branch.Record, error) {
	records, err := branch.Branches(r.db)
	if err != nil {
		return branch.Record{}, err
	}
	for _, rec := range records {
		if rec.ID == id {
			return rec, nil
		}
	}
	kind, data, err := r.db.Get(id)
	if err != nil {
		return branch.Record{}, fmt.Errorf("branch %s: %w", id.Short(), err)
	}
	if kind != objectstore.KindBranch {
		return branch.Record{}, fmt.Errorf("branch %s is a %s", id.Short(), kind)
	}
	d, err := branch.DecodeDescriptor(data)
	if err != nil {
		return branch.Record{}, fmt.Errorf("branch %s: %w", id.Short(), err)
	}
	return branch.Record{ID: id, Name: branch.Name("deleted-" + id.Short()), Creator: d.Creator, Salt: d.Salt}, nil
}

// mayProduce and mayWrite put the two questions of every block to the one
// function that decides permissions.
func (r *Repository) mayProduce(s dd.State, a objectstore.Account, rec branch.Record) error {
	return dd.Decide(s, question(dd.RightProduce, a, rec))
}

func (r *Repository) mayWrite(s dd.State, a objectstore.Account, rec branch.Record) error {
	return dd.Decide(s, question(dd.RightWrite, a, rec))
}

// maySign asks whether something is signed by the present keys of an account.
func maySign(s dd.State, a objectstore.Account, keys []byte) error {
	return dd.Decide(s, dd.Question{Account: a, Right: dd.RightSign, Keys: keys})
}

// mayRun puts the two questions of every transaction that runs: may its account
// write there, and is it signed by the account's present keys.
func (r *Repository) mayRun(s dd.State, a objectstore.Account, keys []byte, rec branch.Record) error {
	if err := r.mayWrite(s, a, rec); err != nil {
		if fault.Is(err, "AG0501") {
			err = cmp.Or(s.CheckRevokedAs(a), err)
		}
		return err
	}
	return maySign(s, a, keys)
}

func question(right dd.Right, a objectstore.Account, rec branch.Record) dd.Question {
	return dd.Question{Account: a, Right: right, Branch: rec.ID, Name: string(rec.Name), Creator: rec.Creator, Salt: rec.Salt}
}

// Branches lists the branches by name.
func (r *Repository) Branches() ([]Branch, error) {
	records, err := branch.Branches(r.db)
	if err != nil {
		return nil, err
	}
	state, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	current := r.current()
	list, read := make([]Branch, len(records)), r.reader()
	for i, rec := range records {
		if list[i], err = r.describe(state, rec, current, read); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Branch describes a branch by its name; empty means the current one.
func (r *Repository) Branch(name string) (Branch, error) {
	rec, err := r.branch(name)
	if err != nil {
		return Branch{}, err
	}
	state, err := r.directory.Head()
	if err != nil {
		return Branch{}, err
	}
	return r.describe(state, rec, r.current(), r.history.Read)
}

func (r *Repository) describe(state dd.State, rec branch.Record, current branch.Name, read func(objectstore.Hash) (branch.Block, error)) (Branch, error) {
	head, err := branch.Head(r.db, rec.ID)
	if err != nil {
		return Branch{}, err
	}
	b, err := read(head)
	if err != nil {
		return Branch{}, fmt.Errorf("branch %s: %w", rec.Name, err)
	}
	known, registered, err := state.Branch(rec.ID)
	if err != nil {
		return Branch{}, err
	}
	policy, deleted := rec.Policy, false
	if registered {
		policy = known.Policy
	} else if _, deleted, err = state.Deleted(rec.ID); err != nil {
		return Branch{}, err
	}
	return Branch{
		Name: string(rec.Name), ID: rec.ID, Head: head, From: rec.From, Number: uint64(b.Number), Time: time.UnixMilli(b.Time).UTC(),
		Creator: rec.Creator, Current: rec.Name == current, Registered: registered, Deleted: deleted, Scratch: rec.Scratch, Policy: policy, Protection: ProtectionOf(known),
	}, nil
}

// CreateBranch makes a branch that begins at a revision. It costs one small
// write whatever the size of the ledger, and makes no block. The calls on a
// scratch branch never leave it.
func (r *Repository) CreateBranch(name, from string, key crypto.Signer, scratch bool) (Branch, error) {
	n, err := branch.ParseName(name)
	if err != nil {
		return Branch{}, err
	}
	head, err := r.Resolve(from)
	if err != nil {
		return Branch{}, err
	}
	by, err := r.signer(key, "")
	if err != nil {
		return Branch{}, err
	}
	rec := branch.Record{Name: n, Creator: by.account, From: head, Created: r.now().UnixMilli(), Scratch: scratch}
	if _, err := io.ReadFull(r.random, rec.Salt[:]); err != nil {
		return Branch{}, fmt.Errorf("reading randomness for a branch: %w", err)
	}
	d := branch.Descriptor{Version: 1, Ledger: r.ledger, Creator: rec.Creator, Salt: rec.Salt}
	data, err := d.Encode()
	if err != nil {
		return Branch{}, err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	state, err := r.directory.Head()
	if err != nil {
		return Branch{}, err
	}
	batch := r.db.NewBatch()
	defer batch.Close()
	if rec.ID, err = batch.Put(objectstore.KindBranch, data); err != nil {
		return Branch{}, err
	}
	if err := r.mayProduce(state, rec.Creator, rec); err != nil {
		return Branch{}, err
	}
	if err := maySign(state, rec.Creator, by.keys); err != nil {
		return Branch{}, err
	}
	if err := branch.Create(batch, r.db, rec); err != nil {
		return Branch{}, err
	}
	if err := r.stood(batch, rec.ID, head[:]); err != nil {
		return Branch{}, err
	}
	if err := batch.Commit(); err != nil {
		return Branch{}, err
	}
	return r.describe(state, rec, r.current(), r.history.Read)
}

// update runs one change of local names in a batch of its own.
func (r *Repository) update(change func(objectstore.Batch) error) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	batch := r.db.NewBatch()
	defer batch.Close()
	if err := change(batch); err != nil {
		return err
	}
	return batch.Commit()
}

// Switch makes a branch the current one.
func (r *Repository) Switch(name string) error {
	rec, err := r.branch(name)
	if err != nil {
		return err
	}
	return r.update(func(b objectstore.Batch) error { return branch.SetCurrent(b, r.db, rec.Name) })
}

// DeleteBranch forgets a branch here, and here only: DeletionOf deletes one that
// is registered for everybody. Without force it refuses one whose head no other
// branch or tag has.
func (r *Repository) DeleteBranch(name string, force bool) error {
	rec, err := r.branch(name)
	if err != nil {
		return err
	}
	if err := r.mayDelete(rec, force); err != nil {
		return err
	}
	return r.update(func(b objectstore.Batch) error {
		return errors.Join(branch.Delete(b, r.db, rec.Name), r.dropMerge(b, rec.ID), r.stood(b, rec.ID, nil))
	})
}

// contained fails unless another branch or a tag reaches the head of rec.
func (r *Repository) contained(rec branch.Record) error {
	head, err := branch.Head(r.db, rec.ID)
	if err != nil {
		return err
	}
	records, err := branch.Branches(r.db)
	if err != nil {
		return err
	}
	tags, err := r.Tags()
	if err != nil {
		return err
	}
	var others []objectstore.Hash
	for _, o := range records {
		if o.ID == rec.ID {
			continue
		}
		h, err := branch.Head(r.db, o.ID)
		if err != nil {
			return err
		}
		others = append(others, h)
	}
	for _, t := range tags {
		others = append(others, t.Block)
	}
	for _, h := range others {
		if ok, err := r.history.IsAncestor(head, h); ok || err != nil {
			return err
		}
	}
	return fault.New("AG0703", fmt.Sprintf("Merge it, or delete it all the same with: aergo branch -D %s", rec.Name),
		"no other branch or tag has the blocks of %s", rec.Name)
}

// RegistrationOf is the change that enters a branch into the directory, so that
// its name and its producer are the same for everybody.
func (r *Repository) RegistrationOf(name string) (dd.Change, error) {
	rec, err := r.branch(name)
	return dd.RegisterBranch{
		Name: string(rec.Name), Creator: rec.Creator, Salt: rec.Salt, Producer: rec.Creator, Policy: rec.Policy, First: rec.From,
	}, err
}

// RegisterBranch makes the change of RegistrationOf.
func (r *Repository) RegisterBranch(ctx context.Context, key crypto.Signer, name string) error {
	change, err := r.RegistrationOf(name)
	if err != nil {
		return err
	}
	return r.direct(ctx, key, change)
}

// Tag names a block for good, in the directory.
func (r *Repository) Tag(ctx context.Context, key crypto.Signer, name, rev, message string) (Tag, error) {
	change, err := r.TagOf(name, rev, message)
	if err != nil {
		return Tag{}, err
	}
	if err := r.direct(ctx, key, change); err != nil {
		return Tag{}, err
	}
	return r.tag(name)
}

// TagOf is the change that names a block for good.
func (r *Repository) TagOf(name, rev, message string) (dd.Change, error) {
	block, err := r.Resolve(rev)
	if err != nil {
		return nil, err
	}
	// The directory knows registered branches only: take one that has the block.
	rec, _, err := r.publishedBy(block)
	return dd.AddTag{Name: name, Block: block, Branch: rec.ID, Message: message}, err
}

// TagNamed gives a tag.
func (r *Repository) TagNamed(name string) (Tag, error) { return r.tag(name) }

// Tags lists the tags by name.
func (r *Repository) Tags() ([]Tag, error) {
	state, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	tags, err := state.Tags()
	if err != nil {
		return nil, err
	}
	list := make([]Tag, len(tags))
	for i, t := range tags {
		list[i] = tagOf(t)
	}
	return list, nil
}

func tagOf(t dd.Tag) Tag {
	return Tag{Name: t.Name, Block: t.Block, Tagger: t.Tagger, Message: t.Message, Time: time.UnixMilli(t.Time).UTC()}
}

var errNoTag = errors.New("no such tag")

func (r *Repository) tag(name string) (Tag, error) {
	state, err := r.directory.Head()
	if err != nil {
		return Tag{}, err
	}
	t, ok, err := state.Tag(name)
	if err != nil {
		return Tag{}, err
	}
	if !ok {
		return r.originTag(name)
	}
	return tagOf(t), nil
}
