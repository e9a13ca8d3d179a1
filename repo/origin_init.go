package repo

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// From says what a private branch goes on from.
type From struct {
	Path     string            // folder of the origin's repository; nobody need vouch for what is in it
	Revision string            // of it; empty: its branch main
	Ledger   *objectstore.Hash // the ledger id it must have; nil: whichever it has
	Progress func(done, total int)
}

// ParseFrom reads PATH[:REV]. A path may hold colons, and so may a revision: the
// longest beginning that is a folder is the path.
func ParseFrom(text string) From {
	for end := len(text); end > 0; end = strings.LastIndexByte(text[:end], ':') {
		if info, err := os.Stat(text[:end]); err == nil && info.IsDir() {
			if end == len(text) {
				return From{Path: text}
			}
			return From{Path: text[:end], Revision: text[end+1:]}
		}
	}
	return From{Path: text}
}

// Copied tells what of the origin was taken over and how it was verified.
type Copied struct {
	Origin
	Public       bool // anybody may read the origin; otherwise the key holds a role there
	Objects      int
	Bytes        int64
	Verification VerifyReport
	Executed     bool // all transactions were executed again; otherwise only states, roots and signatures were checked
}

// InitPrivate makes a private branch of another ledger: a ledger of its own in
// dir, owned by the key's account, whose genesis names the origin and whose main
// begins at a block of it. What that block needs is copied, and verified before
// anything is believed: the directory from the genesis on, then every block with
// its rights, signatures, lists and state, and, unless that takes long, every
// transaction executed again. The origin is opened read-only. The key's account
// must be allowed to read it, and the block must be on a branch that its
// directory knows.
func InitPrivate(ctx context.Context, dir string, key crypto.Signer, from From, o Options) (_ *Repository, did Copied, err error) {
	if _, err := publicKey(key); err != nil {
		return nil, did, err
	}
	src, err := openOrigin(from.Path, o)
	if err != nil {
		return nil, did, err
	}
	defer src.Close()
	taken, err := src.offer(key, from)
	if err != nil {
		return nil, did, err
	}
	if err := needEngine(taken.block.Engine, "going on from block "+taken.block.ID.Short()); err != nil {
		return nil, did, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, did, fmt.Errorf("making a private branch: %w", err)
	}
	undo := undoMaking(filepath.Join(dir, metaDir, "db"))
	r := &Repository{dir: dir}
	if err := r.make(nil, o); err != nil {
		return nil, did, err
	}
	defer func() {
		if err != nil {
			_ = r.db.Close() // the first error counts
			undo()
		}
	}()
	if did, err = r.take(ctx, src, taken, from.Progress); err != nil {
		return nil, did, err
	}
	origin := &dd.Origin{Ledger: src.ledger, Block: taken.block.ID, Directory: taken.state.Block().ID}
	if err := r.start(key, o, origin); err != nil {
		return nil, did, err
	}
	is, err := r.Origin()
	if err == nil {
		did.Origin, did.Public = *is, taken.state.Public()
	}
	return r, did, err
}

// undoMaking gives a function that removes what is made on the way to a path,
// and only that.
func undoMaking(path string) func() {
	made := ""
	for at := path; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		made = at
	}
	return func() {
		if made != "" {
			_ = os.RemoveAll(made) // what is left holds no ledger, and the next try begins again
		}
	}
}

// borrowed is the disk for a store that belongs to somebody else: where its lock
// may not be taken it is read without. A store that changes meanwhile then fails
// to open or read, or not to verify; it is never believed.
type borrowed struct{ vfs.FS }

// Lock implements vfs.FS.
func (b borrowed) Lock(name string) (io.Closer, error) {
	c, err := b.FS.Lock(name)
	if errors.Is(err, fs.ErrPermission) {
		return unlocked{}, nil
	}
	return c, err
}

type unlocked struct{}

// Close implements io.Closer.
func (unlocked) Close() error { return nil }

