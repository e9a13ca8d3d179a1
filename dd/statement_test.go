package dd

import (
	"testing"

	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

func (w *world) publish(id, block objectstore.Hash, now int64, person string, local Question) (Statement, error) {
	var st Statement
	err := w.commit(func(b objectstore.Batch) (err error) {
		var seal []byte
		st, seal, err = w.d.MakeStatement(b, id, block, now, 10*day, local, nil, ledgertest.Key(person))
		if err == nil && len(seal) == 0 {
			w.t.Error("a statement without a seal")
		}
		return err
	})
	return st, err
}

func TestPublishingAHead(t *testing.T) {
	w := newWorld(t)
	main, _, err := w.head().BranchNamed("main")
	w.ok(err)
	first, err := w.publish(main.ID, hash("A"), 5000, "alice", Question{})
	w.ok(err)
	if first.Sequence != 1 || first.Epoch != 0 {
		t.Errorf("the first statement has epoch %d, sequence %d", first.Epoch, first.Sequence)
	}
	same, err := w.publish(main.ID, hash("A"), 6000, "alice", Question{})
	w.ok(err)
	if same.Sequence != 1 || same.Time != 5000 {
		t.Error("the same head was published twice")
	}
	second, err := w.publish(main.ID, hash("B"), 7000, "alice", Question{})
	w.ok(err)
	renewed, err := w.publish(main.ID, hash("B"), 7001+10*day, "alice", Question{})
	w.ok(err)
	if second.Sequence != 2 || renewed.Sequence != 3 || renewed.Block != second.Block {
		t.Errorf("sequences %d and %d", second.Sequence, renewed.Sequence)
	}
	latest, seal, err := w.d.LatestStatement(main.ID)
	w.ok(err)
	if must(latest.ID()) != must(renewed.ID()) {
		t.Error("the latest statement is not the last one made")
	}
	w.ok(VerifyStatement(w.head(), latest, seal, Question{}))

	// A new producer counts from 1 in his epoch; the old one has nothing to say.
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "main", Account: account("bob")}))
	w.ok(w.do("alice", UpdateBranch{ID: main.ID, Producer: account("bob")}))
	_, err = w.publish(main.ID, hash("C"), 8000+10*day, "alice", Question{})
	w.refused("AG0601", err)
	bobs, err := w.publish(main.ID, hash("C"), 8000+10*day, "bob", Question{})
	w.ok(err)
	if bobs.Epoch != 1 || bobs.Sequence != 1 {
		t.Errorf("bob's first statement has epoch %d, sequence %d", bobs.Epoch, bobs.Sequence)
	}
	w.ok(bobs.Follows(renewed))
	w.refused("AG0605", renewed.Follows(bobs))
	if _, err := w.publish(main.ID, hash("C"), 5, "bob", Question{}); err != nil { // the latest one is given back
		t.Error(err)
	}

	// A branch that nobody registered: its creator may, with the role writer.
	local := Question{Name: "eu", Creator: account("bob"), Salt: hash("eu")}
	eu := must(branchID(w.d.Ledger(), local.Creator, local.Salt))
	_, err = w.publish(eu, hash("E"), 9000, "bob", local)
	w.refused("AG0601", err)
	w.ok(w.do("alice", Grant{Role: Writer, Pattern: "eu", Account: account("bob")}))
	_, err = w.publish(eu, hash("E"), 9000, "bob", local)
	w.ok(err)
	_, err = w.publish(eu, hash("F"), 9000, "alice", local)
	w.refused("AG0601", err)
}

func TestMalloryAndStatements(t *testing.T) {
	w := newWorld(t)
	s := w.head()
	main, _, err := s.BranchNamed("main")
	w.ok(err)
	good, err := w.publish(main.ID, hash("A"), 5000, "alice", Question{})
	w.ok(err)
	sealBy := func(st Statement, person string) []byte {
		return must(makeSeal(descriptor(person), sign.PurposeHead, st.Ledger, must(st.ID()), signers(person)))
	}
	w.ok(VerifyStatement(s, good, sealBy(good, "alice"), Question{}))
	w.refused("AG0601", VerifyStatement(s, good, sealBy(good, "mallory"), Question{}))
	w.refused("AG0601", VerifyStatement(s, good, nil, Question{}))
	for name, spoil := range map[string]func(st *Statement){
		"ledger":    func(st *Statement) { st.Ledger = hash("other") },
		"directory": func(st *Statement) { st.Directory = hash("other") },
		"epoch":     func(st *Statement) { st.Epoch = 1 },
		"producer":  func(st *Statement) { st.Producer = account("mallory") },
	} {
		st := good
		spoil(&st)
		by := "alice"
		if name == "producer" {
			by = "mallory"
		}
		if err := VerifyStatement(s, st, sealBy(st, by), Question{}); err == nil {
			t.Errorf("a statement with another %s was taken", name)
		}
	}
	for name, spoil := range map[string]func(st *Statement){
		"sequence 0":   func(st *Statement) { st.Sequence = 0 },
		"no expiry":    func(st *Statement) { st.Expiry = st.Time },
		"for ever":     func(st *Statement) { st.Expiry = st.Time + MaxStatementLife + 1 },
		"no block":     func(st *Statement) { st.Block = objectstore.Hash{} },
		"no producer":  func(st *Statement) { st.Producer = "" },
		"next version": func(st *Statement) { st.Version = 2 },
	} {
		st := good
		spoil(&st)
		if _, err := DecodeStatement(must(st.Encode())); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}

	// Alice herself says two things as number 1.
	twin := good
	twin.Block = hash("B")
	if !Equivocation(good, twin) || Equivocation(good, good) {
		t.Error("equivocation is not seen")
	}
	w.refused("AG0606", twin.Follows(good))
	w.refused("AG0606", w.commit(func(b objectstore.Batch) error { return w.d.PutStatement(b, twin, sealBy(twin, "alice")) }))
	later := twin
	later.Sequence = 2
	if Equivocation(good, later) {
		t.Error("a later head is no equivocation")
	}
	w.ok(later.Follows(good))
	w.refused("AG0605", good.Follows(later))
	other := later
	other.Branch = hash("another branch")
	if other.Follows(good) == nil {
		t.Error("statements of two branches were compared")
	}
}

