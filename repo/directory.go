package repo

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

// DirectoryInfo is what the directory says after its best block.
type DirectoryInfo struct {
	Ledger   objectstore.Hash
	Owner    objectstore.Account
	Producer objectstore.Account // makes directory blocks
	// Threshold is how many admins decide root matters.
	Threshold uint64
	Public    bool
	Engine    uint64
	Created   time.Time // of the ledger

	Block  objectstore.Hash // the best directory block
	Number uint64           // of Block; it is the sequence that a watch begins at
	Time   time.Time        // of Block

	Identities []dd.Identity
	Grants     []dd.RoleRecord
	Branches   []DirectoryBranch
	Tags       []Tag
	Peers      []dd.Peer
	Notices    []Notice
}

// DirectoryBranch is a registered branch, and what this repository has of it.
type DirectoryBranch struct {
	dd.Branch
	Local string // its name here; "" where this repository does not have it

	// Of the branch here; zero where Local is empty.
	Head   objectstore.Hash
	Number uint64
	// Statement is the newest head statement that is known; nil: none.
	Statement *dd.Statement
}

// Notice is something unusual that an admin should look at.
type Notice struct {
	Code string // what it would be refused with where it counts; "" for none
	Text string
	Next string
}

// Directory tells what the directory says, by name, and what of it is unusual.
// It reads all of it: DirectoryHead, Identities and Grants read parts.
func (r *Repository) Directory() (DirectoryInfo, error) {
	s, err := r.directory.Head()
	if err != nil {
		return DirectoryInfo{}, err
	}
	info, err := r.headOf(s)
	if err != nil {
		return info, err
	}
	if info.Identities, err = s.Identities(); err != nil {
		return info, err
	}
	if info.Grants, err = s.Roles(); err != nil {
		return info, err
	}
	if info.Branches, err = r.directoryBranches(s); err != nil {
		return info, err
	}
	if info.Tags, err = r.Tags(); err != nil {
		return info, err
	}
	if info.Peers, err = s.Peers(); err != nil {
		return info, err
	}
	info.Notices, err = r.notices(s, info)
	return info, err
}

// DirectoryHead is Directory without its lists.
func (r *Repository) DirectoryHead() (DirectoryInfo, error) {
	s, err := r.directory.Head()
	if err != nil {
		return DirectoryInfo{}, err
	}
	return r.headOf(s)
}

func (r *Repository) headOf(s dd.State) (DirectoryInfo, error) {
	g, err := r.directory.Genesis()
	if err != nil {
		return DirectoryInfo{}, err
	}
	b := s.Block()
	info := DirectoryInfo{
		Ledger: s.Ledger(), Owner: s.Owner(), Producer: s.Producer(), Threshold: s.Threshold(), Public: s.Public(),
		Created: time.UnixMilli(g.Created).UTC(), Block: b.ID, Number: b.Number, Time: time.UnixMilli(b.Time).UTC(),
	}
	info.Engine, err = s.Engine()
	return info, err
}

// Identities lists the identities by name.
func (r *Repository) Identities() ([]dd.Identity, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	return s.Identities()
}

// Grants lists the granted roles by role, pattern and account.
func (r *Repository) Grants() ([]dd.RoleRecord, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	return s.Roles()
}

// directoryBranches lists the registered branches by name, with their heads here.
func (r *Repository) directoryBranches(s dd.State) ([]DirectoryBranch, error) {
	registered, err := s.Branches()
	if err != nil {
		return nil, err
	}
	local, err := branch.Branches(r.db)
	if err != nil {
		return nil, err
	}
	names := make(map[branch.ID]branch.Name, len(local))
	for _, rec := range local {
		names[rec.ID] = rec.Name
	}
	read := r.reader()
	list := make([]DirectoryBranch, len(registered))
	for i, b := range registered {
		list[i].Branch = b
		if name, ok := names[b.ID]; ok {
			list[i].Local = string(name)
			if list[i].Head, err = branch.Head(r.db, b.ID); err != nil {
				return nil, err
			}
			head, err := read(list[i].Head)
			if err != nil {
				return nil, err
			}
			list[i].Number = uint64(head.Number)
		}
		st, _, err := r.directory.LatestStatement(b.ID)
		switch {
		case err == nil:
			list[i].Statement = &st
		case !errors.Is(err, objectstore.ErrNotFound):
			return nil, err
		}
	}
	slices.SortFunc(list, func(x, y DirectoryBranch) int { return strings.Compare(x.Name, y.Name) })
	return list, nil
}

