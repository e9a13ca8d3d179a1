package sqltest

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Suffix ends the name of every test file: shop_test.sql tests shop.sql.
const Suffix = "_test.sql"

// start is when every test begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Run runs a test file of a folder. What is wrong with the file or a contract is
// in the report; only an interrupted context ends it early, and is there too.
func Run(ctx context.Context, dir fs.FS, name string, o Options) File {
	f := File{Name: name, Contract: strings.TrimSuffix(name, Suffix)}
	f.Err = f.run(ctx, dir, o)
	return f
}

func (f *File) run(ctx context.Context, dir fs.FS, o Options) (err error) {
	text, err := read(dir, f.Name, maxFile)
	if err != nil {
		return err
	}
	s, err := parse(f.Name, f.Contract, text)
	if err != nil {
		return err
	}
	chosen := make([]int, 0, len(s.tests))
	for i, t := range s.tests {
		if o.Match == nil || o.Match.MatchString(t.name) {
			chosen = append(chosen, i)
		}
	}
	f.Skipped = len(s.tests) - len(chosen)
	f.Tests = make([]Test, len(chosen))
	var next atomic.Int64 // the first of chosen that nobody has taken
	var all group
	for range workers(len(chosen)) {
		all.Go(func() error {
			w, err := newWorld(ctx, dir, s, false)
			if err != nil {
				return err
			}
			defer w.close()
			for i := next.Add(1) - 1; i < int64(len(chosen)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				f.Tests[i] = w.test(chosen[i])
			}
			all.mu.Lock()
			defer all.mu.Unlock()
			f.add(w.cover)
			return ctx.Err()
		})
	}
	if err := all.Wait(); err != nil {
		f.Tests = nil
		return err
	}
	return nil
}

// workers is how many ledgers share the tests of a file. One more ledger costs
// as much as a few tests.
func workers(tests int) int { return max(1, min(runtime.GOMAXPROCS(0), tests/testsPerWorker)) }

// group runs functions side by side and keeps the first error, or panic.
type group struct {
	wait  sync.WaitGroup
	mu    sync.Mutex // guards err and bug, and what the functions share
	err   error
	panic any
}

func (g *group) Go(fn func() error) {
	g.wait.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.panic = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
		}()
		if err := fn(); err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.err == nil {
				g.err = err
			}
		}
	})
}

// Wait waits for all. A panic goes on in the caller, who may recover it.
func (g *group) Wait() error {
	g.wait.Wait()
	if g.panic != nil {
		panic(g.panic)
	}
	return g.err
}

// read reads a text file of the folder.
func read(dir fs.FS, name string, limit int64) (string, error) {
	file, err := dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fault.New("AG0220", "A test stands beside its contract: shop_test.sql beside shop.sql.", "there is no file %s", name)
	}
	if err != nil {
		return "", fault.New("AG0220", "", "%s cannot be read: %w", name, err)
	}
	defer func() { _ = file.Close() }() // read only
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return "", fault.New("AG0220", "", "%s cannot be read: %w", name, err)
	}
	if int64(len(b)) > limit {
		return "", fault.New("AG0119", "", "%s is over %d bytes", name, limit)
	}
	return string(b), nil
}

// world is the ledger of one file, and where the running test stands in it.
type world struct {
	ctx    context.Context
	dir    fs.FS
	script *script
	repo   *repo.Repository
	owner  crypto.Signer

	random *rand.ChaCha8
	now    time.Time

	prefix string   // of the names of the test's branches in the ledger
	branch string   // the current one, as the test calls it
	last   *receipt // of the last CALL
	why    string   // it was refused, if it was: what it met
	step   step     // the running one

	cover   *cover    // nil in a mirror
	mirror  *world    // the same ledger with scans that run backwards; nil until it is needed
	choosy  bool      // the order of rows could matter in every test
	several []several // of the running test
	marks   []mark    // of the running test
}

// receipt is what the last call left.
type receipt struct {
	name   string
	events []sqlcontract.Event
}

// newWorld makes a ledger with the contract deployed and the personas writing;
// in a mirror, scans run backwards.
func newWorld(ctx context.Context, dir fs.FS, s *script, mirror bool) (*world, error) {
	w := &world{ctx: ctx, dir: dir, script: s, owner: keyOf(owner), now: start, branch: "main", choosy: choosy(s.text)}
	w.seed("")
	var err error
	w.repo, err = repo.InMemory(w.owner, repo.Options{
		Now:          func() time.Time { return w.now },
		Random:       readerFunc(func(p []byte) (int, error) { return w.random.Read(p) }),
		ReverseScans: mirror,
	})
	if err != nil {
		return nil, err
	}
	w.repo.Observe(w.observe)
	if err := w.begin(); err != nil {
		_ = w.repo.Close() // the first error counts
		return nil, err
	}
	if mirror {
		return w, nil
	}
	c, _, err := w.repo.Contract("main", s.contract)
	if err != nil {
		return nil, errors.Join(err, w.repo.Close())
	}
	w.cover = newCover(c)
	return w, nil
}

