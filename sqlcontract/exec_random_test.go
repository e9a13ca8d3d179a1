package sqlcontract

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// stateRows lists a table of the state map as judge.state does.
func (w *world) stateRows(c *Contract, t *Table) string {
	l := newLayout(c.Name, t)
	var b strings.Builder
	err := prolly.Load(w.engine.nodes, w.tree.Root()).Scan(l.prefix, wire.KeyPrefixEnd(l.prefix), func(key, value []byte) error {
		cells, err := l.cells(key, value)
		if err != nil {
			return err
		}
		var row, values []any
		for i, col := range t.Columns {
			if !col.Generated {
				row = append(row, cells[i])
			}
		}
		fmt.Fprintf(&b, "%#v\n", row)
		// The bytes must be those that a row read from SQLite gives.
		for _, i := range l.Values {
			values = append(values, cells[i])
		}
		if again, err := l.appendValue(nil, values); err != nil || string(again) != string(value) {
			return errors.Join(err, fmt.Errorf("row %v is stored as %x, not %x", cells, value, again))
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// TestRandomContracts draws contracts and calls, and runs them on two nodes
// with different physical histories and on plain SQLite. Node A goes straight.
// Node B's working tree meanwhile loses files, is an old copy, a copy with a
// flipped byte or one begun from another tree's, moves to older states and
// back, and runs blocks that it gives up. Both have equal roots, receipts and
// gas after every block, and the rows that plain SQLite has; so have the
// rebuilding of each block from its change list, a fresh execution of
// everything, and one in blocks cut otherwise.
//
// AERGO_SEED=n runs the one history of that seed; AERGO_SOAK=10m draws for so
// long.
func TestRandomContracts(t *testing.T) {
	if s := os.Getenv("AERGO_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		randomHistory(t, seed, &historyCount{})
		return
	}
	rounds := 12
	if testing.Short() {
		rounds = 6
	}
	soak, _ := time.ParseDuration(os.Getenv("AERGO_SOAK"))
	until := time.Now().Add(soak)
	var count historyCount
	for round := 0; round < rounds || time.Now().Before(until); round++ {
		seed := uint64(round) // the usual run is the same everywhere
		if round >= rounds {
			seed = rand.Uint64()
		}
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) { randomHistory(t, seed, &count) })
		if !ok {
			t.Fatalf("again: AERGO_SEED=%d go test ./sqlcontract -run RandomContracts", seed)
		}
	}
	t.Logf("%+v", count)
	if count.OK < rounds*10 || count.Failed < rounds*10 || count.Upgrades == 0 {
		t.Errorf("%+v: the test says little", count)
	}
}

type historyCount struct{ Rounds, Blocks, OK, Failed, Judged, Upgrades, Migrations int }

func randomHistory(t *testing.T, seed uint64, count *historyCount) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	g := &guess{Rand: rand.New(rand.NewPCG(seed, 7))}
	lib := &guess{Rand: g.Rand}
	libContract, libSource := lib.contract("lib")
	if seed%2 == 0 {
		g.lib = lib
	}
	c, source := g.contract("guess")
	defer func() {
		if t.Failed() {
			t.Logf("seed %d, the contract at the end:\n%s\nand the one it calls:\n%s", seed, source, libSource)
		}
	}()
	a := newWorld(t, "")
	b := &wanderer{world: newWorld(t, filepath.Join(t.TempDir(), "b")), Rand: rand.New(rand.NewPCG(seed, 8)), old: t.TempDir()}
	defer a.close()
	defer b.close()
	a.deploy("alice", "lib", libSource)
	a.deploy("alice", "guess", source)
	b.block(a.script[0]...)
	b.block(a.script[1]...)
	j := newJudge(t, g, c)
	j.lib = newJudge(t, lib, libContract)
	var receipts [][]Receipt
	blocks := 8
	if g.chance(8) {
		blocks = 40
	}
	for range blocks {
		before := a.tree.Root()
		var txs []VerifiedTransaction
		next, nextSource, was := c, "", g
		if g.chance(5) {
			was = g.clone()
			next, nextSource = g.upgrade("guess")
			txs = append(txs, a.deployTx("alice", "guess", nextSource, nil))
		}
		for range 1 + g.IntN(8) {
			name, acts := "guess", g.acts
			if g.chance(6) {
				name, acts = "lib", lib.acts
			}
			act := acts[g.IntN(len(acts))]
			txs = append(txs, a.tx("bob", name+"."+act.name, g.args(act)))
		}
		processors := 1 + g.IntN(2)
		runtime.GOMAXPROCS(processors)
		want := a.block(txs...)
		runtime.GOMAXPROCS(3 - processors)
		b.disturb(txs)
		got := b.block(txs...)
		da, db := a.seals[len(a.seals)-1], b.seals[len(b.seals)-1]
		if !reflect.DeepEqual(got, want) || da.State != db.State || da.Receipts != db.Receipts || da.Changes != db.Changes || da.Transactions != db.Transactions {
			t.Fatalf("block %d: after %q node B has other results:\n%+v\nstate %s\nnode A:\n%+v\nstate %s", a.number, b.did, got, db.State, want, da.State)
		}
		if nextSource != "" && want[0].Status == StatusOK {
			c, source, j = next, nextSource, j.upgrade(next, g.version)
			g.version++
			count.Upgrades++
			if g.migration != "" {
				count.Migrations++
			}
		} else if nextSource != "" {
			g.refused(was)
		}
		for i, r := range want {
			if txs[i].header.Kind == KindDeploy {
				continue
			}
			if r.Status == StatusOK {
				count.OK++
			} else {
				count.Failed++
			}
			by := j
			if txs[i].header.Contract == "lib" {
				by = j.lib
			}
			if by.c.Action(txs[i].header.Action) == nil {
				continue // of a version that was refused
			}
			judged, err := by.agrees(txs[i], r)
			if judged {
				count.Judged++
			}
			if err != nil {
				t.Fatalf("block %d, transaction %d: %s%v: %v", a.number, i, txs[i].header.Action, txs[i].args, err)
			}
		}
		for _, by := range []*judge{j, j.lib} {
			for _, table := range by.c.Tables {
				if got, want := a.stateRows(by.c, table), by.state(table); got != want {
					t.Fatalf("block %d: table %s.%s in the state map:\n%s\nin SQLite alone:\n%s", a.number, by.c.Name, table.Name, got, want)
				}
			}
		}
		receipts = append(receipts, want)
		b.roots = append(b.roots, before)
		count.Blocks++
	}
	a.replay("", func(int) bool { return g.chance(3) })
	a.recut(g, receipts)
	count.Rounds++
}

// recut runs all transactions again in blocks cut otherwise: contracts that do
// not ask for the block give the same.
func (w *world) recut(g *guess, receipts [][]Receipt) {
	w.t.Helper()
	var txs []VerifiedTransaction
	for _, block := range w.script {
		txs = append(txs, block...)
	}
	again := newWorld(w.t, "")
	defer again.close()
	again.now = w.now
	again.block(txs[0])
	again.block(txs[1])
	var got []Receipt
	for txs = txs[2:]; len(txs) > 0; {
		n := min(len(txs), 1+g.IntN(20))
		got = append(got, again.block(txs[:n]...)...)
		txs = txs[n:]
	}
	i := 0
	for _, block := range receipts {
		for _, want := range block {
			if !reflect.DeepEqual(got[i], want) {
				w.t.Fatalf("in blocks cut otherwise, transaction %d gives\n%+v\nnot\n%+v", i, got[i], want)
			}
			i++
		}
	}
	if again.tree.Root() != w.tree.Root() {
		w.t.Fatalf("blocks cut otherwise end in state %s, not %s", again.tree.Root().Short(), w.tree.Root().Short())
	}
}

// wanderer is a node whose working tree suffers.
type wanderer struct {
	*world
	*rand.Rand
	roots []objectstore.Hash // of earlier blocks
	old   string             // an earlier copy of the working tree
	did   []string
}

// disturb does one thing between two blocks, of which txs is the next.
func (b *wanderer) disturb(txs []VerifiedTransaction) {
	b.t.Helper()
	root := b.tree.Root()
	do := func(what string, err error) {
		b.did = append(b.did, what)
		if err != nil {
			b.t.Fatalf("%s: %v", what, err)
		}
	}
	reopen := func(what string, meanwhile func() error) {
		err := b.tree.Close()
		if err == nil {
			err = meanwhile()
		}
		do(what, err)
		b.tree = b.open(b.dir, root)
	}
	files := func() []string {
		list, _ := filepath.Glob(filepath.Join(b.dir, "*.db"))
		return list
	}
	switch b.IntN(11) {
	case 0:
		reopen("lost the working tree", func() error { return os.RemoveAll(b.dir) })
	case 1:
		reopen("lost a file", func() error {
			if list := files(); len(list) > 0 {
				return os.Remove(list[b.IntN(len(list))])
			}
			return nil
		})
	case 2:
		reopen("flipped a byte", func() error {
			list := files()
			if len(list) == 0 {
				return nil
			}
			name := list[b.IntN(len(list))]
			data, err := os.ReadFile(name)
			if err != nil || len(data) == 0 {
				return err
			}
			data[b.IntN(len(data))] ^= 1 << b.IntN(8)
			return os.WriteFile(name, data, 0o600)
		})
	case 3:
		reopen("kept a copy", func() error {
			if err := os.RemoveAll(b.old); err != nil {
				return err
			}
			return copyDir(b.old, b.dir)
		})
	case 4:
		reopen("went back to an old copy", func() error {
			if err := os.RemoveAll(b.dir); err != nil {
				return err
			}
			return copyDir(b.dir, b.old)
		})
	case 5:
		do("began from another tree's files", b.tree.Close())
		b.dir = filepath.Join(b.t.TempDir(), "b")
		tree, err := OpenTree(Options{Engine: b.engine, Dir: b.dir, Ledger: b.ledger, Owner: b.person("owner").account, Root: root, Others: []string{b.old}})
		do("opened", err)
		b.tree = tree
	case 6, 7:
		for range 1 + b.IntN(3) {
			if len(b.roots) > 0 {
				do("moved to an older state", b.tree.MoveTo(b.roots[b.IntN(len(b.roots))]))
				b.touch()
			}
		}
		do("moved back", b.tree.MoveTo(root))
		if b.IntN(2) == 0 {
			b.touch()
		}
	case 8, 9:
		s, err := b.tree.Begin(Block{Branch: b.branch, Number: b.number + 1, Time: b.now + 1000})
		do("began a block", err)
		for _, tx := range txs[:b.IntN(len(txs)+1)] {
			_, err := s.Run(tx)
			do("ran a transaction", err)
		}
		if b.IntN(2) == 0 {
			_, err := s.Seal()
			do("sealed the block", err)
		}
		do("gave the block up", s.Rollback())
	}
}

func copyDir(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// touch reads, which brings the contract's file to the tree's state.
func (b *wanderer) touch() {
	b.t.Helper()
	rows, err := b.tree.Query(b.t.Context(), "SELECT count(*) FROM guess.t0")
	if err != nil {
		if strings.Contains(err.Error(), "guess") { // before the deploy there is none
			return
		}
		b.t.Fatal(err)
	}
	for rows.Next() {
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		b.t.Fatal(err)
	}
}