// TestARestoredBackup: alice's copy of her ledger goes on from before statement 2,
// which she has published. Whatever she publishes from it is evidence, also when
// later statements are known.
func TestARestoredBackup(t *testing.T) {
	w := newWorld(t)
	main, _, err := w.head().BranchNamed("main")
	w.ok(err)
	one, err := w.publish(main.ID, hash("A"), 5000, "alice", Question{})
	w.ok(err)
	backup := w.follower()
	seal := func(st Statement) []byte {
		return must(makeSeal(descriptor("alice"), sign.PurposeHead, st.Ledger, must(st.ID()), signers("alice")))
	}
	take := func(w *world, st Statement, now int64) (e *Evidence, err error) {
		err = w.commit(func(b objectstore.Batch) (err error) {
			e, err = w.d.TakeStatement(b, st, seal(st), now, Question{})
			return err
		})
		return e, err
	}
	if e, err := take(backup, one, 6000); e != nil || err != nil {
		t.Fatal(e, err)
	}
	two := must(w.publish(main.ID, hash("B"), 6000, "alice", Question{}))
	three := must(w.publish(main.ID, hash("C"), 7000, "alice", Question{}))
	other := must(backup.publish(main.ID, hash("B2"), 8000, "alice", Question{}))
	if two.Sequence != other.Sequence {
		t.Fatal("no two statements of one number")
	}
	if _, err := take(w, two, 9000); err != nil { // known, and not the newest
		t.Error(err)
	}
	ahead := three
	ahead.Sequence, ahead.Time, ahead.Expiry = 4, 1<<40, 1<<40+1
	_, err = take(w, ahead, 9000)
	w.refused("AG0508", err)
	ahead.Sequence, ahead.Time, ahead.Directory = 4, 9000, hash("another directory")
	_, err = take(w, ahead, 9000)
	w.refused("AG0601", err)

	e, err := take(w, other, 9000)
	w.ok(err)
	if e == nil || e.A.Sequence != 2 {
		t.Fatalf("evidence %+v", e)
	}
	e, err = take(backup, two, 9000)
	w.ok(err)
	if e == nil {
		t.Fatal("no evidence in the backup")
	}
	for _, at := range []*world{w, backup} {
		w.refused("AG0606", at.d.CheckContested(at.head(), main.ID))
		_, err := at.publish(main.ID, hash("D"), 9500, "alice", Question{})
		w.refused("AG0606", err)
	}
	// The admin keeps the one on which the third was built.
	w.ok(w.do("alice", ResolveEvidence{Branch: main.ID, Sequence: 2, Block: two.Block}))
	w.ok(backup.accept(w.chain()...))
	if e, err := take(backup, two, 9600); e != nil || err != nil {
		t.Error(e, err)
	}
	if e, err := take(backup, three, 9600); e != nil || err != nil {
		t.Error(e, err)
	}
	e, err = take(w, other, 9600)
	if e == nil || err != nil {
		t.Error("what was decided is evidence still", err)
	}
	for _, at := range []*world{w, backup} {
		w.ok(at.d.CheckContested(at.head(), main.ID))
		st, _, err := at.d.LatestStatement(main.ID)
		w.ok(err)
		if st.Block != three.Block {
			t.Error("the copies do not agree")
		}
	}
	// A producer who was replaced says nothing new.
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "main", Account: account("bob")}))
	old := three
	old.Sequence, old.Time = 4, 9000
	w.ok(w.do("alice", UpdateBranch{ID: main.ID, Producer: account("bob")}))
	_, err = take(w, old, 9700)
	w.refused("AG0605", err)
}