// close ends the ledger, and its mirror. They are in memory: nothing is lost.
func (w *world) close() {
	if w.mirror != nil {
		w.mirror.close()
	}
	_ = w.repo.Close()
}

// begin makes the state in which every test begins.
func (w *world) begin() error {
	for _, p := range w.script.personas {
		if err := w.repo.GrantRole(w.ctx, w.owner, "writer", "*", accountOf(p)); err != nil {
			return err
		}
	}
	// What the contract uses has to be there before it, what uses it after.
	uses, err := w.uses()
	if err != nil {
		return err
	}
	others := func(before bool) error {
		for _, d := range w.script.deploys {
			if slices.Contains(uses, d.do.(deploy).name) != before {
				continue
			}
			w.step = d
			if err := d.do.run(w); err != nil {
				return err
			}
		}
		return nil
	}
	if err := others(true); err != nil {
		return err
	}
	if err := w.deploy(w.script.contract); err != nil {
		return err
	}
	return others(false)
}

// uses lists the contracts that the tested one calls.
func (w *world) uses() (names []string, err error) {
	source, err := read(w.dir, w.script.contract+".sql", maxContract)
	if err != nil {
		return nil, err
	}
	c, err := sqlcontract.Compile(w.script.contract, source)
	if err != nil {
		return nil, err
	}
	for _, u := range c.Uses {
		names = append(names, u.Contract)
	}
	return names, nil
}

// readerFunc is a function that reads.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// seed begins the randomness of a test anew: salts, blinds and branch ids come
// from its name alone.
func (w *world) seed(name string) {
	w.random = rand.NewChaCha8(sha256.Sum256([]byte("aergo test " + name)))
}

// keyOf is the key of a persona; everybody can make it, nothing is secret here.
func keyOf(persona string) crypto.Signer {
	seed := sha256.Sum256([]byte("aergo test persona " + persona))
	return ed25519.NewKeyFromSeed(seed[:])
}

// accountOf is the account of a persona.
func accountOf(persona string) objectstore.Account { return repo.AccountOf(keyOf(persona)) }

// names shows accounts in a message as the file writes them: @bob.
func (s *script) names() *strings.Replacer {
	var pairs []string
	for _, p := range append([]string{owner}, s.personas...) {
		account := string(accountOf(p))
		pairs = append(pairs, "'"+account+"'", "@"+p, account, "@"+p)
	}
	return strings.NewReplacer(pairs...)
}

// test runs one test and says what became of it.
func (w *world) test(i int) Test {
	t := w.script.tests[i]
	began := time.Now()
	err := w.play(i, t)
	took := time.Since(began)
	var warning string
	if err == nil {
		warning, err = w.ordered(i, t)
	}
	names := w.script.names()
	if f := fault.Of(err); f != nil {
		f.What = names.Replace(f.What)
	}
	return Test{Name: t.name, Line: t.line, Err: err, Took: took, Warning: names.Replace(warning)}
}

// play runs one test on branches of its own.
func (w *world) play(i int, t test) error {
	w.seed(t.name)
	w.now, w.prefix, w.branch, w.last = start, fmt.Sprintf("t%d-", i+1), "main", nil
	w.marks, w.several = nil, nil
	if _, err := w.repo.CreateBranch(w.real("main"), "main", w.owner, false); err != nil {
		return err
	}
	for _, s := range t.steps {
		w.step = s
		if err := s.do.run(w); err != nil {
			return err
		}
	}
	return nil
}

// real is the name in the ledger of what the test calls a branch.
func (w *world) real(name string) string { return w.prefix + name }

// deploy puts NAME.sql in force.
func (w *world) deploy(name string) error {
	source, err := read(w.dir, name+".sql", maxContract)
	if err != nil {
		return err
	}
	if _, err := sqlcontract.Compile(name, source); err != nil {
		return err
	}
	w.choosy = w.choosy || choosy(source)
	if _, err := w.repo.Deploy(w.ctx, w.owner, w.real(w.branch), name, source); err != nil {
		return err
	}
	return nil
}

// failed is why the running step failed: what stands at off did not hold.
func (w *world) failed(off int, format string, args ...any) error {
	return w.script.failAt(off, fmt.Sprintf(format, args...), nil)
}

// trouble puts the place of the running step before an error.
func (w *world) trouble(err error) error {
	if err == nil || w.ctx.Err() != nil {
		return err
	}
	what := err.Error()
	if f := fault.Of(err); f != nil && f.ID != "" {
		what = f.ID + " " + what
	}
	return w.script.failAt(w.step.off, what, err)
}