// reader reads the heads of many branches, each block once.
func (r *Repository) reader() func(objectstore.Hash) (branch.Block, error) {
	known := map[objectstore.Hash]branch.Block{}
	return func(id objectstore.Hash) (branch.Block, error) {
		if b, ok := known[id]; ok {
			return b, nil
		}
		b, err := r.history.Read(id)
		if err == nil {
			known[id] = b
		}
		return b, err
	}
}

// notices finds what is unusual.
func (r *Repository) notices(s dd.State, info DirectoryInfo) ([]Notice, error) {
	list, err := r.forkNotice(s)
	if err != nil {
		return nil, err
	}
	if err := needEngine(info.Engine, "a block"); err != nil {
		list = append(list, Notice{"AG0560", err.Error(), fault.Of(err).Next})
	}
	trust, err := r.trustNotices(s)
	if err != nil {
		return nil, err
	}
	list = append(list, trust...)
	origins, err := r.OriginNotices()
	if err != nil {
		return nil, err
	}
	list = append(list, origins...)
	deleted, err := r.deletedHere(s, info.Branches)
	if err != nil {
		return nil, err
	}
	list = append(list, deleted...)
	evidence, err := r.directory.Evidence()
	if err != nil {
		return nil, err
	}
	for _, b := range info.Branches {
		if b.Local != "" && b.Local != b.Name {
			list = append(list, Notice{"AG0504", fmt.Sprintf("branch %s is called %s here", b.Name, b.Local),
				fmt.Sprintf("aergo branch -m %s %s", b.Local, b.Name)})
		}
		if b.Statement == nil {
			continue
		}
		if expiry := time.UnixMilli(b.Statement.Expiry); r.now().After(expiry) {
			list = append(list, Notice{"AG0605", fmt.Sprintf("the head statement of %s expired on %s: whoever gets it cannot tell whether its head is the newest", b.Name, expiry.UTC().Format("2006-01-02")),
				"its producer publishes the head again, for instance by making a proof of it"})
		}
		if b.Statement.Epoch < b.Epoch {
			list = append(list, Notice{"", fmt.Sprintf("the head statement of %s is by the producer before: the new one has not published its head yet", b.Name), ""})
		}
		if !slices.ContainsFunc(evidence, func(e dd.Evidence) bool { return e.A.Branch == b.ID }) {
			continue
		}
		if err := r.directory.CheckContested(s, b.ID); fault.Is(err, "AG0606") {
			list = append(list, Notice{"AG0606", err.Error(), "aergo dd resolve " + b.Name + " BLOCK names the one that is kept"})
		} else if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(list, func(x, y Notice) int { return cmp.Compare(urgency(x), urgency(y)) })
	return list, nil
}

// urgency orders notices: first what stops work, last what only has to be known.
func urgency(n Notice) int {
	switch n.Code {
	case "AG0607", "AG0606", "AG0560":
		return 0
	case "AG0509":
		return 2
	}
	return 1
}

// trustNotices are those about keys and signatures.
func (r *Repository) trustNotices(s dd.State) (list []Notice, err error) {
	revoked, err := s.Revocations()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(revoked, func(x, y dd.Revocation) int { return cmp.Compare(y.Since, x.Since) })
	for _, v := range revoked {
		what := "account " + r.called(v.Account)
		if len(v.Key) > 0 {
			what = fmt.Sprintf("key %s of %s", keyText(v.Key), r.called(v.Account))
		}
		if v.Reason != "" {
			what += " (" + v.Reason + ")"
		}
		list = append(list, Notice{"AG0509", fmt.Sprintf("%s was revoked in directory block %d", what, v.Since), ""})
	}
	pending, err := r.Proposals()
	if err != nil {
		return nil, err
	}
	for _, p := range pending {
		n := Notice{"", fmt.Sprintf("proposal %s waits: %d of %s signed", p.ID.Short(), min(len(p.Signed), p.Needed), accounts(p.Needed)), "aergo dd pending"}
		if p.Needed == 1 && p.KeysNeeded > 1 {
			n.Text = fmt.Sprintf("proposal %s waits: %d of %d keys of %s signed", p.ID.Short(), p.Keys, p.KeysNeeded, r.called(p.Account))
		}
		switch {
		case p.Problem != nil:
			n.Text = fmt.Sprintf("proposal %s cannot come into force: %s", p.ID.Short(), p.Problem)
			n.Next = "aergo dd drop " + p.ID.Short()
		case p.Ready:
			n.Text, n.Next = fmt.Sprintf("proposal %s is signed and not in force", p.ID.Short()), "the producer: aergo dd submit "+p.ID.Short()
		}
		list = append(list, n)
	}
	return list, nil
}

func accounts(n int) string {
	if n == 1 {
		return "1 account"
	}
	return fmt.Sprintf("%d accounts", n)
}

// DirectoryOperation is one operation of the directory's chain.
type DirectoryOperation struct {
	Number   uint64 // of its directory block
	Position int    // in the block, from 0
	Block    objectstore.Hash
	Time     time.Time // of the block
	Producer objectstore.Account

	ID      objectstore.Hash // zero for what the genesis says, in block 0
	Account objectstore.Account
	Kind    string // "grant", "identity", …
	Created time.Time
	Change  dd.Change // nil in block 0
}

// DirectoryLog gives the operations of the directory's blocks from the newest
// block down to number from, the operations of a block last to first. fn's error
// ends it.
func (r *Repository) DirectoryLog(ctx context.Context, from uint64, fn func(DirectoryOperation) error) error {
	for b, err := range r.directory.Log() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if b.Number < from {
			return nil
		}
		list, err := operationsOf(b)
		if err != nil {
			return err
		}
		for i := len(list) - 1; i >= 0; i-- {
			if err := fn(list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func operationsOf(b dd.Block) ([]DirectoryOperation, error) {
	of := DirectoryOperation{Number: b.Number, Block: b.ID, Time: time.UnixMilli(b.Time).UTC(), Producer: b.Producer}
	if b.Number == 0 {
		of.Kind, of.Account, of.Created = "genesis", b.Producer, of.Time
		return []DirectoryOperation{of}, nil
	}
	list := make([]DirectoryOperation, len(b.Operations))
	for i, data := range b.Operations {
		op, change, err := dd.DecodeOperation(data)
		if err != nil {
			return nil, fmt.Errorf("directory block %d: %w", b.Number, err)
		}
		o := of
		o.Position, o.ID, o.Account, o.Kind = i, dd.SignedOperation{Data: data}.ID(), op.Account, op.Kind.String()
		o.Created, o.Change = time.UnixMilli(op.Created).UTC(), change
		list[i] = o
	}
	return list, nil
}

// Identity gives the identity of a name in the directory.
func (r *Repository) Identity(name string) (dd.Identity, bool, error) {
	s, err := r.directory.Head()
	if err != nil {
		return dd.Identity{}, false, err
	}
	return s.Identity(name)
}

// Peers lists who replicates the ledger, by name.
func (r *Repository) Peers() ([]dd.Peer, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	return s.Peers()
}

// Peer gives the peer of a name in the directory.
func (r *Repository) Peer(name string) (dd.Peer, bool, error) {
	s, err := r.directory.Head()
	if err != nil {
		return dd.Peer{}, false, err
	}
	return s.Peer(name)
}

// NameOf is the name that the directory gives an account; "" for none.
func (r *Repository) NameOf(account objectstore.Account) string {
	s, err := r.directory.Head()
	if err != nil {
		return ""
	}
	name, _, err := s.NameOf(account)
	if err != nil {
		return ""
	}
	return name
}

// AddIdentity gives an account a name in the directory. descriptor is the
// account's canonical descriptor; that of one key is made by KeyDescriptor.
func (r *Repository) AddIdentity(ctx context.Context, key crypto.Signer, name string, descriptor []byte) error {
	return r.direct(ctx, key, dd.AddIdentity{Name: name, Descriptor: descriptor})
}

// SetVisibility says whether anybody may read the ledger.
func (r *Repository) SetVisibility(ctx context.Context, key crypto.Signer, public bool) error {
	return r.direct(ctx, key, dd.SetVisibility{Public: public})
}

// KeyDescriptor is the descriptor of an account of one key, by its public line
// ("ssh-ed25519 AAAA…"), and that account.
func KeyDescriptor(line string) ([]byte, objectstore.Account, error) {
	pub, _, err := sign.ParsePublicKey(line)
	if err != nil {
		return nil, "", fault.New("AG0102", "Keys are ed25519: aergo key show NAME --public prints the line.", "this is no public key: %w", err)
	}
	d, err := sign.KeyDescriptor(pub)
	if err != nil {
		return nil, "", fault.New("AG0102", "Keys are ed25519: aergo key show NAME --public prints the line.", "this key cannot be used: %w", err)
	}
	return d.Bytes(), objectstore.Account(sign.AccountOf(d)), nil
}
