package dd

import (
	"errors"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

func TestWhatALedgerBeginsWith(t *testing.T) {
	w := newWorld(t)
	s := w.head()
	g := genesisOf("alice")
	if s.Ledger() != objectstore.Sum(objectstore.KindGenesis, must(g.Encode())) || s.Owner() != account("alice") || s.Public() {
		t.Error("the first state is not what the genesis says")
	}
	if n := must(s.Engine()); n != 1 {
		t.Errorf("engine %d", n)
	}
	main, ok, err := s.BranchNamed("main")
	if err != nil || !ok || main.Producer != account("alice") {
		t.Fatalf("main: %v, %v, %v", main, ok, err)
	}
	if id := must(branch.NewID(s.Ledger(), account("alice"), g.Salt)); main.ID != id {
		t.Error("main has another id than its creator and salt make")
	}
	if who, _, err := s.Identity("owner"); err != nil || who.Account != account("alice") {
		t.Errorf("the owner is %v, %v", who, err)
	}
	if roles := must(s.Roles()); len(roles) != 2 || roles[0].Role != Admin || roles[1].Role != Producer {
		t.Errorf("roles: %v", roles)
	}
}

func TestALedgerGrows(t *testing.T) {
	w := newWorld(t)
	first := w.head()
	w.ok(w.do("alice", AddIdentity{Name: "bob", Descriptor: descriptor("bob").Bytes()}))
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "eu/*", Account: account("bob")}))
	eu, id := w.branchOf("bob", "eu/west")
	w.ok(w.do("bob", eu))
	w.ok(w.do("bob", AddTag{Name: "v1", Block: hash("block"), Branch: id, Message: "first"}))
	w.ok(w.do("alice", SetVisibility{Public: true}))

	s := w.head()
	if b, ok, err := s.BranchNamed("eu/west"); err != nil || !ok || b.ID != id || b.Producer != account("bob") {
		t.Errorf("eu/west is %v, %v, %v", b, ok, err)
	}
	if tag, ok, err := s.Tag("v1"); err != nil || !ok || tag.Tagger != account("bob") || tag.Block != hash("block") {
		t.Errorf("v1 is %v, %v, %v", tag, ok, err)
	}
	if !s.Public() || len(must(s.Branches())) != 2 || len(must(s.Tags())) != 1 || len(must(s.Identities())) != 2 {
		t.Error("the state misses something")
	}

	// Carol follows bob: a new producer begins a new epoch; the name changes with it.
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "eu/*", Account: account("carol")}))
	w.ok(w.do("alice", UpdateBranch{ID: id, Name: "eu/berlin", Producer: account("carol"), Policy: "consistent"}))
	b, ok, err := w.head().Branch(id)
	if err != nil || !ok || b.Name != "eu/berlin" || b.Producer != account("carol") || b.Epoch != 1 || b.Policy != "consistent" {
		t.Errorf("after the change: %v, %v, %v", b, ok, err)
	}
	if _, ok, _ := w.head().BranchNamed("eu/west"); ok {
		t.Error("the old name is still there")
	}

	// The old state still answers as it did, and knows its place in the chain.
	if _, ok, _ := first.Branch(id); ok {
		t.Error("the first state knows the new branch")
	}
	old := must(w.d.At(first.Block().ID))
	if old.Root() != first.Root() {
		t.Error("the first state came back as another")
	}
	s = w.head()
	if !must(s.Includes(first.Block().ID)) || !must(s.Includes(s.Block().ID)) || must(first.Includes(s.Block().ID)) {
		t.Error("the order of directory blocks is wrong")
	}
	verified, err := VerifyChain(w.db, w.d.Ledger(), s.Block().ID)
	if err != nil || verified.Root() != s.Root() {
		t.Errorf("the chain does not verify: %v", err)
	}

	// A clone takes it over from bytes, in one batch, then follows.
	clone := &world{t: t, db: newStore(t)}
	chain := w.chain()
	genesis := must(genesisBytes(w.db, w.d.Ledger()))
	w.ok(clone.commit(func(b objectstore.Batch) error {
		_, err := Adopt(b, w.d.Ledger(), genesis, chain[:3])
		return err
	}))
	clone.d = must(Open(clone.db, clone.db))
	stranger := &world{t: t, db: newStore(t)}
	w.refused("AG0601", stranger.commit(func(b objectstore.Batch) error {
		_, err := Adopt(b, hash("another ledger"), genesis, chain)
		return err
	}))
	w.ok(clone.commit(func(b objectstore.Batch) error {
		_, err := clone.d.Accept(b, chain[3:], 1<<40)
		return err
	}))
	if clone.head().Root() != s.Root() {
		t.Error("the clone has another state")
	}
	for _, sealed := range chain { // every state can be read there too
		id := must(DecodeBlock(sealed.Data)).ID
		if a, b := must(clone.d.At(id)), must(w.d.At(id)); a.Root() != b.Root() || len(must(a.Roles())) != len(must(b.Roles())) {
			t.Errorf("state at %s differs in the clone", id.Short())
		}
	}
	before := clone.head().Block().ID
	w.ok(clone.accept(chain...)) // again: nothing changes
	if clone.head().Block().ID != before {
		t.Error("blocks were accepted twice")
	}
}