// openOrigin opens the repository at a path to read from. It refuses folders in
// which anything but plain files and folders stands for the ledger: a link could
// lead to a ledger that only we may read, a pipe would hold us for ever.
func openOrigin(path string, o Options) (*Repository, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("looking for the origin: %w", err)
	}
	// Exactly there: a ledger in a folder above is not what was named.
	if _, err := os.Lstat(filepath.Join(dir, metaDir, "db")); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New("AG0204", "aergo -C DIR status says whether DIR holds one.", "there is no ledger in %s to go on from", dir)
	}
	err = filepath.WalkDir(filepath.Join(dir, metaDir, "db"), func(at string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !entry.Type().IsRegular() {
			err = notPlain(at)
		}
		return err
	})
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Lstat(filepath.Join(dir, metaDir)); err == nil && !info.IsDir() {
			err = notPlain(filepath.Join(dir, metaDir))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("looking at the origin: %w", err)
	}
	r, err := openOn(borrowed{vfs.Default}, dir, Options{Now: o.Now, Wait: o.Wait, ReadOnly: true})
	if err != nil && fault.Of(err) == nil && !errors.Is(err, fs.ErrPermission) {
		return nil, failed("the origin in "+dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("the origin: %w", err)
	}
	r.history = branch.NewHistory(r.db, nil) // its index is not the ledger's word
	return r, nil
}

func notPlain(at string) error {
	return fault.New("AG0543", "Name the folder in which the ledger really lies.", "%s is neither a plain file nor a folder", at)
}

// offered is what an origin lets us have.
type offered struct {
	state dd.State // of its directory, verified from the genesis on
	block branch.Block
}

// offer finds the block that is wanted, and asks the origin's directory whether
// the key's account may read it. Before the account may read anything it learns
// nothing of what there is.
func (r *Repository) offer(key crypto.Signer, from From) (offered, error) {
	var none offered
	if from.Ledger != nil && *from.Ledger != r.ledger {
		return none, fault.New("AG0603", "Compare the ledger id by another channel.", "%s holds ledger %s, not %s", from.Path, r.ledger, *from.Ledger)
	}
	head, err := r.directory.Head()
	if err != nil {
		return none, failed("the origin's directory", err)
	}
	state, err := dd.VerifyChain(r.db, r.ledger, head.Block().ID)
	if err != nil {
		return none, failed("the origin's directory", err)
	}
	account, _, err := state.Signer(nil, key)
	if err != nil {
		return none, err
	}
	if err := mayRead(state, account, nil); err != nil {
		return none, err
	}
	rev := from.Revision
	if rev == "" {
		rev = string(branch.Main)
	}
	id, err := r.Resolve(rev)
	if err != nil {
		return none, fmt.Errorf("the origin: %w", err)
	}
	b, err := r.history.Read(id)
	if err != nil {
		return none, failed("the origin's block", err)
	}
	branches, err := state.Branches()
	if err != nil {
		return none, err
	}
	for _, known := range branches {
		if ok, err := reads(state, account, branch.Record{ID: known.ID}); err != nil {
			return none, failed("the origin's directory", err)
		} else if !ok {
			continue
		}
		if ok, err := r.reaches(state, known, id); err != nil {
			return none, failed("branch "+known.Name+" of the origin", err)
		} else if ok {
			return offered{state, b}, nil
		}
	}
	return none, fault.New("AG0544", "Take a revision of a branch that its directory knows; the origin's owner registers one with: aergo branch --register NAME",
		"block %s of the origin is on no registered branch that you may read", id.Short())
}

// reaches tells whether the head of a registered branch has a block, and checks
// the head against the newest head statement: it may not be older, or another.
func (r *Repository) reaches(state dd.State, known dd.Branch, block objectstore.Hash) (bool, error) {
	head, err := branch.Head(r.db, known.ID)
	if err != nil || head.IsZero() {
		return false, err
	}
	if ok, err := r.history.IsAncestor(block, head); err != nil || !ok {
		return false, err
	}
	st, seal, err := r.directory.LatestStatement(known.ID)
	if errors.Is(err, objectstore.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if ok, err := state.Includes(st.Directory); err != nil || !ok || st.Branch != known.ID {
		return false, errors.Join(err, errors.New("its head statement is not of this branch and directory"))
	}
	at, err := r.directory.At(st.Directory)
	if err != nil {
		return false, err
	}
	if err := dd.VerifyStatement(at, st, seal, dd.Question{}); err != nil {
		return false, err
	}
	if ok, err := r.history.IsAncestor(st.Block, head); err != nil {
		return false, err
	} else if !ok {
		return false, fault.New("AG0605", "Ask its owner.", "its head %s does not have block %s, which its producer published", head.Short(), st.Block.Short())
	}
	return true, nil
}
