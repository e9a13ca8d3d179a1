package repo_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// attempt is one thing that is refused.
type attempt struct {
	what, code string // code: how it is refused, or how that begins
	do         func() error
}

// way is a path by which an operation of the directory can be tried.
type way struct {
	column string
	// wrong are the attempts by this way at a permission; none: it makes no sense.
	wrong func(o *office, p permission) []attempt
	// right is the honest action by the same way.
	right func(o *office, p permission) error
}

// pretenders are names that look like another one, climb out of their place or
// are no names.
var pretenders = []string{
	"eu/../main", "eu/./x", "eu//x", "/eu/x", "eu/x/", "EU/x", "Main", "еu/x", "mаin", "ma\u0131n", "e\u0301u/x", "\u00e9u/x", "eu\u2215x",
	"\uff45u/x", "main\u200b", "eu/x ", " main", "eu/\x00", "eu/x\n", "", ".", "..", "main.lock", "eu/.x", "eu\\x", strings.Repeat("x", 101),
}

// ways are all of them. What each refuses with is the code of the permission, or
// one of its own where the trick is in the bytes.
var ways = []way{
	{column: library,
		wrong: func(o *office, p permission) (list []attempt) {
			for _, who := range p.intruders() {
				list = append(list,
					attempt{who + " changes it", "AG05", func() error { return o.Change(ctx, keyOf(who), p.ask(o)) }},
					attempt{who + " signs it for alice", p.code, func() error { _, err := o.Propose(keyOf(who), p.ask(o)); return err }})
			}
			if p.by != "alice" {
				list = append(list, attempt{p.by + " makes the block himself", "AG0503", func() error { return o.Change(ctx, keyOf(p.by), p.ask(o)) }})
			}
			return append(list, attempt{"nobody", "AG0", func() error { return o.Change(ctx, nil, p.ask(o)) }})
		},
		right: func(o *office, p permission) error {
			if p.root {
				return o.collect(p)
			}
			if p.by == "alice" {
				return o.Change(ctx, o.key, p.ask(o))
			}
			op, err := o.Propose(keyOf(p.by), p.ask(o))
			if err == nil {
				_, err = o.SubmitOperation(ctx, o.key, op)
			}
			return err
		}},
	{column: signedFile,
		wrong: func(o *office, p permission) (list []attempt) {
			for _, who := range p.intruders() {
				op := o.wrong(p, who)
				list = append(list, attempt{who, p.code, func() error { return o.submit(op, "alice") }})
			}
			op := o.right(p)
			list = append(list,
				attempt{"mallory puts it in order", "AG0503", func() error { return o.submit(op, "mallory") }},
				attempt{"in " + p.by + "'s name", "AG0601", func() error {
					return o.submit(o.sealed(op, o.Ledger(), sign.PurposeDirectory, sign.PurposeConsent, "mallory", p.with()...), "alice")
				}})
			if p.root {
				list = append(list, attempt{"frank's consent by mallory's key", "AG0601", func() error {
					op := op
					op.Consents = []dd.Consent{{Account: accountOf("frank"), Seal: o.sealOf("mallory", sign.PurposeConsent, o.Ledger(), op.ID())}}
					_, err := o.SubmitOperation(ctx, o.key, op)
					return err
				}})
			}
			return list
		},
		right: inFile},
	{column: proposalFile,
		wrong: func(o *office, p permission) (list []attempt) {
			for _, who := range p.intruders() {
				if p.root && who != "mallory" && who != "dave" && who != "bob" {
					continue // one of two admins may begin
				}
				list = append(list,
					attempt{who + " begins one", p.code, func() error { _, err := o.StartProposal(keyOf(who), p.ask(o), ""); return err }},
					attempt{who + " writes one", "AG05", func() error { return o.readProposal(o.proposal(p, who, who)) }})
			}
			return append(list,
				attempt{"mallory signs in " + p.by + "'s place", "AG0523", func() error { return o.readProposal(o.proposal(p, p.by, "mallory")) }},
				attempt{"mallory asks in " + p.by + "'s name", "AG05", func() error { _, err := o.StartProposal(keyOf("mallory"), p.ask(o), accountOf(p.by)); return err }})
		},
		right: func(o *office, p permission) error { return o.collect(p) }},
	{column: forgedObject,
		wrong: func(o *office, p permission) (list []attempt) {
			try := func(what, producer string, root objectstore.Hash, ops ...dd.SignedOperation) {
				list = append(list, attempt{what, "AG0556", func() error { return o.opened(o.block(o.now(), root, producer, ops...)) }})
			}
			try("alice's program with mallory's operation", "alice", o.now().Root(), o.wrong(p, "mallory"))
			try("mallory's block", "mallory", o.now().Root(), o.right(p))
			try("a root that the operation does not lead to", "alice", hashOf("wish"), o.right(p))
			try("a block with another key's seal", p.by, o.now().Root(), o.sealed(o.right(p), o.Ledger(), sign.PurposeDirectory, sign.PurposeConsent, "mallory"))
			return list
		},
		right: func(o *office, p permission) error {
			was := o.now().Block().ID
			if err := o.Append(o.key, o.right(p)); err != nil {
				return err
			}
			batch := o.Store().NewBatch() // as if another program had written it
			defer batch.Close()
			now := o.now().Block().ID
			if err := errors.Join(batch.SetRef("dd/stood", now[:], was[:]), batch.Commit()); err != nil {
				return err
			}
			_, err := o.VerifyDirectory(ctx)
			return errors.Join(err, o.CheckStore())
		}},
	{column: importedDirectory,
		wrong: func(o *office, p permission) (list []attempt) {
			try := func(what, code, producer string, op dd.SignedOperation) {
				list = append(list, attempt{what, code, func() error {
					_, err := o.TakeDirectory(ctx, o.file(o.block(o.now(), o.now().Root(), producer, op)))
					return err
				}})
			}
			for _, who := range p.intruders() {
				try("a block of alice's program with what "+who+" asks for", p.code, "alice", o.wrong(p, who))
			}
			try("mallory's block", "AG0601", "mallory", o.right(p))
			return list
		},
		right: func(o *office, p permission) error {
			sealed, _, err := o.now().Make(o.o.Now().UnixMilli(), []dd.SignedOperation{o.right(p)}, nil, o.key)
			if err == nil {
				_, err = o.TakeDirectory(ctx, o.file(sealed))
			}
			return err
		}},
	{column: replayed,
		wrong: func(o *office, p permission) []attempt {
			op := o.right(p)
			if err := o.submit(op, "alice"); err != nil {
				o.Fatalf("%s: %v", p.kind, err)
			}
			producer := "alice"
			if p.kind == dd.KindProducer {
				producer = "frank"
			}
			code := "AG0705"
			if p.kind == dd.KindKeys {
				code = "AG0601" // its own keys have gone
			}
			return []attempt{{"again", code, func() error { return o.submit(op, producer) }}}
		}},
	{column: oldKey,
		wrong: func(o *office, p permission) []attempt {
			before := o.now()
			old := o.signed(p.ask(o), o.o.Now().UnixMilli(), before, accountOf(p.by), p.by, p.with()...)
			o.rotate(p.by, p.by+" 2")
			alice := "alice"
			if p.by == "alice" {
				alice = "alice 2"
			}
			return []attempt{
				{"signed before, put in order after", "AG0601", func() error { return o.submit(old, alice) }},
				{"signed after, on the old directory block", "AG0601", func() error {
					return o.submit(o.signed(p.ask(o), o.o.Now().UnixMilli(), before, accountOf(p.by), p.by, p.with()...), alice)
				}},
				{"by the library", "AG0", func() error { _, err := o.Propose(keyOf(p.by), p.ask(o)); return err }},
			}
		},
		right: func(o *office, p permission) error {
			if p.by == "alice" {
				return nil // signed and put in order by alice 2: oldKey of the others does it
			}
			o.rotate(p.by, p.by+" 2")
			op, err := o.Propose(keyOf(p.by+" 2"), p.ask(o))
			if err == nil {
				_, err = o.SubmitOperation(ctx, o.key, op)
			}
			return err
		}},
	{column: revokedInFork,
		wrong: func(o *office, p permission) []attempt {
			before := o.now()
			prefix := o.export()
			o.rotate(p.by, p.by+" 2")
			if p.by != "alice" {
				o.must(o.admins("alice", dd.RevokeKey{Account: accountOf(p.by), Key: keyOf(p.by).Public().(ed25519.PublicKey)}, "alice", "frank"))
			}
			old := o.signed(p.ask(o), o.o.Now().UnixMilli(), before, accountOf(p.by), p.by, p.with()...)
			return []attempt{
				{"a fork from before, made by its thief", "AG0601", func() error {
					_, err := o.TakeDirectory(ctx, o.appended(prefix, o.block(before, before.Root(), p.thief(), old)))
					return err
				}},
				{"the copy from before is no news", "", func() error { return o.stays(prefix) }},
			}
		},
		right: inFile},
	{column: otherLedger,
		wrong: func(o *office, p permission) []attempt {
			other := newOffice(o.T, 999)
			return []attempt{
				{"an operation of another ledger", "AG0601", func() error { return o.submit(other.right(p), "alice") }},
				{"a signature for another ledger", "AG0601", func() error {
					return o.submit(o.sealed(o.right(p), other.Ledger(), sign.PurposeDirectory, sign.PurposeConsent, p.by, p.with()...), "alice")
				}},
				{"another ledger's directory", "AG0601", func() error { _, err := o.TakeDirectory(ctx, other.file()); return err }},
			}
		},
		right: inFile},
	{column: otherProposal,
		wrong: func(o *office, p permission) (list []attempt) {
			one, two := o.right(p), o.right(p)
			list = append(list, attempt{"the seal of another operation", "AG0601", func() error { one := one; one.Seal = two.Seal; return o.submit(one, "alice") }})
			if p.root {
				list = append(list,
					attempt{"the consent to another operation", "AG0601", func() error {
						one := one
						one.Consents = two.Consents
						_, err := o.SubmitOperation(ctx, o.key, one)
						return err
					}},
					attempt{"a consent left out", "AG0505", func() error {
						one := one
						one.Consents = nil
						_, err := o.SubmitOperation(ctx, o.key, one)
						return err
					}})
			}
			return list
		},
		right: inFile},
	{column: otherPurpose,
		wrong: func(o *office, p permission) (list []attempt) {
			for _, other := range []sign.Purpose{sign.PurposeTransaction, sign.PurposeBlock, sign.PurposeConsent, sign.PurposeHead, sign.PurposeBranch, sign.PurposeApproval} {
				op := o.right(p)
				list = append(list, attempt{"a signature as " + string(other), "AG0601", func() error {
					_, err := o.SubmitOperation(ctx, o.key, o.sealed(op, o.Ledger(), other, sign.PurposeConsent, p.by, p.with()...))
					return err
				}})
				if p.root && other != sign.PurposeConsent {
					list = append(list, attempt{"a consent as " + string(other), "AG0601", func() error {
						_, err := o.SubmitOperation(ctx, o.key, o.sealed(op, o.Ledger(), sign.PurposeDirectory, other, p.by, p.with()...))
						return err
					}})
				}
			}
			return list
		},
		right: func(o *office, p permission) error {
			_, err := o.SubmitOperation(ctx, o.key, o.right(p))
			return err
		}},
	{column: names,
		wrong: func(o *office, p permission) (list []attempt) {
			for _, change := range p.named {
				for _, name := range pretenders {
					if name == "" && p.kind == dd.KindUpdate {
						continue // then it stays as it is
					}
					list = append(list, attempt{fmt.Sprintf("%q", name), "AG01", func() error {
						op := o.signed(change(o, name), o.o.Now().UnixMilli(), o.now(), accountOf("alice"), "alice", p.with()...)
						_, err := o.SubmitOperation(ctx, o.key, op)
						return err
					}})
				}
			}
			return list
		},
		right: inFile},
	{column: clock,
		wrong: func(o *office, p permission) (list []attempt) {
			now := o.o.Now()
			for what, at := range map[string]time.Time{"two hours ahead": now.Add(2 * time.Hour), "a century ahead": now.AddDate(100, 0, 0), "93 days back": now.AddDate(0, 0, -93), "in 1970": time.UnixMilli(0)} {
				op := o.signed(p.ask(o), at.UnixMilli(), o.now(), accountOf(p.by), p.by, p.with()...)
				list = append(list, attempt{what, "AG0508", func() error { _, err := o.SubmitOperation(ctx, o.key, op); return err }})
			}
			return list
		},
		right: func(o *office, p permission) error {
			at := o.o.Now().Add(30 * time.Minute).UnixMilli() // clocks differ
			_, err := o.SubmitOperation(ctx, o.key, o.signed(p.ask(o), at, o.now(), accountOf(p.by), p.by, p.with()...))
			return err
		}},
	{column: oldCopy,
		wrong: func(o *office, p permission) []attempt {
			before := o.export()
			if err := o.submit(o.right(p), "alice"); err != nil {
				o.Fatalf("%s: %v", p.kind, err)
			}
			return []attempt{{"an older directory undoes nothing", "", func() error { return o.stays(before) }}}
		}},
}

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func inFile(o *office, p permission) error { return o.submit(o.right(p), "alice") }