func TestTwoWhoAppendAtOnce(t *testing.T) {
	w := newWorld(t)
	a, b := w.db.NewBatch(), w.db.NewBatch()
	defer a.Close()
	defer b.Close()
	_, err := w.d.Append(a, 3000, []SignedOperation{w.sign("alice", SetVisibility{Public: true})}, nil, ledgertest.Key("alice"))
	w.ok(err)
	_, err = w.d.Append(b, 3000, []SignedOperation{w.sign("alice", Grant{Role: Reader, Pattern: "*", Account: account("bob")})}, nil, ledgertest.Key("alice"))
	w.ok(err)
	w.ok(a.Commit())
	var conflict *objectstore.ConflictError
	if err := b.Commit(); !errors.As(err, &conflict) {
		t.Errorf("the second got %v", err)
	}
}

func TestOpenSaysThatThereIsNoLedger(t *testing.T) {
	db := newStore(t)
	if _, err := Open(db, db); !fault.Is(err, "AG0204") || !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestMalloryAndOperations(t *testing.T) {
	w := newWorld(t)
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "eu/*", Account: account("bob")}))
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "eu/*", Account: account("carol")}))
	eu, id := w.branchOf("bob", "eu/x")
	w.ok(w.do("bob", eu))
	w.ok(w.do("bob", AddTag{Name: "v1", Block: hash("block"), Branch: id}))

	// Without a right.
	w.refused("AG0501", w.do("mallory", Grant{Role: Writer, Pattern: "*", Account: account("mallory")}))
	w.refused("AG0501", w.do("mallory", AddTag{Name: "v2", Block: hash("block"), Branch: id}))
	w.refused("AG0501", w.do("mallory", SetVisibility{Public: true}))
	w.refused("AG0501", w.do("carol", Grant{Role: Writer, Pattern: "*", Account: account("carol")}))
	w.refused("AG0501", w.do("carol", Grant{Role: Writer, Pattern: "eu", Account: account("carol")}))
	w.refused("AG0501", w.do("bob", Grant{Role: Writer, Pattern: "eu/x", Account: account("mallory")}))
	w.refused("AG0501", w.do("carol", AddIdentity{Name: "alice", Descriptor: descriptor("mallory").Bytes()}))
	w.refused("AG0501", w.do("carol", UpdateBranch{ID: id, Name: "west"}))
	w.ok(w.do("carol", Grant{Role: Writer, Pattern: "eu/x", Account: account("dave")}))
	w.ok(w.do("carol", Revoke{Role: Writer, Pattern: "eu/x", Account: account("dave")}))
	w.refused("AG0203", w.do("carol", Revoke{Role: Writer, Pattern: "eu/x", Account: account("dave")}))
	w.refused("AG0501", w.do("carol", Revoke{Role: Producer, Pattern: "*", Account: account("alice")}))
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "*", Account: account("carol")}))
	w.refused("AG0501", w.do("carol", Revoke{Role: Producer, Pattern: "*", Account: account("alice")}))

	// What stands already.
	w.refused("AG0703", w.do("alice", AddTag{Name: "v1", Block: hash("another"), Branch: id}))
	again, _ := w.branchOf("alice", "eu/x")
	w.refused("AG0703", w.do("alice", again))
	eu.Name = "eu/y"
	w.refused("AG0703", w.do("bob", eu))
	taken, _ := w.branchOf("alice", "main")
	taken.Salt = hash("mine")
	w.refused("AG0703", w.do("alice", taken))
	w.refused("AG0703", w.do("alice", Grant{Role: Producer, Pattern: "eu/*", Account: account("bob")}))
	w.refused("AG0703", w.do("alice", AddIdentity{Name: "owner", Descriptor: descriptor("bob").Bytes()}))

	// In somebody else's name.
	stolen, _ := w.branchOf("alice", "eu/z") // bob registers what alice created
	w.refused("AG0501", w.do("bob", stolen))
	mine, _ := w.branchOf("bob", "eu/z") // mallory would produce it
	mine.Producer = account("mallory")
	w.refused("AG0501", w.do("bob", mine))
	mine, _ = w.branchOf("bob", "us/z") // outside his pattern
	w.refused("AG0501", w.do("bob", mine))

	good := w.sign("alice", Grant{Role: Reader, Pattern: "*", Account: account("dave")})
	forge := func(change func(o *Operation), signer string) SignedOperation {
		op, _, err := DecodeOperation(good.Data)
		w.ok(err)
		change(&op)
		o := SignedOperation{Data: must(wire.Marshal(op))}
		o.Seal = must(makeSeal(descriptor(signer), "directory", op.Ledger, o.ID(), signers(signer)))
		return o
	}
	w.refused("AG0601", w.append(forge(func(o *Operation) {}, "mallory")))                               // alice's name, mallory's key
	w.refused("AG0601", w.append(forge(func(o *Operation) { o.Ledger = hash("other") }, "alice")))       // another ledger
	w.refused("AG0601", w.append(forge(func(o *Operation) { o.Base = hash("no such block") }, "alice"))) // another chain
	w.refused("AG0601", w.append(SignedOperation{Data: good.Data, Seal: w.sign("alice", Grant{}).Seal})) // another's seal
	w.refused("AG0603", w.append(forge(func(o *Operation) { o.Kind = 99 }, "alice")))                    // of a later version
	if err := w.append(forge(func(o *Operation) { o.Body = []byte{0xa0} }, "alice")); err == nil {       // no body
		t.Error("an empty grant was taken")
	}
	w.ok(w.append(good))
	w.refused("AG0705", w.append(good)) // replayed
	w.ok(w.do("alice", Revoke{Role: Reader, Pattern: "*", Account: account("dave")}))
	w.refused("AG0705", w.append(good)) // replayed after it was taken back
	twin := forge(func(o *Operation) { o.Created++ }, "alice")
	w.refused("AG0705", w.append(twin)) // another operation with a used salt
}

