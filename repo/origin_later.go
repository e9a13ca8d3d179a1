package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// refOrigin, with the ledger id of an origin in hex, holds a laterRecord: what is
// known of the origin's directory after the block that the genesis names. It is
// knowledge beside: by it we warn, and nothing here is verified by it.
const refOrigin = "origin/"

type laterRecord struct {
	Block objectstore.Hash `cbor:"1,keyasint"`           // the newest one known
	Found []finding        `cbor:"2,keyasint,omitempty"` // what it says of the blocks here; Verify judges again
}

type finding struct {
	_                struct{} `cbor:",toarray"`
	Code, Text, Next string
}

// later gives the newest state known of an origin's directory; known is false
// where that is the one which the genesis names.
func (r *Repository) later(p *part) (s dd.State, rec laterRecord, known bool, err error) {
	data, err := r.db.Ref(refOrigin + p.ledger.String())
	if errors.Is(err, objectstore.ErrNotFound) {
		s, err = p.directory.Head()
		return s, rec, false, err
	}
	if err == nil {
		err = wire.UnmarshalLimit(data, &rec, maxLater)
	}
	if err != nil {
		return s, rec, false, fmt.Errorf("what is known of the origin: %w", err)
	}
	s, err = dd.OpenAt(r.db, p.ledger, rec.Block).Head()
	return s, rec, true, err
}

// OriginNotices tells what the newest known directories of the origins
// (TakeDirectory) say against their blocks here.
func (r *Repository) OriginNotices() (list []Notice, err error) {
	for _, p := range r.parts[1:] {
		_, rec, _, err := r.later(p)
		if err != nil {
			return nil, err
		}
		for _, f := range rec.Found {
			list = append(list, Notice{f.Code, f.Text, f.Next})
		}
	}
	return list, nil
}

// takeOrigin takes a newer directory of an origin: verified from the genesis on,
// it has the block that our genesis names, and, unless the origin's admins have
// appointed a producer since, the one that was known. An older one changes nothing.
func (r *Repository) takeOrigin(ctx context.Context, p *part, f proofFile) (t Taken, err error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	was, rec, known, err := r.later(p)
	if err != nil {
		return t, err
	}
	before := was.Block()
	t.Origin, t.Before, t.Block, t.Number = p.ledger, before.ID, before.ID, before.Number
	batch := r.db.NewBatch()
	defer batch.Close()
	s, err := dd.AdoptOrigin(batch, p.ledger, f.Genesis, f.Directory)
	if err != nil {
		return t, err
	}
	at := s.Block()
	if err := at.CheckClock(r.now().UnixMilli()); err != nil {
		return t, err
	}
	old, err := was.Includes(at.ID)
	if err != nil || old && known {
		t.Notices, err = r.OriginNotices()
		return t, err
	}
	pinned, err := p.directory.Head()
	if err != nil {
		return t, err
	}
	if old {
		return t, nil // the genesis knows as much
	}
	for _, need := range []struct {
		dd.Block
		as string
		ok bool // may be left
	}{{pinned.Block(), "which the genesis of this ledger names", false}, {before, "which is known here", s.Term() > was.Term()}} {
		if has, err := s.Includes(need.ID); err != nil {
			return t, err
		} else if !has && !need.ok {
			return t, fault.New("AG0516", "Ask the origin's admins which chain counts. If they have left that block, make the private branch anew: aergo init NAME --origin PATH",
				"this directory of the origin does not have block #%d %s, %s: it is another chain", need.Number, need.ID.Short(), need.as)
		}
	}
	if err := batch.Commit(); err != nil { // objects that no ref names yet
		return t, err
	}
	if t.Notices, err = r.judgeOrigin(ctx, r.history, p, s); err != nil {
		return t, err
	}
	next := laterRecord{Block: at.ID}
	for _, n := range t.Notices {
		next.Found = append(next.Found, finding{Code: n.Code, Text: n.Text, Next: n.Next})
	}
	var held []byte
	if known {
		if held, err = wire.Marshal(rec); err != nil {
			return t, err
		}
	}
	data, err := wire.Marshal(next)
	if err != nil {
		return t, err
	}
	moved := r.db.NewBatch()
	defer moved.Close()
	if err := moved.SetRef(refOrigin+p.ledger.String(), held, data); err != nil {
		return t, err
	}
	kept, err := s.Includes(before.ID)
	if err != nil {
		return t, err
	}
	t.Block, t.Number, t.Left = at.ID, at.Number, !kept
	return t, moved.Commit()
}

