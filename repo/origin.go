package repo

import (
	"fmt"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// part is one of the ledgers whose blocks stand in a repository: its own, and
// behind it the ledger that it went on from as a private branch, and so on. Each
// block is verified by the ledger it names: signatures, directory, owner.
type part struct {
	ledger    objectstore.Hash
	owner     objectstore.Account
	directory *dd.Directory
	verifier  *sqlcontract.Verifier
	// newest is the block at which the part before went on from this one; zero
	// for the repository's own ledger, which goes on growing.
	newest objectstore.Hash
}

// partsFrom gives the part of a directory and those of its origins behind it.
// What a genesis says is bound by the ledger id; that the blocks it names are
// there and good is for Verify to check.
func partsFrom(store objectstore.Store, d *dd.Directory, newest objectstore.Hash) ([]*part, error) {
	var list []*part
	for {
		if len(list) > maxOrigins {
			return nil, fault.New("AG0541", "", "a ledger with more than %d origins one behind the other is not opened", maxOrigins)
		}
		head, err := d.Head()
		if err != nil && len(list) > 0 {
			return nil, failed("the directory of the origin "+d.Ledger().Short(), err)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the directory: %w", err)
		}
		list = append(list, &part{ledger: d.Ledger(), owner: head.Owner(), directory: d, verifier: sqlcontract.NewVerifier(d.Ledger()).Had(had(d)), newest: newest})
		g, err := d.Genesis()
		if err != nil || g.Origin == nil {
			return list, err
		}
		d, newest = dd.OpenAt(store, g.Origin.Ledger, g.Origin.Directory), g.Origin.Block
	}
}

// had tells a verifier of transactions which keys an account has or had.
func had(d *dd.Directory) func(objectstore.Account, []byte) (bool, error) {
	return func(a objectstore.Account, keys []byte) (bool, error) {
		s, err := d.Head()
		if err != nil {
			return false, err
		}
		return s.Had(a, keys)
	}
}

// partOf finds the part of a ledger that a block names.
func (r *Repository) partOf(ledger objectstore.Hash) (*part, error) {
	for _, p := range r.parts {
		if p.ledger == ledger {
			return p, nil
		}
	}
	return nil, fmt.Errorf("it belongs to ledger %s", ledger.Short())
}

// origins are the ledgers that this one went on from.
func (r *Repository) origins() []objectstore.Hash {
	var list []objectstore.Hash
	for _, p := range r.parts[1:] {
		list = append(list, p.ledger)
	}
	return list
}

// stands checks that a block may stand under blocks of a ledger, as their parent
// or as a head: it is of this ledger, or of an origin and no newer than where
// the ledger went on from it.
func (r *Repository) stands(history *branch.History, b branch.Block, under objectstore.Hash) error {
	if b.Ledger == under {
		return nil
	}
	for i, p := range r.parts[:len(r.parts)-1] {
		if p.ledger != under {
			continue
		}
		for _, behind := range r.parts[i+1:] {
			if behind.ledger != b.Ledger {
				continue
			}
			if ok, err := history.IsAncestor(b.ID, r.parts[i+1].newest); err != nil || ok {
				return err
			}
			return fmt.Errorf("block %s of ledger %s is newer than, or beside, block %s, from which ledger %s went on",
				b.ID.Short(), b.Ledger.Short(), r.parts[i+1].newest.Short(), under.Short())
		}
	}
	return fmt.Errorf("block %s belongs to ledger %s, which is no origin of %s", b.ID.Short(), b.Ledger.Short(), under.Short())
}

// Origin is the ledger that this one went on from, as a private branch of it.
type Origin struct {
	Ledger    objectstore.Hash
	Block     objectstore.Hash // the last one of it here
	Number    uint64           // of Block
	Time      time.Time        // of Block
	Branch    string           // that Block was made on, by the origin's directory; "" if it has no such
	Directory objectstore.Hash // the directory block by which all of it is verified
}

// Origin tells which ledger this one went on from; nil where it began by itself.
func (r *Repository) Origin() (*Origin, error) {
	if len(r.parts) < 2 {
		return nil, nil
	}
	p := r.parts[1]
	head, err := p.directory.Head()
	if err != nil {
		return nil, err
	}
	b, err := r.history.Read(p.newest)
	if err != nil {
		return nil, fmt.Errorf("the origin's block: %w", err)
	}
	on, _, err := head.Branch(b.Branch)
	return &Origin{Ledger: p.ledger, Block: p.newest, Number: uint64(b.Number), Time: time.UnixMilli(b.Time).UTC(),
		Branch: on.Name, Directory: head.Block().ID}, err
}

// originNames adds what the origins' directories call branches and blocks.
func (r *Repository) originNames(n names) error {
	for _, p := range r.parts[1:] {
		head, err := p.directory.Head()
		if err != nil {
			return err
		}
		branches, err := head.Branches()
		if err != nil {
			return err
		}
		for _, b := range branches {
			n.branches[b.ID] = "origin/" + b.Name
		}
		tags, err := head.Tags()
		if err != nil {
			return err
		}
		for _, t := range tags {
			n.blocks[t.Block] = append(n.blocks[t.Block], "origin tag: "+t.Name)
		}
		n.blocks[p.newest] = append(n.blocks[p.newest], "origin")
	}
	return nil
}

// originTag finds a tag of an origin whose block came with it.
func (r *Repository) originTag(name string) (Tag, error) {
	for _, p := range r.parts[1:] {
		head, err := p.directory.Head()
		if err != nil {
			return Tag{}, err
		}
		t, ok, err := head.Tag(name)
		if err != nil {
			return Tag{}, err
		}
		if here, err := r.db.Has(t.Block); ok && here && err == nil {
			return tagOf(t), nil
		}
	}
	return Tag{}, errNoTag
}

// ownOnly refuses a merge whose source brings blocks of an origin: they are
// signed for another ledger and cannot run in this one.
func (r *Repository) ownOnly(source, target objectstore.Hash) error {
	if len(r.parts) < 2 {
		return nil
	}
	blocks, err := r.history.Only(source, target)
	if err != nil {
		return err
	}
	for _, id := range blocks {
		b, err := r.history.Read(id)
		if err != nil {
			return err
		}
		if b.Ledger != r.ledger {
			return fault.New("AG0542", "Merge your branch the other way round, into one that has the origin's block, or make the calls again.",
				"block %s is the origin's: its transactions are signed for ledger %s and cannot run again in this one", id.Short(), b.Ledger.Short())
		}
	}
	return nil
}
