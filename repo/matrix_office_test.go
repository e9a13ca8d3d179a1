package repo_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// office is a ledger in memory with somebody for every right. alice owns and
// directs it, root matters need her and frank. bob is admin and producer of
// eu/*, where he produces the protected eu/x and eu/y; carol is a stand-by of
// eu/x, erin writes on eu/*, grace has changed her key, dave reads everything,
// and mallory writes on m/*.
type office struct {
	*story
	euX, euY objectstore.Hash
	salts    int
}

func newOffice(t *testing.T, seed uint64) *office {
	t.Helper()
	o := &office{story: &story{T: t, key: keyOf("alice"), o: fixed(seed)}}
	r, err := repo.InMemory(o.key, o.o)
	if err != nil {
		t.Fatal(err)
	}
	o.Repository = r
	t.Cleanup(func() { _ = r.Close() })
	s, err := r.State()
	if err != nil {
		t.Fatal(err)
	}
	var ops []dd.SignedOperation
	do := func(by string, changes ...dd.Change) {
		t.Helper()
		for _, c := range changes {
			op, err := dd.Propose(s, c, o.o.Now().UnixMilli(), o.salt(), nil, keyOf(by))
			if err == nil {
				s, err = s.With(op, o.o.Now().UnixMilli())
			}
			if err != nil {
				t.Fatalf("%T by %s: %v", c, by, err)
			}
			ops = append(ops, op)
		}
	}
	for _, g := range []struct {
		role    dd.Role
		pattern string
		who     string
	}{{dd.Admin, "eu/*", "bob"}, {dd.Producer, "eu/*", "bob"}, {dd.Producer, "eu/*", "carol"}, {dd.Writer, "eu/*", "erin"}, {dd.Reader, "*", "dave"}, {dd.Reader, "*", "grace"}, {dd.Writer, "m/*", "mallory"}, {dd.Admin, "*", "frank"}} {
		do("alice", dd.Grant{Role: g.role, Pattern: g.pattern, Account: accountOf(g.who)})
	}
	for name, id := range map[string]*objectstore.Hash{"eu/x": &o.euX, "eu/y": &o.euY} {
		do("bob", registers("bob", name))
		b, _, err := s.BranchNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		*id = b.ID
	}
	do("bob", dd.ProtectBranch{ID: o.euX, From: hashOf("head"), Standbys: []objectstore.Account{accountOf("carol")}})
	do("grace", newKeys("grace", "grace 2"))
	do("alice", dd.SetPeer{Name: "depot", Descriptor: descriptorOf("peter"), Addresses: []string{"https://old.example:9000"}})
	do("alice", dd.SetThreshold{Threshold: 2})
	if err := r.Append(o.key, ops...); err != nil {
		t.Fatal(err)
	}
	return o
}

func accountOf(who string) objectstore.Account { return repo.AccountOf(keyOf(who)) }

func hashOf(text string) objectstore.Hash {
	return objectstore.Sum(objectstore.KindCode, []byte(text))
}

func registers(who, name string) dd.RegisterBranch {
	return dd.RegisterBranch{Name: name, Creator: accountOf(who), Salt: hashOf(name), Producer: accountOf(who)}
}

func (o *office) salt() objectstore.Hash { o.salts++; return hashOf(fmt.Sprint("salt ", o.salts)) }

// permission is a kind of operation with who may ask for it and who may not.
type permission struct {
	kind  dd.OperationKind
	right dd.Right // that Decide is asked for
	by    string   // who may; root: together with frank
	root  bool
	not   []string // who may not, besides mallory and dave
	code  string   // how they are refused
	ask   func(o *office) dd.Change
	named []func(o *office, name string) dd.Change // changes that name something
}