// disowned is what one revocation says of one branch's blocks.
type disowned struct {
	dd.Revocation
	branch      objectstore.Hash
	unseen      bool // a last accepted block is not here, so nobody can tell
	blocks, txs int
	first, last uint64
}

// judgeOrigin asks a newer state of an origin's directory about the origin's
// blocks here: who signed beyond what was accepted, and what no anchor has below it.
func (r *Repository) judgeOrigin(ctx context.Context, history *branch.History, p *part, s dd.State) ([]Notice, error) {
	var order []branch.Block
	for b, err := range history.Walk(false, p.newest) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if b.Ledger == p.ledger {
			order = append(order, b)
		}
	}
	slices.Reverse(order)
	var found []*disowned
	if s.AnyRevoked() {
		for _, b := range order {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := r.disownedBy(&found, history, s, b); err != nil {
				return nil, err
			}
		}
	}
	var list []Notice
	for _, f := range found {
		who, where := originName(s, f.Account), originBranchName(s, f.branch)
		if len(f.Key) > 0 {
			who = "key " + keyText(f.Key) + " of " + who
		}
		if f.Reason != "" {
			who += " (" + f.Reason + ")"
		}
		text := fmt.Sprintf("the origin revoked %s in directory block %d: of its branch %s, %s and %s here, from block #%d to #%d,", who, f.Since, where, count(f.blocks, "block"), count(f.txs, "transaction"), f.first, f.last)
		if f.unseen {
			list = append(list, Notice{"", text + " are signed so; it accepts them up to blocks that are not here, so whether they count cannot be told", "aergo init NAME --origin PATH goes on from a newer block"})
		} else {
			list = append(list, Notice{"AG0514", text + " lie beyond what it accepts", "Ask its admins what counts; aergo init NAME --origin PATH:REV goes on from there."})
		}
	}
	outside, err := outsideAnchors(order, s)
	if err != nil {
		return nil, err
	}
	if list = append(list, outside...); len(list) > maxLaterFound {
		list = append(list[:maxLaterFound-1], Notice{"AG0514", fmt.Sprintf("there are %d more of these", len(list)-maxLaterFound+1), ""})
	}
	return list, nil
}

// disownedBy adds what a revocation says against a block and what ran in it.
func (r *Repository) disownedBy(found *[]*disowned, history *branch.History, s dd.State, b branch.Block) error {
	note := func(a objectstore.Account, seal []byte, blocks, txs int) error {
		unseen := false
		v, err := s.RevokedBlock(a, seal, b.Branch, func(last objectstore.Hash) (bool, error) {
			here, err := r.db.Has(last)
			if err != nil || !here {
				unseen = true
				return false, err
			}
			return hasBlock(history, last, b.ID)
		})
		if err != nil || v == nil {
			return err
		}
		i := slices.IndexFunc(*found, func(f *disowned) bool {
			return f.Account == v.Account && string(f.Key) == string(v.Key) && f.branch == b.Branch && f.unseen == unseen
		})
		if i < 0 {
			i = len(*found)
			*found = append(*found, &disowned{Revocation: *v, branch: b.Branch, unseen: unseen, first: uint64(b.Number)})
		}
		f := (*found)[i]
		f.blocks, f.txs, f.last = f.blocks+blocks, f.txs+txs, uint64(b.Number)
		return nil
	}
	seal, err := r.db.Seal(b.ID)
	if err == nil {
		err = note(b.Producer, seal, 1, 0)
	}
	if err != nil {
		return err
	}
	txs, receipts, err := r.bodies(b)
	for i, t := range txs {
		if err == nil && receipts[i].Status != sqlcontract.StatusExcluded {
			err = note(t.header.Account, t.raw.Seal, 0, 1)
		}
	}
	return err
}