func TestMalloryAndBlocks(t *testing.T) {
	w := newWorld(t)
	base := w.head()
	grant := w.sign("alice", Grant{Role: Reader, Pattern: "*", Account: account("bob")})
	good, next, err := base.Make(5000, []SignedOperation{grant}, nil, ledgertest.Key("alice"))
	w.ok(err)

	_, _, err = base.Make(5000, []SignedOperation{grant}, nil, ledgertest.Key("mallory"))
	if !fault.Is(err, "AG0601") || !strings.Contains(err.Error(), "only owner does") {
		t.Errorf("mallory made a directory block: %v", err)
	}
	remake := func(change func(h *Header, s *seals)) SealedBlock {
		h, sl := must(DecodeBlock(good.Data)).Header, seals{Operations: [][]byte{grant.Seal}}
		change(&h, &sl)
		return must(seal(h, sl, descriptor("alice"), signers("alice")))
	}
	for name, bad := range map[string]SealedBlock{
		"wrong root":     remake(func(h *Header, _ *seals) { h.State = hash("wish") }),
		"other ledger":   remake(func(h *Header, _ *seals) { h.Ledger = hash("other") }),
		"number":         remake(func(h *Header, _ *seals) { h.Number = 7 }),
		"parent":         remake(func(h *Header, _ *seals) { h.Parent = hash("no") }),
		"time goes back": remake(func(h *Header, _ *seals) { h.Time = 999 }),
		"no operation":   remake(func(h *Header, s *seals) { h.Operations, s.Operations = nil, nil }),
		"one twice": remake(func(h *Header, s *seals) {
			h.Operations = append(h.Operations, h.Operations[0])
			s.Operations = append(s.Operations, s.Operations[0])
		}),
		"missing seal":     remake(func(_ *Header, s *seals) { s.Operations = nil }),
		"another producer": remake(func(h *Header, _ *seals) { h.Producer = account("mallory") }),
		"no seal":          {Data: good.Data},
		"trailing byte":    {Data: append(append([]byte{}, good.Data...), 0), Seal: good.Seal},
	} {
		if _, err := base.Next(bad); err == nil {
			t.Errorf("%s: the block was taken", name)
		}
	}
	if after, err := base.Next(good); err != nil || after.Root() != next.Root() {
		t.Errorf("the good block: %v", err)
	}
	if _, err := next.Next(good); err == nil {
		t.Error("a block was taken twice")
	}

	// Another ledger of alice's cannot take it, nor begin with this one's block 0.
	g := genesisOf("alice")
	g.Salt = hash("another salt")
	first := must(w.d.Sealed(base.Block().ID))
	if _, err := Begin(must(g.Encode()), first); !fault.Is(err, "AG0601") {
		t.Errorf("block 0 of another genesis: %v", err)
	}
	if _, err := Begin(must(genesisOf("alice").Encode()), SealedBlock{Data: first.Data, Seal: good.Seal}); !fault.Is(err, "AG0601") {
		t.Errorf("block 0 with another seal: %v", err)
	}

	// A forged chain in the store: everything fits but one signature.
	forged := good
	forged.Seal = first.Seal
	w.ok(w.commit(func(b objectstore.Batch) error {
		id, err := b.Put(objectstore.KindDirectoryBlock, forged.Data)
		if err != nil {
			return err
		}
		return b.PutSeal(id, forged.Seal)
	}))
	if _, err := VerifyChain(w.db, w.d.Ledger(), next.Block().ID); !fault.Is(err, "AG0601") {
		t.Errorf("a forged chain verifies: %v", err)
	}
	if _, err := VerifyChain(w.db, hash("no ledger"), base.Block().ID); err == nil {
		t.Error("a chain verifies for an unknown ledger")
	}
}

