package repo

import (
	"context"
	"fmt"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// directoryFile is an exported directory: a proof file (proof.go) with the parts
// that say who may do what and nothing of a branch. See docs/formats/directory.md.
type directoryFile struct {
	Version   uint64           `cbor:"1,keyasint"` // 1
	Genesis   []byte           `cbor:"2,keyasint"`
	Directory []dd.SealedBlock `cbor:"3,keyasint"`
	// Other is a second chain, which follows a block of Directory: its producer
	// made two, and nobody has decided.
	Other []dd.SealedBlock `cbor:"4,keyasint,omitempty"`
}

// DirectoryReport counts what of a directory was found good.
type DirectoryReport struct {
	Ledger     objectstore.Hash
	Owner      objectstore.Account
	Producer   objectstore.Account
	Blocks     int
	Operations int
	Block      objectstore.Hash // the last one
	Time       time.Time        // of Block
	State      objectstore.Hash // root of the state map, derived again
	// Fork is the proof that the producer made two chains and nobody has decided;
	// nil where none is known.
	Fork *dd.Fork
}

// VerifyDirectory takes the directory's chain from the genesis again, believing
// nothing but the ledger id: signatures, rights, order and every state root.
func (r *Repository) VerifyDirectory(ctx context.Context) (DirectoryReport, error) {
	head, err := r.directory.Head()
	if err != nil {
		return DirectoryReport{}, failed("the directory", err)
	}
	s, err := dd.VerifyChain(r.db, r.ledger, head.Block().ID)
	if err != nil {
		return DirectoryReport{}, failed("the directory", err)
	}
	rep := reportOf(s)
	for b, err := range r.directory.Log() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return DirectoryReport{}, err
		}
		rep.Operations += len(b.Operations)
	}
	other, err := r.otherLine(s)
	if err != nil || other == nil {
		return rep, err
	}
	g, err := r.directory.Genesis()
	if err != nil {
		return rep, err
	}
	genesis, err := g.Encode()
	if err != nil {
		return rep, err
	}
	chain, err := r.directoryTo(rep.Block)
	if err != nil {
		return rep, err
	}
	if rep.Fork, err = verifyFork(genesis, chain, other); err != nil {
		return rep, failed("the directory's second chain", err)
	}
	return rep, nil
}

func reportOf(s dd.State) DirectoryReport {
	b := s.Block()
	return DirectoryReport{
		Ledger: s.Ledger(), Owner: s.Owner(), Producer: s.Producer(), Blocks: int(b.Number) + 1,
		Block: b.ID, Time: time.UnixMilli(b.Time).UTC(), State: s.Root(),
	}
}

// ExportDirectory gives the whole directory as one file, for somebody who has
// nothing of the ledger but its id: VerifyDirectoryFile. Where its producer made
// two chains and nobody has decided, the file proves it. The account that lets it
// out may read it (CheckRead).
func (r *Repository) ExportDirectory(account objectstore.Account) ([]byte, error) {
	if err := r.CheckRead(account, objectstore.Hash{}); err != nil {
		return nil, err
	}
	head, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	g, err := r.directory.Genesis()
	if err != nil {
		return nil, err
	}
	f := directoryFile{Version: 1}
	if f.Genesis, err = g.Encode(); err != nil {
		return nil, err
	}
	if f.Directory, err = r.directoryTo(head.Block().ID); err != nil {
		return nil, err
	}
	if f.Other, err = r.otherLine(head); err != nil {
		return nil, err
	}
	return wire.Marshal(f)
}

// VerifyDirectoryFile does for an exported directory what VerifyDirectory does
// for a stored one. Without a ledger id, nil, it says of which ledger it is; that
// has then to be compared by another channel.
func VerifyDirectoryFile(data []byte, ledger *objectstore.Hash) (DirectoryReport, error) {
	rep, err := verifyDirectoryFile(data, ledger)
	if err != nil {
		return DirectoryReport{}, fault.New("AG0604", "Ask for a new one; this one proves nothing.", "the directory is not good: %w", err)
	}
	return rep, nil
}

func decodeDirectoryFile(data []byte) (f directoryFile, err error) {
	if len(data) > maxDirectory {
		return f, fmt.Errorf("it has %d bytes, %d are allowed", len(data), maxDirectory)
	}
	if err := wire.Unmarshal(data, &f); err != nil {
		return f, err
	}
	if f.Version != 1 || len(f.Directory) == 0 {
		return f, fmt.Errorf("it is of a version that is not known, or not whole")
	}
	return f, nil
}

func verifyDirectoryFile(data []byte, ledger *objectstore.Hash) (rep DirectoryReport, err error) {
	f, err := decodeDirectoryFile(data)
	if err != nil {
		return rep, err
	}
	_, id, err := dd.DecodeGenesis(f.Genesis)
	if err != nil {
		return rep, err
	}
	if ledger != nil && *ledger != id {
		return rep, fmt.Errorf("it is of ledger %s, not of %s", id, *ledger)
	}
	s, err := directoryOf(f.Genesis, f.Directory, nil)
	if err != nil {
		return rep, err
	}
	rep = reportOf(s)
	for _, sealed := range f.Directory {
		b, err := dd.DecodeBlock(sealed.Data)
		if err != nil {
			return rep, err
		}
		rep.Operations += len(b.Operations)
	}
	if rep.Fork, err = verifyFork(f.Genesis, f.Directory, f.Other); err == nil && rep.Fork != nil && !s.Standing(*rep.Fork) {
		err = fmt.Errorf("its second chain proves nothing against its present producer")
	}
	return rep, err
}
