package repo_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// journal is a contract that shows half a transaction: every entry is also in
// the sum.
const journal = `
DIALECT 1;
CREATE TABLE entry (id TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE total (one INTEGER PRIMARY KEY, n INTEGER NOT NULL, entries INTEGER NOT NULL);
CREATE ACTION add(:id TEXT, :n INTEGER) PUBLIC AS
BEGIN
  INSERT INTO entry VALUES (:id, :n);
  INSERT INTO total VALUES (1, :n, 1) ON CONFLICT(one) DO UPDATE SET n = n + excluded.n, entries = entries + 1;
END;
`

// journalAfter is journal with entries that another DEFAULT lays out anew, to
// replace a version.
func journalAfter(version int) string {
	s := strings.Replace(journal, "n INTEGER NOT NULL);", fmt.Sprintf("mark INTEGER NOT NULL DEFAULT %d, n INTEGER NOT NULL);", version), 1)
	s = strings.Replace(s, "INSERT INTO entry VALUES", "INSERT INTO entry(id, n) VALUES", 1)
	return s + fmt.Sprintf("MIGRATION FROM %d AS BEGIN INSERT INTO entry(id, n) SELECT id, n FROM old.entry; END;\n", version)
}

// whole asks a branch whether entries and sum agree.
const whole = `SELECT (SELECT count(*) FROM journal.entry), (SELECT coalesce(sum(n), 0) FROM journal.entry),
	coalesce((SELECT entries FROM journal.total), 0), coalesce((SELECT n FROM journal.total), 0)`

func entry(branch, id string, n int64) repo.Call {
	return repo.Call{Branch: branch, Contract: "journal", Action: "add", Args: args{"id": id, "n": n}}
}

// soak is how long the tests here run beyond their usual length.
func soak() time.Duration {
	d, _ := time.ParseDuration(os.Getenv("AERGO_SOAK"))
	return d
}

// The variables of the child process that is killed: what it does, and where.
const (
	crashMode = "AERGO_TEST_CRASH"
	crashDir  = "AERGO_TEST_CRASH_DIR"
	crashSeed = "AERGO_TEST_CRASH_SEED"
)