// submit sends an operation as a line of a file, or as it is with consents, to
// whoever puts it in order.
func (o *office) submit(op dd.SignedOperation, producer string) error {
	if len(op.Consents) == 0 {
		line, err := repo.EncodeOperation(op)
		if err != nil {
			return err
		}
		_, ops, err := repo.DecodeSigned([]byte(line))
		if err != nil {
			return err
		}
		op = ops[0]
	}
	_, err := o.SubmitOperation(ctx, keyOf(producer), op)
	return err
}

// collect has a change proposed, signed as needed and completed, through a file.
func (o *office) collect(p permission) error {
	started, err := o.StartProposal(keyOf(p.by), p.ask(o), "")
	if err != nil {
		return err
	}
	for _, name := range p.with() {
		if started, err = o.SignProposal(keyOf(name), started, ""); err != nil {
			return err
		}
	}
	line, err := repo.EncodeProposal(started)
	if err != nil {
		return err
	}
	list, err := o.ReadProposals([]byte(line))
	if err != nil {
		return err
	}
	_, err = o.CompleteProposal(ctx, o.key, list[0])
	return err
}

// proposal is the line of a proposal in the name of somebody, signed by a key.
func (o *office) proposal(p permission, name, by string) string {
	o.Helper()
	made, err := dd.NewProposal(o.now(), p.ask(o), accountOf(name), o.o.Now().UnixMilli(), o.salt())
	o.must(err)
	sig, err := sign.Sign(keyOf(by), sign.PurposeDirectory, o.Ledger(), made.ID())
	o.must(err)
	made.Signatures = []dd.Signature{{Account: accountOf(name), Scheme: uint8(sig.Scheme), Key: sig.Key, Bytes: sig.Bytes}}
	data, err := made.Encode()
	o.must(err)
	return "aergo-proposal-v1 " + base64.StdEncoding.EncodeToString(data) + "\n"
}

