package dd

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func hash(text string) objectstore.Hash { return objectstore.Sum(objectstore.KindCode, []byte(text)) }

func descriptor(person string) sign.Descriptor {
	return must(sign.KeyDescriptor(ledgertest.Key(person).Public().(ed25519.PublicKey)))
}

func account(person string) objectstore.Account {
	return objectstore.Account(sign.AccountOf(descriptor(person)))
}

func signers(person string) []crypto.Signer { return []crypto.Signer{ledgertest.Key(person)} }

// genesisOf is a ledger that a person owns and directs.
func genesisOf(person string) Genesis {
	return Genesis{Version: 1, Owner: descriptor(person).Bytes(), Threshold: 1, Producer: account(person),
		Engine: 1, StateFormat: 1, Salt: hash("salt of " + person), Created: 1000}
}

// world is alice's ledger in a store.
type world struct {
	t     *testing.T
	db    *objectstore.DB
	d     *Directory
	salts int
}

func newStore(t testing.TB) *objectstore.DB {
	t.Helper()
	db, err := objectstore.Open("store", objectstore.Options{FS: vfs.NewMem(), NodeHash: prolly.NodeHash})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: newStore(t)}
	w.ok(w.commit(func(b objectstore.Batch) error {
		_, err := Create(b, genesisOf("alice"), ledgertest.Key("alice"))
		return err
	}))
	w.d = must(Open(w.db, w.db))
	return w
}

func (w *world) commit(fill func(b objectstore.Batch) error) error {
	b := w.db.NewBatch()
	defer b.Close()
	if err := fill(b); err != nil {
		return err
	}
	return b.Commit()
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) head() State { return must(w.d.Head()) }

// sign makes a person's operation without asking whether it is allowed.
func (w *world) sign(person string, c Change) SignedOperation {
	w.salts++
	op, _ := Propose(w.head(), c, int64(2000+w.salts), hash(fmt.Sprint("salt ", w.salts)), nil, ledgertest.Key(person))
	return op
}

// do has a person change the directory, alice putting it in order.
func (w *world) do(person string, c Change) error {
	return w.append(w.sign(person, c))
}

func (w *world) append(ops ...SignedOperation) error {
	return w.commit(func(b objectstore.Batch) error {
		_, err := w.d.Append(b, w.head().Block().Time+1, ops, nil, ledgertest.Key("alice"))
		return err
	})
}

func (w *world) refused(code string, err error) {
	w.t.Helper()
	if !fault.Is(err, code) {
		w.t.Errorf("got %v, want %s", err, code)
	}
}

// chain gives the stored chain, oldest first.
func (w *world) chain() []SealedBlock {
	var list []SealedBlock
	for b, err := range w.d.Log() {
		w.ok(err)
		list = append([]SealedBlock{must(w.d.Sealed(b.ID))}, list...)
	}
	return list
}

func (w *world) branchOf(person, name string) (RegisterBranch, objectstore.Hash) {
	c := RegisterBranch{Name: name, Creator: account(person), Salt: hash(name), Producer: account(person)}
	return c, must(branchID(w.d.Ledger(), c.Creator, c.Salt))
}
