package repo

import (
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/objectstore"
)

// directories verifies the directory's chain, and those of the origins up to the
// block that the genesis before names.
func (v *verification) directories() error {
	for i, p := range v.r.parts {
		head, err := p.directory.Head()
		if err == nil {
			v.verified[p.ledger], err = dd.VerifyChain(v.r.db, p.ledger, head.Block().ID)
		}
		where := "the directory"
		if i > 0 {
			where = "the directory of the origin " + p.ledger.Short()
		}
		if err != nil {
			return failed(where, err)
		}
		v.report.DirBlocks += int(head.Block().Number) + 1
	}
	v.directory = v.verified[v.r.ledger]
	return nil
}

// heads gives the blocks that branches and tags name, and where the origins were
// left.
func (v *verification) heads() ([]objectstore.Hash, error) {
	r := v.r
	branches, err := r.Branches()
	if err != nil {
		return nil, err
	}
	tags, err := r.Tags()
	if err != nil {
		return nil, err
	}
	var heads []objectstore.Hash
	for _, b := range branches {
		heads = append(heads, b.Head)
	}
	for _, t := range tags {
		heads = append(heads, t.Block)
	}
	for _, p := range r.parts[1:] {
		heads = append(heads, p.newest)
	}
	for _, id := range heads {
		b, err := r.history.Read(id)
		if err != nil {
			return nil, err
		}
		if err := r.stands(v.history, b, r.ledger); err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// originLines checks that the block at which each origin was left could stand on
// a branch that its directory knows: not everything that a writer signs on a
// branch of his own is the origin's word.
func (v *verification) originLines(origins []*part) error {
	for _, p := range origins {
		b, err := v.r.history.Read(p.newest)
		if err != nil {
			return failed("the origin's block", err)
		}
		branches, err := v.verified[p.ledger].Branches()
		if err != nil {
			return failed("the origin's directory", err)
		}
		// The branch that it was made on first: it nearly always is the one.
		slices.SortStableFunc(branches, func(x, y dd.Branch) int { return rank(y.ID == b.Branch) - rank(x.ID == b.Branch) })
		good := false
		for _, known := range branches {
			rec := branch.Record{ID: known.ID, Name: branch.Name(known.Name), Creator: known.Creator, Salt: known.Salt}
			if err := v.line(p, rec, known.First, objectstore.Hash{}, p.newest); err == nil {
				good = true
				break
			} else if v.ctx.Err() != nil {
				return err
			}
		}
		if !good {
			return failed("block "+b.ID.Short(), fmt.Errorf("the genesis names it as its origin, but it can stand on no branch that the directory of ledger %s knows", p.ledger.Short()))
		}
	}
	return nil
}

func rank(first bool) int {
	if first {
		return 1
	}
	return 0
}