// readProposal takes a proposal from a file as far as it goes.
func (o *office) readProposal(line string) error {
	list, err := o.ReadProposals([]byte(line))
	if err != nil {
		return err
	}
	_, err = o.CompleteProposal(ctx, o.key, list[0])
	return err
}

// opened plants a directory block and says what Open and Verify say of it. What
// was refused is put back.
func (o *office) opened(b dd.SealedBlock) error {
	was := o.now().Block().ID
	o.plant(b)
	err := o.CheckStore()
	if err == nil {
		_, err = o.VerifyDirectory(ctx)
		return err
	}
	if _, verified := o.VerifyDirectory(ctx); !fault.Is(verified, "AG0603") {
		o.Errorf("Open refuses (%v), and dd verify says %v", err, verified)
	}
	if _, _, e := o.RestoreHead("main"); e != nil || o.now().Block().ID != was {
		o.Errorf("the directory was not put back: %v", e)
	}
	return err
}

// stays takes a directory and wants to stay where it is.
func (o *office) stays(file []byte) error {
	before := contents(o.T, o.Repository)
	_, err := o.TakeDirectory(ctx, file)
	if err == nil && contents(o.T, o.Repository) != before {
		err = errors.New("it was taken")
	}
	return err
}

// TestNoPermissionIsForgotten: every kind of operation, and every right that is
// asked for one, has a row; the other rights have theirs in otherRights.
func TestNoPermissionIsForgotten(t *testing.T) {
	kinds, rights := map[dd.OperationKind]bool{}, map[dd.Right]bool{}
	for _, p := range permissions {
		kinds[p.kind], rights[p.right] = true, true
	}
	for right, where := range otherRights {
		rights[right] = true
		for _, name := range where {
			if !declared(t, name) {
				t.Errorf("the right to %s is said to be tried by %s, which is not there", right, name)
			}
		}
	}
	for k := dd.OperationKind(0); k < 256; k++ {
		if known := !strings.HasPrefix(k.String(), "operation kind "); known != kinds[k] {
			t.Errorf("kind %d, %s: known %v, in the matrix %v", k, k, known, kinds[k])
		}
	}
	for r := range dd.Right(255) {
		if known := !strings.HasPrefix(r.String(), "do "); known != rights[r] {
			t.Errorf("right %d, to %s: known %v, in the matrix %v", r, r, known, rights[r])
		}
	}
}