var permissions = []permission{
	{kind: dd.KindRegister, right: dd.RightRegister, by: "bob", not: []string{"erin"}, code: "AG0501",
		ask: func(*office) dd.Change { return registers("bob", "eu/new") },
		named: []func(*office, string) dd.Change{
			func(_ *office, name string) dd.Change { c := registers("alice", "eu/new"); c.Name = name; return c }}},
	{kind: dd.KindTag, right: dd.RightTag, by: "bob", not: []string{"erin"}, code: "AG0501",
		ask: func(o *office) dd.Change { return dd.AddTag{Name: "v1", Block: hashOf("head"), Branch: o.euX} },
		named: []func(*office, string) dd.Change{
			func(o *office, name string) dd.Change {
				return dd.AddTag{Name: name, Block: hashOf("head"), Branch: o.euX}
			}}},
	{kind: dd.KindGrant, right: dd.RightAdmin, by: "bob", not: []string{"carol", "erin"}, code: "AG0501",
		ask: func(*office) dd.Change {
			return dd.Grant{Role: dd.Writer, Pattern: "eu/y", Account: accountOf("mallory")}
		},
		named: []func(*office, string) dd.Change{
			func(_ *office, name string) dd.Change {
				return dd.Grant{Role: dd.Writer, Pattern: name, Account: accountOf("mallory")}
			}}},
	{kind: dd.KindRevoke, right: dd.RightAdmin, by: "bob", not: []string{"carol", "erin"}, code: "AG0501",
		ask: func(*office) dd.Change {
			return dd.Revoke{Role: dd.Writer, Pattern: "eu/*", Account: accountOf("erin")}
		},
		named: []func(*office, string) dd.Change{
			func(_ *office, name string) dd.Change {
				return dd.Revoke{Role: dd.Writer, Pattern: name, Account: accountOf("erin")}
			}}},
	{kind: dd.KindIdentity, right: dd.RightAdmin, by: "alice", not: []string{"bob"}, code: "AG0501",
		ask: func(*office) dd.Change { return dd.AddIdentity{Name: "mallory", Descriptor: descriptorOf("mallory")} },
		named: []func(*office, string) dd.Change{
			func(_ *office, name string) dd.Change {
				return dd.AddIdentity{Name: name, Descriptor: descriptorOf("mallory")}
			}}},
	{kind: dd.KindVisibility, right: dd.RightAdmin, by: "alice", not: []string{"bob"}, code: "AG0501",
		ask: func(*office) dd.Change { return dd.SetVisibility{Public: true} }},
	{kind: dd.KindUpdate, right: dd.RightAdmin, by: "bob", not: []string{"carol", "erin"}, code: "AG0501",
		ask: func(o *office) dd.Change { return dd.UpdateBranch{ID: o.euY, Producer: accountOf("carol")} },
		named: []func(*office, string) dd.Change{
			func(o *office, name string) dd.Change { return dd.UpdateBranch{ID: o.euY, Name: name} }}},
	{kind: dd.KindDelete, right: dd.RightAdmin, by: "bob", not: []string{"carol", "erin"}, code: "AG0501",
		ask: func(o *office) dd.Change { return dd.DeleteBranch{ID: o.euY, Name: "eu/y"} }},
	{kind: dd.KindKeys, right: dd.RightSign, by: "erin", not: []string{"bob"}, code: "AG0501",
		ask: func(*office) dd.Change { return newKeys("erin", "erin 3") }},
	{kind: dd.KindProtect, right: dd.RightAdmin, by: "bob", not: []string{"carol", "erin"}, code: "AG0501",
		ask: func(o *office) dd.Change { return dd.ProtectBranch{ID: o.euX, Off: true} }},
	{kind: dd.KindAnchor, right: dd.RightProduce, by: "bob", not: []string{"carol", "erin"}, code: "AG0502",
		ask: func(o *office) dd.Change {
			return dd.AnchorBranch{Branch: o.euX, Block: hashOf("head"), Number: 7}
		}},
	{kind: dd.KindTakeOver, right: dd.RightProduce, by: "carol", not: []string{"bob", "erin"}, code: "AG0502",
		ask: func(o *office) dd.Change { return dd.TakeOver{Branch: o.euX} }},
	{kind: dd.KindResolve, right: dd.RightAdmin, by: "bob", not: []string{"carol", "erin"}, code: "AG0501",
		ask: func(o *office) dd.Change {
			return dd.ResolveEvidence{Branch: o.euX, Sequence: 1, Block: hashOf("head")}
		}},
	{kind: dd.KindPeer, right: dd.RightAdmin, by: "alice", not: []string{"bob"}, code: "AG0501",
		ask: func(*office) dd.Change { return dd.SetPeer{Name: "hers", Descriptor: descriptorOf("mallory")} },
		named: []func(*office, string) dd.Change{
			func(_ *office, name string) dd.Change {
				return dd.SetPeer{Name: name, Descriptor: descriptorOf("mallory")}
			}}},
	{kind: dd.KindPeer, right: dd.RightPeer, by: "peter", not: []string{"bob"}, code: "AG0501", ask: (*office).depotMoves},
	{kind: dd.KindThreshold, right: dd.RightRoot, by: "alice", root: true, not: []string{"bob", "alice", "frank"}, code: "AG05",
		ask: func(*office) dd.Change { return dd.SetThreshold{Threshold: 1} }},
	{kind: dd.KindEngine, right: dd.RightRoot, by: "alice", root: true, not: []string{"bob", "alice", "frank"}, code: "AG05",
		ask: func(o *office) dd.Change {
			s, _ := o.State()
			n, _ := s.Engine()
			return dd.SetEngine{Engine: n + 1}
		}},
	{kind: dd.KindProducer, right: dd.RightRoot, by: "alice", root: true, not: []string{"bob", "alice", "frank"}, code: "AG05",
		ask: func(*office) dd.Change { return dd.SetProducer{Account: accountOf("frank")} }},
	{kind: dd.KindRevokeKey, right: dd.RightRoot, by: "alice", root: true, not: []string{"bob", "alice", "frank"}, code: "AG05",
		ask: func(*office) dd.Change {
			return dd.RevokeKey{Account: accountOf("grace"), Key: keyOf("grace").Public().(ed25519.PublicKey)}
		}},
}