// outsideAnchors finds blocks, given parents first, that are as new as the anchor
// of their branch and do not descend from it.
func outsideAnchors(order []branch.Block, s dd.State) (list []Notice, err error) {
	branches, err := s.Branches()
	if err != nil {
		return nil, err
	}
	for _, known := range branches {
		if known.Anchor == nil {
			continue
		}
		above, n, first := map[objectstore.Hash]bool{}, 0, uint64(0)
		for _, b := range order {
			if b.ID == known.Anchor.Block || slices.ContainsFunc(b.Parents, func(id objectstore.Hash) bool { return above[id] }) {
				above[b.ID] = true
			} else if b.Branch == known.ID && uint64(b.Number) >= known.Anchor.Number {
				if n++; n == 1 {
					first = uint64(b.Number)
				}
			}
		}
		if n > 0 {
			list = append(list, Notice{"AG0515", fmt.Sprintf("%s of the origin's branch %s here, from block #%d on, do not descend from block #%d %s, where its directory block %d anchored the branch: its history was written anew",
				count(n, "block"), known.Name, first, known.Anchor.Number, known.Anchor.Block.Short(), known.Anchor.Since), "Ask its admins; aergo init NAME --origin PATH goes on from what counts now."})
		}
	}
	return list, nil
}

func originName(s dd.State, a objectstore.Account) string {
	if name, ok, err := s.NameOf(a); err == nil && ok {
		return name
	}
	return string(a)
}

func originBranchName(s dd.State, id objectstore.Hash) string {
	if b, ok, err := s.Branch(id); err == nil && ok {
		return b.Name
	}
	return id.Short()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// laterOrigins verifies what is known of the origins' directories since, and
// judges the origins' blocks by it anew: that warns and refuses nothing.
func (v *verification) laterOrigins() error {
	for _, p := range v.r.parts[1:] {
		s, _, known, err := v.r.later(p)
		if err == nil && !known {
			continue
		}
		where := "the newer directory of the origin " + p.ledger.Short()
		if err == nil {
			s, err = dd.VerifyChain(v.r.db, p.ledger, s.Block().ID)
		}
		if err == nil {
			pinned := v.verified[p.ledger].Block().ID
			var has bool
			if has, err = s.Includes(pinned); err == nil && !has {
				err = fault.New("AG0516", "", "it does not have block %s, which the genesis names", pinned.Short())
			}
		}
		if err != nil {
			return failed(where, err)
		}
		list, err := v.r.judgeOrigin(v.ctx, v.history, p, s)
		if err != nil {
			return failed(where, err)
		}
		v.report.Notices = append(v.report.Notices, list...)
	}
	return nil
}

// wouldTake asks the newest known state of an origin whether it would run what an
// account signs by keys on a branch.
func wouldTake(s dd.State, account objectstore.Account, keys, seal []byte, to dd.Branch) error {
	err := runs(s, account, keys, branch.Record{ID: to.ID, Name: branch.Name(to.Name), Creator: to.Creator, Salt: to.Salt})
	if err == nil { // nothing new of a revoked key counts
		err = s.CheckRevoked(account, seal, to.ID, func(objectstore.Hash) (bool, error) { return false, nil })
	}
	if fault.Of(err) == nil {
		return err
	}
	return fault.New("AG0517", "Where that has changed since: aergo dd import FILE, with what aergo dd export writes in the origin now.",
		"the origin would refuse it, by its directory block #%d: %w", s.Block().Number, err)
}
