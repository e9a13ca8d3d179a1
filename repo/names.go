package repo

import (
	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// The name of a registered branch is the directory's, for everybody; that of
// another branch is local. Both kinds of rename and delete begin here.

// RenamingOf is the change of the directory that gives a branch another name, or
// nil where RenameBranch alone does it: the branch is not registered, or the
// directory calls it so already. Whoever puts the change in order, or imports it,
// has the branch under its new name then.
func (r *Repository) RenamingOf(old, new string) (dd.Change, error) {
	to, err := branch.ParseName(new)
	if err != nil {
		return nil, err
	}
	rec, err := r.branch(old)
	if err != nil {
		return nil, err
	}
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	known, registered, err := s.Branch(rec.ID)
	if err != nil || !registered || known.Name == new || rec.Name == branch.Main { // whose name stays, as RenameBranch says
		return nil, err
	}
	if _, err := branch.Lookup(r.db, to); err == nil {
		return nil, fault.New("AG0702", "choose another name", "branch %s is there already", to)
	}
	return dd.UpdateBranch{ID: rec.ID, Name: new}, nil
}

// RenameBranch gives a branch another local name. Its id, and what it holds,
// stay. A registered branch takes no other than the directory's (AG0533).
func (r *Repository) RenameBranch(old, new string) error {
	change, err := r.RenamingOf(old, new)
	if err != nil {
		return err
	}
	if change != nil {
		return fault.New("AG0533", "change it there: aergo branch -m "+old+" "+new, "branch %s is registered, and its name stands in the directory", old)
	}
	rec, err := r.branch(old)
	if err != nil {
		return err
	}
	return r.update(func(b objectstore.Batch) error { return branch.Rename(b, r.db, rec.Name, branch.Name(new)) })
}

// DeletionOf is the change of the directory that deletes a registered branch for
// everybody, or nil where it is not registered. It fails where DeleteBranch
// would; a branch that is not here needs force.
func (r *Repository) DeletionOf(name string, force bool) (dd.Change, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	rec, err := r.branch(name)
	if fault.Is(err, "AG0202") {
		known, ok, e := s.BranchNamed(name)
		switch {
		case e != nil || !ok:
			return nil, err
		case !force:
			return nil, fault.New("AG0703", "aergo branch -D "+name, "branch %s is not here: nobody can tell here who else has its blocks", name)
		}
		return dd.DeleteBranch{ID: known.ID, Name: known.Name}, nil
	}
	if err != nil {
		return nil, err
	}
	known, registered, err := s.Branch(rec.ID)
	if err != nil || !registered {
		return nil, err
	}
	if err := r.mayDelete(rec, force); err != nil {
		return nil, err
	}
	return dd.DeleteBranch{ID: rec.ID, Name: known.Name}, nil
}

// mayDelete refuses to forget main, the current branch and, without force, one
// whose head no other branch or tag has.
func (r *Repository) mayDelete(rec branch.Record, force bool) error {
	switch {
	case rec.Name == branch.Main || string(rec.Name) == r.Current():
		b := r.db.NewBatch() // never committed: branch says why
		defer b.Close()
		return branch.Delete(b, r.db, rec.Name)
	case force:
		return nil
	}
	return r.contained(rec)
}

// Renamed is a branch that is here, and got another name in the directory.
type Renamed struct{ Old, New string }

// followNames gives the branches that are here the names that a newer directory
// has for them, where they had those of the older one and the name is free here.
// deleted are the local names of those that it has no more: they keep their
// blocks.
func (r *Repository) followNames(b objectstore.Batch, before, after dd.State) (renamed []Renamed, deleted []string, err error) {
	records, err := branch.Branches(r.db)
	if err != nil {
		return nil, nil, err
	}
	for _, rec := range records {
		was, ok, err := before.Branch(rec.ID)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			continue
		}
		is, ok, err := after.Branch(rec.ID)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			deleted = append(deleted, string(rec.Name))
			continue
		}
		if is.Name == was.Name || string(rec.Name) != was.Name {
			continue
		}
		to := branch.Name(is.Name)
		if _, err := branch.Lookup(r.db, to); fault.Is(err, "AG0202") {
			if err := branch.Rename(b, r.db, rec.Name, to); err != nil {
				return nil, nil, err
			}
			renamed = append(renamed, Renamed{string(rec.Name), is.Name})
		} // else the notice of dd show says what to do
	}
	return renamed, deleted, nil
}

// follow is followNames after a change of our own, where it is about a name.
func (r *Repository) follow(b objectstore.Batch, change dd.Change, before, after dd.State) error {
	if c, ok := change.(dd.UpdateBranch); !ok || c.Name == "" {
		return nil
	}
	_, _, err := r.followNames(b, before, after)
	return err
}

// deletedHere gives notice of the branches that are here and were deleted in the
// directory.
func (r *Repository) deletedHere(s dd.State, registered []DirectoryBranch) (list []Notice, err error) {
	records, err := branch.Branches(r.db)
	if err != nil {
		return nil, err
	}
	known := map[branch.ID]bool{}
	for _, b := range registered {
		known[b.ID] = true
	}
	for _, rec := range records {
		if known[rec.ID] {
			continue
		}
		d, ok, err := s.Deleted(rec.ID)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, Notice{"AG0532", "branch " + string(rec.Name) + " was deleted by " + r.called(d.By) + "; its blocks are kept here",
				"aergo switch -c NAME " + string(rec.Name) + " goes on with them; aergo branch -D " + string(rec.Name) + " forgets them"})
		}
	}
	return list, nil
}