// TestOperationsMatrix tries every kind of operation by every way.
func TestOperationsMatrix(t *testing.T) {
	seed := uint64(4000)
	for _, p := range permissions {
		for _, w := range ways {
			if w.column == names && len(p.named) == 0 {
				continue
			}
			seed++
			t.Run(fmt.Sprintf("%s %s/%s", p.right, p.kind, w.column), func(t *testing.T) {
				o := newOffice(t, seed)
				list := w.wrong(o, p)
				before := contents(t, o.Repository)
				for _, a := range list {
					refused(t, a)
					after := contents(t, o.Repository)
					if w.column == forgedObject { // her block lies there, and nothing names it
						after = strings.Replace(after, first(after), first(before), 1)
					}
					unchanged(t, a.what, before, after)
				}
				if w.right == nil {
					return
				}
				o = newOffice(t, seed)
				before = contents(t, o.Repository)
				if err := w.right(o, p); p.kind == dd.KindEngine && code(err) == "AG0560" {
					return // nobody here signs for an engine that this program has not
				} else if err != nil {
					t.Errorf("who may is refused: %v", err)
				} else if contents(t, o.Repository) == before && !(w.column == oldKey && p.by == "alice") {
					t.Error("who may has changed nothing")
				}
			})
		}
	}
}

func first(text string) string { return text[:strings.Index(text, "\n")] }

// unchanged compares what a store held before and after.
func unchanged(t *testing.T, what, before, after string) {
	t.Helper()
	if before == after {
		return
	}
	for line := range strings.Lines(after) {
		if !strings.Contains(before, line) {
			t.Errorf("%s changed: %.120s", what, line)
		}
	}
	t.Fatalf("%s changed the store", what)
}

// refused runs an attempt and wants its code and a next step.
func refused(t *testing.T, a attempt) {
	t.Helper()
	err := a.do()
	switch {
	case a.code == "" && err == nil:
	case err == nil:
		t.Errorf("%s: it was not refused", a.what)
	case a.code == "" || !strings.HasPrefix(code(err), a.code):
		t.Errorf("%s: %s %v, want %s", a.what, code(err), err, a.code)
	case a.code != "" && fault.Of(err).Next == "":
		t.Errorf("%s: %v: and what next?", a.what, err)
	}
}
