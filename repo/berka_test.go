package repo_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/repo"
)

// berka is the folder with the real bank data: 30,200 transactions of a Czech
// bank, 1993-1998 (PKDD'99, Petr Berka and Marta Sochorova).
func berka(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("AERGO_TESTDATA")
	if dir == "" {
		t.Skip("the real bank data is not here: set AERGO_TESTDATA to the folder that holds berka/trans_test.csv")
	}
	path := filepath.Join(dir, "berka", "trans_test.csv")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the real bank data is not here: %v", err)
	}
	return path
}

// postings reads the file as calls of the bank contract: opens, then postings.
func postings(t testing.TB, path string) (opens, posts []repo.Call) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := csv.NewReader(f)
	in.Comma, in.LazyQuotes = ';', true
	if _, err := in.Read(); err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		account, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		amount, err := strconv.ParseInt(strings.Replace(row[5], ".", "", 1), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if row[3] != "credit" {
			amount = -amount
		}
		day, err := time.Parse("060102", row[2])
		if err != nil {
			t.Fatal(err)
		}
		if !seen[account] {
			seen[account] = true
			opens = append(opens, repo.Call{Contract: "bank", Action: "open", Args: args{"id": account, "floor": int64(-1_000_000_00)}})
		}
		posts = append(posts, repo.Call{Contract: "bank", Action: "post", Args: args{
			"id": row[0], "account": account, "day": day.Format("2006-01-02"), "amount": amount, "text": row[4]}})
	}
	if len(posts) != 30200 || len(opens) != 354 {
		t.Fatalf("the file has %d transactions of %d accounts, not the 30,200 of 354 that this test is about", len(posts), len(opens))
	}
	return opens, posts
}

func bankSource(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../examples/bank/bank.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// load writes calls in blocks of 1000 and demands that each succeeds.
func (s *story) load(branch string, calls []repo.Call) {
	s.Helper()
	w, err := s.NewWriter(s.key, branch, 0, func(line int, _ repo.Result, err error) {
		if err != nil {
			s.Errorf("line %d: %v", line, err)
		}
	})
	if err != nil {
		s.Fatal(err)
	}
	for i, c := range calls {
		if err := w.Add(ctx, i+1, c); err != nil {
			s.Fatal(err)
		}
	}
	if err := w.Close(ctx); err != nil {
		s.Fatal(err)
	}
}

// TestBerka is the life of a real bank: every transaction of the file as a
// signed call, the sums that sqlite3 computes from the file, a branch that is
// merged, and everything executed again.
func TestBerka(t *testing.T) {
	path := berka(t)
	opens, posts := postings(t, path)
	s := begin(t, repo.Options{})
	s.deploy("", "bank", bankSource(t))
	began := time.Now()
	s.load("", opens)
	s.load("", posts)
	t.Logf("loaded %d signed calls in %v", len(opens)+len(posts), time.Since(began).Round(time.Millisecond))

	if got := s.query("", "SELECT sum(balance), count(*) FROM bank.account"); got != "1501284620|354\n" {
		t.Errorf("the bank holds %s, the file says 15,012,846.20 over 354 accounts", got)
	}
	if got := s.query("", "SELECT count(*) FROM bank.account WHERE balance < 0"); got != "2\n" {
		t.Errorf("%s accounts are below zero", got)
	}
	perAccount := s.query("", "SELECT id, balance FROM bank.account ORDER BY id")
	if want, ok := sumsBySqlite(t, path); ok && want != perAccount {
		t.Errorf("sqlite3 computes other sums from the file")
	}

	// A branch with 1,000 more postings comes back by an automatic merge.
	if _, err := s.CreateBranch("audit", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	var more []repo.Call
	for i, c := range posts[:1000] {
		more = append(more, repo.Call{Contract: "bank", Action: "post", Args: args{
			"id": fmt.Sprintf("audit-%d", i), "account": c.Args["account"], "day": "1999-01-01", "amount": int64(100), "text": "audit"}})
	}
	s.load("audit", more)
	s.call("", "bank", "post", args{"id": "main-1", "account": posts[0].Args["account"], "day": "1999-01-01", "amount": int64(5)})
	m, err := s.Merge(ctx, s.key, "audit", repo.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Kind != "automatic" || m.Included != 1000 || m.Excluded != 0 {
		t.Errorf("merge: %s, %d included, %d excluded", m.Kind, m.Included, m.Excluded)
	}
	if got := s.query("", "SELECT sum(balance) FROM bank.account"); got != "1501384625\n" {
		t.Errorf("after the merge the bank holds %s", got)
	}
	began = time.Now()
	report := s.verify()
	t.Logf("verified in %v: %+v", time.Since(began).Round(time.Millisecond), report)
	if report.Executed != report.Transactions || report.Transactions != 1+354+30200+1000+1+1000 {
		t.Errorf("verified %+v", report)
	}
}

// sumsBySqlite lets stock sqlite3 compute the sums from the file.
func sumsBySqlite(t *testing.T, path string) (string, bool) {
	t.Helper()
	if _, err := exec.LookPath("sqlite3"); err != nil {
		if os.Getenv("AERGO_REQUIRE_JUDGES") != "" {
			t.Fatal("sqlite3 is required as a judge and is not here")
		}
		t.Log("SKIPPED JUDGE: sqlite3 is not here")
		return "", false
	}
	cmd := exec.Command("sqlite3", ":memory:", "-cmd", ".separator ;", "-cmd", ".import "+path+" trans", "-cmd", ".separator |",
		"SELECT account_id, sum(CASE type WHEN 'credit' THEN 1 ELSE -1 END * CAST(replace(amount, '.', '') AS INTEGER)) FROM trans GROUP BY 1 ORDER BY CAST(account_id AS INTEGER)")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sqlite3: %v %s", err, errs.String())
	}
	return string(out), true
}