// depotMoves is what a peer may ask for itself.
func (o *office) depotMoves() dd.Change {
	return dd.SetPeer{Name: "depot", Descriptor: descriptorOf("peter"), Addresses: []string{"https://new.example:9000"}}
}

func descriptorOf(who string) []byte {
	d, err := sign.KeyDescriptor(keyOf(who).Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	return d.Bytes()
}

// intruders are those who may not.
func (p permission) intruders() []string { return append([]string{"mallory", "dave"}, p.not...) }

// signed is an operation of an account by some keys, whether it may be or not: it
// is never asked before.
func (o *office) signed(c dd.Change, created int64, base dd.State, account objectstore.Account, by string, with ...string) dd.SignedOperation {
	o.Helper()
	p, err := dd.NewProposal(base, c, account, created, o.salt())
	if err != nil {
		o.Fatal(err)
	}
	return o.sealed(dd.SignedOperation{Data: p.Operation}, o.Ledger(), sign.PurposeDirectory, sign.PurposeConsent, by, with...)
}

// sealed signs an operation by one key, with the consent of others.
func (o *office) sealed(op dd.SignedOperation, ledger objectstore.Hash, author, consent sign.Purpose, by string, with ...string) dd.SignedOperation {
	o.Helper()
	op.Seal, op.Consents = o.sealOf(by, author, ledger, op.ID()), nil
	for _, name := range with {
		op.Consents = append(op.Consents, dd.Consent{Account: accountOf(name), Seal: o.sealOf(name, consent, ledger, op.ID())})
	}
	return op
}

func (o *office) sealOf(who string, p sign.Purpose, ledger, id objectstore.Hash) []byte {
	o.Helper()
	sig, err := sign.Sign(keyOf(who), p, ledger, id)
	if err != nil {
		o.Fatal(err)
	}
	d, err := sign.ParseDescriptor(descriptorOf(who))
	if err != nil {
		o.Fatal(err)
	}
	seal, err := sign.MakeSeal(d, sig)
	if err != nil {
		o.Fatal(err)
	}
	data, err := seal.Bytes()
	if err != nil {
		o.Fatal(err)
	}
	return data
}

// thief is who makes directory blocks with a stolen key: alice's own is the
// producer's, TestTheDirectorysProducerIsCompromised tells that story.
func (p permission) thief() string {
	if p.by == "alice" {
		return "mallory"
	}
	return p.by
}

// right is the operation of who may, with all that it needs.
func (o *office) right(p permission) dd.SignedOperation {
	o.Helper()
	return o.signed(p.ask(o), o.o.Now().UnixMilli(), o.now(), accountOf(p.by), p.by, p.with()...)
}

func (p permission) with() []string {
	if p.root {
		return []string{"frank"}
	}
	return nil
}

// wrong is the operation of somebody who may not.
func (o *office) wrong(p permission, who string) dd.SignedOperation {
	o.Helper()
	return o.signed(p.ask(o), o.o.Now().UnixMilli(), o.now(), accountOf(who), who)
}

func (o *office) now() dd.State {
	o.Helper()
	s, err := o.State()
	if err != nil {
		o.Fatal(err)
	}
	return s
}

// block is a directory block of operations as a program of somebody's own makes
// it: nobody has asked whether it may be.
func (o *office) block(on dd.State, root objectstore.Hash, producer string, ops ...dd.SignedOperation) dd.SealedBlock {
	o.Helper()
	b := on.Block()
	h := dd.Header{Version: 1, Ledger: o.Ledger(), Parent: b.ID, Number: b.Number + 1, Time: o.o.Now().UnixMilli(), State: root, Producer: accountOf(producer)}
	seals := struct {
		Producer   []byte         `cbor:"1,keyasint"`
		Operations [][]byte       `cbor:"2,keyasint"`
		Consents   [][]dd.Consent `cbor:"3,keyasint,omitempty"`
	}{}
	for _, op := range ops {
		h.Operations, seals.Operations = append(h.Operations, op.Data), append(seals.Operations, op.Seal)
		if len(op.Consents) > 0 {
			seals.Consents = append(seals.Consents, op.Consents)
		}
	}
	data, err := wire.Marshal(h)
	if err != nil {
		o.Fatal(err)
	}
	seals.Producer = o.sealOf(producer, sign.PurposeDirectory, o.Ledger(), objectstore.Sum(objectstore.KindDirectoryBlock, data))
	seal, err := wire.Marshal(seals)
	if err != nil {
		o.Fatal(err)
	}
	return dd.SealedBlock{Data: data, Seal: seal}
}

// file is the directory that is here, exported, with more blocks.
func (o *office) file(more ...dd.SealedBlock) []byte {
	o.Helper()
	return o.appended(o.export(), more...)
}

// appended puts more blocks behind an exported directory.
func (o *office) appended(file []byte, more ...dd.SealedBlock) []byte {
	o.Helper()
	var f struct {
		Version   uint64           `cbor:"1,keyasint"`
		Genesis   []byte           `cbor:"2,keyasint"`
		Directory []dd.SealedBlock `cbor:"3,keyasint"`
	}
	if err := wire.UnmarshalLimit(file, &f, 1<<20); err != nil {
		o.Fatal(err)
	}
	f.Directory = append(f.Directory, more...)
	data, err := wire.Marshal(f)
	if err != nil {
		o.Fatal(err)
	}
	return data
}

// plant puts a directory block into the store and moves the head to it.
func (o *office) plant(b dd.SealedBlock) {
	o.Helper()
	batch := o.Store().NewBatch()
	defer batch.Close()
	id, err := batch.Put(objectstore.KindDirectoryBlock, b.Data)
	if err == nil {
		err = batch.PutSeal(id, b.Seal)
	}
	if err == nil {
		was := o.now().Block().ID
		err = batch.SetRef("dd/head", was[:], id[:])
	}
	if err == nil {
		err = batch.Commit()
	}
	if err != nil {
		o.Fatal(err)
	}
}

// contents is all that the store holds.
func contents(t *testing.T, r *repo.Repository) string {
	t.Helper()
	text, err := r.Contents()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