// TestCrashChild is no test: it is the process that TestKilled and
// TestKilledInInit kill. It tells what was acknowledged to it, a line each,
// before it goes on.
func TestCrashChild(t *testing.T) {
	mode := os.Getenv(crashMode)
	if mode == "" {
		t.Skip("no test of its own: TestKilled and TestKilledInInit run it as the process that they kill, at every go test")
	}
	dir, key := os.Getenv(crashDir), keyOf("alice")
	if mode == "init" {
		fmt.Println("GO")
		if _, err := repo.Init(dir, key, repo.Options{}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("ACK init")
		return
	}
	var seed uint64
	if _, err := fmt.Sscan(os.Getenv(crashSeed), &seed); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	r, err := repo.Open(dir, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("GO")
	for step := 0; ; step++ {
		branch := []string{"main", "eu"}[rng.IntN(2)]
		id := func(i int) string { return fmt.Sprintf("%d-%d-%d", seed, step, i) }
		switch k := rng.IntN(10); {
		case k == 0:
			m, err := r.Merge(ctx, key, map[string]string{"main": "eu", "eu": "main"}[branch], repo.MergeOptions{Into: branch})
			if err != nil {
				t.Fatal(err)
			}
			if !m.Block.IsZero() {
				fmt.Println("ACK block", branch, m.Block)
			}
		case k == 1:
			name := fmt.Sprintf("c%d_%d", seed%1_000_000, step)
			res, err := r.Deploy(ctx, key, branch, name, journal)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("ACK tx", branch, res.Block, res.Transaction, "-")
		case k == 2:
			_, info, err := r.Contract(branch, "journal")
			if err != nil {
				t.Fatal(err)
			}
			res, err := r.Deploy(ctx, key, branch, "journal", journalAfter(info.Version))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("ACK block", branch, res.Block)
		case k < 6:
			res, err := r.Call(ctx, key, entry(branch, id(0), rng.Int64N(100)))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("ACK tx", branch, res.Block, res.Transaction, id(0))
		default:
			w, err := r.NewWriter(key, branch, 1+rng.IntN(40), func(line int, res repo.Result, err error) {
				if err != nil {
					t.Errorf("line %d: %v", line, err)
				}
				fmt.Println("ACK tx", branch, res.Block, res.Transaction, id(line))
			})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 1 + rng.IntN(120) {
				if err := w.Add(ctx, i, entry(branch, id(i), rng.Int64N(100))); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// kill runs the child and kills it some time after it said GO. It gives the
// whole lines that the child acknowledged, and whether it ended by itself.
func kill(t *testing.T, after time.Duration, env ...string) (acked []string, ended bool) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.v")
	child.Env = append(os.Environ(), env...)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	var said []string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break // what has no end was not said
		}
		if line == "GO\n" {
			time.AfterFunc(after, func() { _ = child.Process.Kill() })
		}
		said = append(said, line)
		if text, ok := strings.CutPrefix(line, "ACK "); ok {
			acked = append(acked, strings.TrimSuffix(text, "\n"))
		}
	}
	err = child.Wait()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == -1) {
		t.Fatalf("the child failed by itself: %v\n%s", err, strings.Join(said, ""))
	}
	return acked, err == nil
}

// TestKilled kills a process that writes to two branches, again and again, and
// holds that everything that was acknowledged is there, nothing is half there,
// and the ledger goes on.
func TestKilled(t *testing.T) {
	seed := rand.Uint64N(1 << 40)
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	s := begin(t, repo.Options{})
	s.deploy("", "journal", journal)
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	until, total := time.Now().Add(soak()), 0
	entries := map[string]map[string]bool{"main": {}, "eu": {}}
	for round := 0; round < 5 || time.Now().Before(until); round++ {
		after := time.Duration(rng.IntN(400)) * time.Millisecond
		acked, _ := kill(t, after, crashMode+"=write", crashDir+"="+s.dir, fmt.Sprint(crashSeed, "=", seed+uint64(round)))
		total += len(acked)
		if rng.IntN(4) == 0 { // a cache
			if err := os.RemoveAll(filepath.Join(s.dir, ".aergo", "work")); err != nil {
				t.Fatal(err)
			}
		}
		r, err := repo.Open(s.dir, repo.Options{})
		if err != nil {
			t.Fatalf("round %d: after the kill: %v", round, err)
		}
		s.Repository = r
		s.holds(acked, entries)
		for _, branch := range []string{"main", "eu"} {
			s.whole(branch)
			id := fmt.Sprintf("parent-%d", round)
			s.call(branch, "journal", "add", args{"id": id + branch, "n": int64(1)})
			entries[branch][id+branch] = true
			s.whole(branch)
		}
		if _, err := s.Verify(ctx, repo.VerifyOptions{Full: round%4 == 3}); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total == 0 {
		t.Error("nothing was acknowledged before any kill: the test is too tame")
	}
	t.Logf("%d acknowledgements", total)
}

// holds checks the lines that a child was told. entries are the ids that a
// branch has to hold, those of earlier children among them.
func (s *story) holds(acked []string, entries map[string]map[string]bool) {
	s.Helper()
	for i, line := range acked {
		f := strings.Fields(line)
		base, err := s.MergeBase(f[2], f[1])
		if err != nil || base.String() != f[2] {
			s.Errorf("acknowledged block %s is not in the history of %s: %v", f[2], f[1], err)
		}
		if f[0] == "block" {
			continue
		}
		if f[4] != "-" {
			entries[f[1]][f[4]] = true
		}
		if i%7 != 0 && i < len(acked)-45 {
			continue // the last ones are the interesting ones
		}
		info, err := s.Transaction(f[3])
		if err != nil {
			s.Errorf("acknowledged transaction %s: %v", f[3], err)
			continue
		}
		if !slices.ContainsFunc(info.Blocks, func(b objectstore.Hash) bool { return b.String() == f[2] }) ||
			info.Receipt.Transaction.String() != f[3] || info.Receipt.Status != sqlcontract.StatusOK {
			s.Errorf("acknowledged transaction %s shows %+v", f[3], info.Receipt)
		}
	}
	for branch, want := range entries {
		have := map[string]bool{}
		for _, id := range strings.Fields(s.query(branch, "SELECT id FROM journal.entry")) {
			have[id] = true
		}
		for id := range want {
			if !have[id] {
				s.Errorf("%s has lost entry %s", branch, id)
			}
		}
	}
}

// whole checks that no transaction is half there.
func (s *story) whole(branch string) {
	s.Helper()
	got := strings.Split(strings.TrimSpace(s.query(branch, whole)), "|")
	if got[0] != got[2] || got[1] != got[3] {
		s.Fatalf("%s holds half a transaction: entries %s, sum %s, the total says %s, %s", branch, got[0], got[1], got[2], got[3])
	}
}

// TestKilledInInit kills the making of a ledger. Either there is a good ledger,
// or there is none and Init makes one.
func TestKilledInInit(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	made, unmade := 0, 0
	until := time.Now().Add(soak() / 4)
	for round := 0; round < 6 || time.Now().Before(until); round++ {
		dir := filepath.Join(t.TempDir(), "books")
		after := time.Duration(rng.IntN(40_000)) * time.Microsecond
		acked, _ := kill(t, after, crashMode+"=init", crashDir+"="+dir)
		r, err := repo.Open(dir, repo.Options{})
		if err == nil {
			made++
		} else if len(acked) > 0 {
			t.Fatalf("the ledger was acknowledged: %v", err)
		} else if !fault.Is(err, "AG0204") {
			t.Fatalf("opening what is left of Init: %v", err)
		} else if r, err = repo.Init(dir, keyOf("alice"), repo.Options{}); err != nil {
			t.Fatalf("making the ledger again: %v", err)
		} else {
			unmade++
		}
		s := &story{T: t, Repository: r, key: keyOf("alice"), dir: dir}
		s.deploy("", "journal", journal)
		s.call("", "journal", "add", args{"id": "x", "n": int64(1)})
		s.verify()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the ledger was there %d times, not there %d times", made, unmade)
}

// power is the story of TestPowerFails. It calls acked after each step.
func power(s *story, acked func(step int)) error {
	step := 0
	done := func(err error) error {
		if err == nil {
			acked(step)
		}
		step++
		return err
	}
	_, err := s.Deploy(ctx, s.key, "", "journal", journal)
	if err := done(err); err != nil {
		return err
	}
	_, err = s.CreateBranch("eu", "", s.key, false)
	if err := done(err); err != nil {
		return err
	}
	for i := range 6 {
		branch := []string{"main", "eu"}[i%2]
		_, err := s.Call(ctx, s.key, entry(branch, fmt.Sprint("call-", i), 1))
		if err := done(err); err != nil {
			return err
		}
		if i == 3 {
			_, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{Into: "main"})
			if err := done(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestPowerFails stops the machine at random operations on the disk, with none,
// some or all of the unsynced bytes on it, while a ledger is written. What was
// acknowledged is there, whatever has become of the working tree.
func TestPowerFails(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	var total atomic.Int64
	count := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(errorfs.Op) error { total.Add(1); return nil }))
	s := &story{T: t, key: keyOf("alice"), dir: t.TempDir()}
	r, err := repo.InitOn(count, s.dir, s.key, fixed(seed))
	if err != nil {
		t.Fatal(err)
	}
	s.Repository = r
	heads := []string{s.heads()} // after Init and each step: the same in each run
	if err := power(s, func(int) { heads = append(heads, s.heads()) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(soak())
	for round := 0; round < 12 || time.Now().Before(until); round++ {
		at := rng.Int64N(total.Load())
		percent := []int{0, 50, 100}[rng.IntN(3)]
		mem := vfs.NewCrashableMem()
		var disk *vfs.MemFS
		var ops, acked atomic.Int64
		ackedThen := int64(0)
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(errorfs.Op) error {
			if ops.Add(1)-1 == at {
				ackedThen = acked.Load()
				disk = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
			}
			return nil
		}))
		s, o := &story{T: t, key: keyOf("alice"), dir: t.TempDir()}, fixed(seed)
		if s.Repository, err = repo.InitOn(fs, s.dir, s.key, o); err != nil {
			t.Fatal(err)
		}
		acked.Store(1)
		if err := power(s, func(int) { acked.Add(1) }); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if disk == nil {
			continue // this run had fewer operations in the background
		}
		where := fmt.Sprintf("operation %d of %d, %d %% of what was not synced", at, total.Load(), percent)
		// The working tree is lost, or is that of a time that never came.
		if rng.IntN(2) == 0 {
			if err := os.RemoveAll(filepath.Join(s.dir, ".aergo", "work")); err != nil {
				t.Fatal(err)
			}
		}
		s.Repository, err = repo.OpenOn(disk, s.dir, o)
		if err != nil {
			if ackedThen > 0 {
				t.Errorf("%s: %v", where, err)
			}
			continue
		}
		now := s.heads()
		step := slices.Index(heads, now)
		if step < 0 {
			t.Errorf("%s: the heads are none that the ledger ever had: %s", where, now)
		}
		if int64(step)+1 < ackedThen {
			t.Errorf("%s: it is at step %d, %d were acknowledged", where, step+1, ackedThen)
		}
		if step > 0 {
			s.whole("main")
			s.call("main", "journal", "add", args{"id": "after", "n": int64(1)})
			s.whole("main")
		}
		if _, err := s.Verify(ctx, repo.VerifyOptions{Full: true}); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// heads is every branch with its head.
func (s *story) heads() string {
	s.Helper()
	branches, err := s.Branches()
	if err != nil {
		s.Fatal(err)
	}
	out := ""
	for _, b := range branches {
		out += b.Name + " " + b.Head.String() + "\n"
	}
	return out
}
