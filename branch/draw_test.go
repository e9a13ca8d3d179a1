package branch_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func account(person string) objectstore.Account {
	d := must(sign.KeyDescriptor(ledgertest.Key(person).Public().(ed25519.PublicKey)))
	return objectstore.Account(sign.AccountOf(d))
}

func hash(text string) objectstore.Hash { return objectstore.Sum(objectstore.KindCode, []byte(text)) }

func openStore(t testing.TB) *objectstore.DB {
	t.Helper()
	db, err := objectstore.Open("store", objectstore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// header is a valid header on parents, told apart by salt.
func header(salt string, parents ...branch.Block) branch.Header {
	h := branch.Header{
		Version: 1, Ledger: hash("ledger"), Branch: hash("branch"), Time: 1_000_000, Engine: 1,
		State: hash("state " + salt), Transactions: branch.EmptyList(), Receipts: branch.EmptyList(), Changes: branch.EmptyList(),
		Directory: hash("directory"), Producer: account("alice"),
	}
	var above []branch.Header
	for _, p := range parents {
		h.Parents = append(h.Parents, p.ID)
		above = append(above, p.Header)
	}
	h.Number, h.Generation = branch.Child(above...)
	if len(parents) > 0 {
		h.Time = parents[0].Time + 1000
	}
	if len(parents) == 2 {
		h.MergeRecord = hash("merge record")
	}
	return h
}

// drawn is a stored drawing.
type drawn struct {
	t       testing.TB
	db      *objectstore.DB
	history *branch.History
	blocks  map[string]branch.Block
	names   map[objectstore.Hash]string
}

func draw(t testing.TB, drawing string) *drawn {
	t.Helper()
	blocks, err := ledgertest.Draw(drawing)
	if err != nil {
		t.Fatal(err)
	}
	return store(t, blocks)
}

func store(t testing.TB, blocks []ledgertest.Block) *drawn {
	t.Helper()
	db := openStore(t)
	d := &drawn{t: t, db: db, history: branch.NewHistory(db, db.Index),
		blocks: map[string]branch.Block{}, names: map[objectstore.Hash]string{}}
	batch := db.NewBatch()
	defer batch.Close()
	for _, b := range blocks {
		var parents []branch.Block
		for _, p := range b.Parents {
			parents = append(parents, d.blocks[p])
		}
		block, err := branch.NewBlock(header(b.Name, parents...))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.history.Put(batch, block, nil); err != nil {
			t.Fatal(err)
		}
		d.blocks[b.Name], d.names[block.ID] = block, b.Name
	}
	if err := batch.Commit(); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *drawn) id(name string) objectstore.Hash {
	b, ok := d.blocks[name]
	if !ok && name != "" {
		d.t.Fatalf("there is no block %s in the drawing", name)
	}
	return b.ID
}

// say gives the names of blocks, separated by blanks.
func (d *drawn) say(ids []objectstore.Hash) string {
	var names []string
	for _, id := range ids {
		names = append(names, d.names[id])
	}
	return strings.Join(names, " ")
}

func (d *drawn) only(source, target string) string {
	d.t.Helper()
	ids, err := d.history.Only(d.id(source), d.id(target))
	if err != nil {
		d.t.Fatal(err)
	}
	return d.say(ids)
}

func (d *drawn) log(firstParent bool, heads ...string) string {
	d.t.Helper()
	var ids, at []objectstore.Hash
	for _, h := range heads {
		at = append(at, d.id(h))
	}
	for b, err := range d.history.Walk(firstParent, at...) {
		if err != nil {
			d.t.Fatal(err)
		}
		ids = append(ids, b.ID)
	}
	return d.say(ids)
}

func chain(n int) []ledgertest.Block {
	blocks := make([]ledgertest.Block, n)
	for i := range blocks {
		blocks[i].Name = fmt.Sprint(i)
		if i > 0 {
			blocks[i].Parents = []string{fmt.Sprint(i - 1)}
		}
	}
	return blocks
}
