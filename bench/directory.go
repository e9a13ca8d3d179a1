package main

import (
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

// directory measures a ledger of 10,000 branches, 1,000 identities and 5,000
// grants: permissions against a map of Go and against SQLite with the same
// grants, its verification against plain verification of as many signatures, the
// repository and whole commands.
func directory(b *bench) error {
	bin, err := build(b)
	if err != nil {
		return err
	}
	s, err := newShell(b, bin)
	if err != nil {
		return err
	}
	if err := steps(s, "init ."); err != nil {
		return err
	}
	loaded, err := repo.LoadKey(filepath.Join(s.dir, "keys", "default"), nil)
	if err != nil {
		return err
	}
	key := loaded.(ed25519.PrivateKey)
	if err := manyDirectory(s.dir, key); err != nil {
		return err
	}
	if err := permissions(b, s.dir); err != nil {
		return err
	}
	if err := opening(s.dir); err != nil {
		return err
	}
	return directoryCommands(s)
}

// each gives the CPU time of one of n runs, in all processors.
func each(n int, fn func(i int) error) (time.Duration, error) {
	before := processTime()
	for i := range n {
		if err := fn(i); err != nil {
			return 0, err
		}
	}
	return (processTime() - before) / time.Duration(n), nil
}

// permissions measures on the open store.
func permissions(b *bench, dir string) (err error) {
	db, err := objectstore.Open(filepath.Join(dir, ".aergo", "db"), objectstore.Options{NodeHash: prolly.NodeHash})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var s dd.State
	var d *dd.Directory
	open, err := each(200, func(int) error {
		if d, err = dd.Open(db, db); err != nil {
			return err
		}
		s, err = d.Head()
		return err
	})
	if err != nil {
		return err
	}
	figure("dd.Open and Head, nothing cached", open, "CPU, as all below")
	lookup, err := each(50_000, func(i int) error {
		_, ok, err := s.BranchNamed(manyName(i % 100))
		if err == nil && !ok {
			err = fmt.Errorf("no branch %s", manyName(i%100))
		}
		return err
	})
	if err != nil {
		return err
	}
	figure("look a branch up by its name", lookup, "")
	o, err := newOthers(b, s)
	if err != nil {
		return err
	}
	defer o.close()
	if err := decisions(s, o); err != nil {
		return err
	}
	if err := chain(db, s); err != nil {
		return err
	}
	return directorySize(db, d, s, dir)
}

// decisions measures Decide and the same question asked of the others.
func decisions(s dd.State, o *others) error {
	owner, stranger := s.Owner(), repo.AccountOf(memberKey(-1))
	for _, c := range []struct {
		who     string
		account objectstore.Account
		right   dd.Right
		want    bool
	}{
		{"the owner writes", owner, dd.RightWrite, true},
		{"a writer writes", memberOf(77), dd.RightWrite, true},
		{"one with 1,000 patterns reads", memberOf(0), dd.RightRead, true},
		{"one with 1,000 patterns may not write", memberOf(0), dd.RightWrite, false},
		{"a member may not read", memberOf(77), dd.RightRead, false},
		{"a stranger may not read", stranger, dd.RightRead, false},
		{"a stranger may not write", stranger, dd.RightWrite, false},
	} {
		name := manyName(77 + 100*41)
		switch {
		case c.account == memberOf(0):
			name = manyName(4321)
		case !c.want:
			name = manyName(78 + 100*41)
		}
		known, _, err := s.BranchNamed(name)
		if err != nil {
			return err
		}
		q := dd.Question{Account: c.account, Right: c.right, Branch: known.ID}
		ours, err := each(20_000, func(int) error {
			if err := dd.Decide(s, q); (err == nil) != c.want {
				return fmt.Errorf("%s: %w", c.who, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		roles := []string{"writer", "producer"}
		if c.right == dd.RightRead {
			roles = []string{"reader", "writer", "producer", "admin"}
		}
		inMap, err := each(200_000, func(int) error { return o.check(o.inMap(c.account, name, roles), c.want || c.account == owner) })
		if err != nil {
			return err
		}
		inSQL, err := each(5_000, func(int) error {
			ok, err := o.inSQL(c.account, name, roles)
			return errors.Join(err, o.check(ok, c.want))
		})
		if err != nil {
			return err
		}
		figure("Decide: "+c.who, ours, fmt.Sprintf("a map of Go %v, SQLite %v: ours / SQLite = %.2f", inMap, inSQL, float64(ours)/float64(inSQL)))
	}
	return nil
}

// others are the same grants in a map of Go and in a table of SQLite. Both are
// asked for the roles under each pattern that covers a name.
type others struct {
	grants map[string]bool
	db     *sql.DB
	ask    *sql.Stmt
}

func newOthers(b *bench, s dd.State) (*others, error) {
	dir, err := b.fresh()
	if err != nil {
		return nil, err
	}
	roles, err := s.Roles()
	if err != nil {
		return nil, err
	}
	o := &others{grants: map[string]bool{}}
	if o.db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, "grants.db")); err != nil {
		return nil, err
	}
	o.db.SetMaxOpenConns(1)
	if _, err := o.db.Exec("CREATE TABLE g (account TEXT, role TEXT, pattern TEXT, PRIMARY KEY (account, role, pattern)) STRICT, WITHOUT ROWID; BEGIN"); err != nil {
		return nil, err
	}
	for _, g := range roles {
		o.grants[string(g.Account)+" "+string(g.Role)+" "+g.Pattern] = true
		if _, err := o.db.Exec("INSERT INTO g VALUES (?, ?, ?)", string(g.Account), string(g.Role), g.Pattern); err != nil {
			return nil, err
		}
	}
	if _, err := o.db.Exec("COMMIT"); err != nil {
		return nil, err
	}
	o.ask, err = o.db.Prepare("SELECT count(*) FROM g WHERE account = ? AND role IN (?, ?, ?, ?) AND pattern IN (?, ?, '*')")
	return o, err
}

func (o *others) close() { _ = o.db.Close() }

func (o *others) inMap(a objectstore.Account, name string, roles []string) bool {
	region, _, _ := strings.Cut(name, "/")
	for _, pattern := range []string{name, region + "/*", "*"} {
		for _, r := range roles {
			if o.grants[string(a)+" "+r+" "+pattern] {
				return true
			}
		}
	}
	return false
}

func (o *others) inSQL(a objectstore.Account, name string, roles []string) (bool, error) {
	region, _, _ := strings.Cut(name, "/")
	r := append(append([]string{}, roles...), roles...) // four of them
	var n int
	err := o.ask.QueryRow(string(a), r[0], r[1], r[2], r[3], name, region+"/*").Scan(&n)
	return n > 0, err
}

func (o *others) check(got, want bool) error {
	if got != want {
		return fmt.Errorf("the alternative says %v", got)
	}
	return nil
}

// chain measures the verification of the whole chain, and of as many signatures
// without anything else.
func chain(db *objectstore.DB, s dd.State) error {
	head, ledger := s.Block(), s.Ledger()
	operations := manyIdentities + manyBranches + manyGrants + manyTags + manyRevoked
	signatures := operations + int(head.Number) + 1
	key := memberKey(0)
	var sigs []sign.Signature
	var ids []objectstore.Hash
	for i := range signatures {
		id := objectstore.Sum(objectstore.KindDirectoryOp, fmt.Append(nil, i))
		sig, err := sign.Sign(key, sign.PurposeDirectory, ledger, id)
		if err != nil {
			return err
		}
		sigs, ids = append(sigs, sig), append(ids, id)
	}
	single, err := each(1, func(int) error {
		for i := range sigs {
			if err := sign.Verify(sigs[i], sign.PurposeDirectory, ledger, ids[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	batch, err := each(1, func(int) error {
		v := sign.Batch{Keys: sign.NewKeyCache(512)}
		for i := range sigs {
			v.Add(sigs[i], sign.PurposeDirectory, ledger, ids[i])
		}
		return v.Verify()
	})
	if err != nil {
		return err
	}
	var wall time.Duration
	ours, err := each(3, func(int) error {
		began := time.Now()
		_, err := dd.VerifyChain(db, ledger, head.ID)
		wall = time.Since(began)
		return err
	})
	if err != nil {
		return err
	}
	ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	figure(fmt.Sprintf("VerifyChain: %d operations in %d blocks", operations, head.Number+1), ms(ours),
		fmt.Sprintf("%v on the clock; plain ed25519 of %d signatures: %v singly, %v in batches; ours / singly = %.2f", ms(wall), signatures, ms(single), ms(batch), float64(ours)/float64(single)))
	return nil
}

// directorySize adds up what the directory takes, record by record.
func directorySize(db *objectstore.DB, d *dd.Directory, s dd.State, dir string) error {
	var blocks, seals, nodes, all int64
	seen := map[objectstore.Hash]bool{}
	for b, err := range d.Log() {
		if err != nil {
			return err
		}
		sealed, err := d.Sealed(b.ID)
		if err != nil {
			return err
		}
		blocks, seals = blocks+int64(len(sealed.Data)), seals+int64(len(sealed.Seal))
		err = prolly.Load(prolly.NewCache(db, 1<<20), b.State).Objects(func(id objectstore.Hash, _ objectstore.Kind) (bool, error) {
			if seen[id] {
				return false, nil
			}
			seen[id] = true
			_, data, err := db.Get(id)
			all += int64(len(data))
			if b.ID == s.Block().ID {
				nodes += int64(len(data))
			}
			return true, err
		})
		if err != nil {
			return err
		}
	}
	records, err := prolly.Load(prolly.NewCache(db, 1<<20), s.Root()).Count()
	if err != nil {
		return err
	}
	mb := func(n int64) string { return fmt.Sprintf("%.2f MB", float64(n)/1e6) }
	per := func(n int64) string { return fmt.Sprintf("%d bytes for each of %d records", n/int64(records), records) }
	figure("directory blocks", mb(blocks), per(blocks))
	figure("their seals", mb(seals), per(seals))
	figure("nodes of the present state", mb(nodes), per(nodes))
	figure("nodes of all states", mb(all), per(all))
	figure("Pebble's files, with 10,000 local branches", mb(size(filepath.Join(dir, ".aergo", "db"))), "before compaction")
	return nil
}

// opening measures repo.Open, with and without the check of the heads.
func opening(dir string) error {
	for _, moved := range []bool{false, true} {
		var wall []time.Duration
		cpu, err := each(9, func(int) error {
			return timed(&wall, func() error {
				r, err := repo.Open(dir, repo.Options{Moved: moved})
				if err != nil {
					return err
				}
				return r.Close()
			})
		})
		if err != nil {
			return err
		}
		what := "repo.Open and Close"
		if moved {
			what += " without the check of heads"
		}
		figure(what, cpu.Round(10*time.Microsecond), fmt.Sprintf("%v on the clock", median(wall).Round(10*time.Microsecond)))
	}
	return nil
}

// directoryCommands measures whole commands.
func directoryCommands(s shell) error {
	out := filepath.Join(s.dir, "out")
	for _, line := range []string{
		"version", "status", "dd verify", "dd show", "dd show --all", "dd show --json", "dd log -n 20", "dd log", "dd export -o " + out, "branch", "identity list", "identity show member-77",
		"query SELECT count(*) FROM dd.branches", "query SELECT * FROM dd.branches", "query SELECT * FROM dd.branches WHERE name = 'r7/b7'", "query SELECT account, count(*) FROM dd.grants GROUP BY 1 ORDER BY 2 DESC LIMIT 3", "query SELECT kind, count(*) FROM dd.log GROUP BY 1",
	} {
		args := strings.Fields(line)
		if verb, text, ok := strings.Cut(line, " SELECT"); ok {
			args = []string{verb, "SELECT" + text}
		}
		cmd := exec.Command(s.bin, args...)
		cmd.Dir, cmd.Env = s.dir, s.env
		began := time.Now()
		text, err := cmd.Output()
		if err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				err = fmt.Errorf("%w: %s", err, exit.Stderr)
			}
			return fmt.Errorf("%s: %w", line, err)
		}
		p := cmd.ProcessState
		figure("aergo "+line, (p.UserTime() + p.SystemTime()).Round(time.Millisecond),
			fmt.Sprintf("%v on the clock, %d lines", time.Since(began).Round(time.Millisecond), strings.Count(string(text), "\n")))
	}
	return os.Remove(out)
}