func TestGenesisRules(t *testing.T) {
	for name, spoil := range map[string]func(g *Genesis){
		"version":   func(g *Genesis) { g.Version = 2 },
		"owner":     func(g *Genesis) { g.Owner = []byte{1} },
		"threshold": func(g *Genesis) { g.Threshold = 17 },
		"producer":  func(g *Genesis) { g.Producer = "nobody" },
		"engine":    func(g *Genesis) { g.Engine = 0 },
		"salt":      func(g *Genesis) { g.Salt = objectstore.Hash{} },
		"origin":    func(g *Genesis) { g.Origin = &Origin{Ledger: hash("l")} },
	} {
		g := genesisOf("alice")
		spoil(&g)
		if _, err := g.Encode(); err == nil {
			t.Errorf("%s: it was encoded", name)
		}
	}
	g := genesisOf("alice")
	g.Origin = &Origin{Ledger: hash("l"), Block: hash("b"), Directory: hash("d")}
	back, id, err := DecodeGenesis(must(g.Encode()))
	if err != nil || *back.Origin != *g.Origin || id != objectstore.Sum(objectstore.KindGenesis, must(g.Encode())) {
		t.Errorf("a genesis with an origin came back as %v, %v", back, err)
	}
}

func TestProofs(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"eu", "us", "asia"} {
		c, _ := w.branchOf("alice", name)
		w.ok(w.do("alice", c))
	}
	w.ok(w.do("alice", Grant{Role: Writer, Pattern: "eu", Account: account("bob")}))
	s := w.head()
	_, eu := w.branchOf("alice", "eu")
	proof := must(s.ProveBranch(eu))
	b, ok, err := VerifyBranch(s.Root(), eu, proof)
	if err != nil || !ok || b.Name != "eu" {
		t.Errorf("eu is proven as %v, %v, %v", b, ok, err)
	}
	if _, ok, err := VerifyBranch(hash("another root"), eu, proof); err == nil && ok {
		t.Error("a proof fits another root")
	}
	if _, ok, err := VerifyBranch(s.Root(), hash("no branch"), must(s.ProveBranch(hash("no branch")))); err != nil || ok {
		t.Errorf("absence: %v, %v", ok, err)
	}
	if _, ok, _ := VerifyBranch(s.Root(), hash("no branch"), proof); ok {
		t.Error("a proof of eu shows another branch")
	}
	if g, ok, err := VerifyRole(s.Root(), Writer, "eu", account("bob"), must(s.ProveRole(Writer, "eu", account("bob")))); err != nil || !ok || g.By != account("alice") {
		t.Errorf("bob's role: %v, %v, %v", g, ok, err)
	}
}

// The directory and history are packages apart; they agree on names and ids.
func TestNamesAndIdsAreThoseOfHistory(t *testing.T) {
	for _, name := range []string{"", "main", "eu/berlin", "a..b", "a//b", "/a", "a/", "a.lock", "x.lock/b", "a.", "_a", "-a", "a/-b", "A", "ä",
		"a b", "v1.2_3-x", strings.Repeat("a", 100), strings.Repeat("a", 101), "a/.b", "HEAD", "a@b", "a.b./c"} {
		_, err := branch.ParseName(name)
		if (err == nil) != (checkName(name) == nil) {
			t.Errorf("%q: history says %v, the directory %v", name, err, checkName(name))
		}
	}
	if must(branchID(hash("l"), account("bob"), hash("s"))) != must(branch.NewID(hash("l"), account("bob"), hash("s"))) {
		t.Error("a branch has two ids")
	}
}

// The directory says little, so long after its newest block the next change is
// still made by the clock of then.
func TestAChangeLongAfterTheNewestBlock(t *testing.T) {
	w := newWorld(t)
	at := w.head().Block().Time + 10*MaxOperationLife
	op, err := Propose(w.head(), SetVisibility{Public: true}, at, hash("late"), nil, ledgertest.Key("alice"))
	w.ok(err)
	w.ok(w.commit(func(b objectstore.Batch) error {
		_, err := w.d.Append(b, at, []SignedOperation{op}, nil, ledgertest.Key("alice"))
		return err
	}))
	if !w.head().Public() {
		t.Error("the change is not in force")
	}
}
