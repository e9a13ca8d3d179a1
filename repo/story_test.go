package repo_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

const shop = `
DIALECT 1;
CREATE TABLE item (
  sku   TEXT PRIMARY KEY,
  price INTEGER NOT NULL CHECK (price > 0),
  stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0)
);
CREATE ACTION add_item(:sku TEXT, :price INTEGER, :stock INTEGER DEFAULT 0) OWNER AS
BEGIN
  INSERT INTO item VALUES (:sku, :price, :stock);
END;
CREATE ACTION sell(:sku TEXT, :n INTEGER) PUBLIC RETURNS (total INTEGER) AS
BEGIN
  REQUIRE :n > 0 ELSE 'sell at least one';
  UPDATE item SET stock = stock - :n WHERE sku = :sku;
  LET :price = (SELECT price FROM item WHERE sku = :sku);
  RETURN :price * :n;
END;
CREATE ACTION price(:sku TEXT) PUBLIC READONLY RETURNS (price INTEGER) AS
BEGIN SELECT price FROM item WHERE sku = :sku; END;
`

// keyOf is the key of a person in a test: the same name, the same key.
func keyOf(name string) crypto.Signer {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// fixed are options under which the same actions give the same bytes.
func fixed(seed uint64) repo.Options {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	src := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	return repo.Options{
		Now:    func() time.Time { now = now.Add(time.Second); return now },
		Random: src,
	}
}

type story struct {
	*testing.T
	*repo.Repository
	key crypto.Signer
	dir string
	o   repo.Options
}

var ctx = context.Background()

func begin(t *testing.T, o repo.Options) *story {
	t.Helper()
	s := &story{T: t, key: keyOf("alice"), dir: t.TempDir(), o: o}
	r, err := repo.Init(s.dir, s.key, o)
	if err != nil {
		t.Fatal(err)
	}
	s.Repository = r
	t.Cleanup(func() { _ = s.Repository.Close() })
	return s
}

// reopen closes the ledger, lets something be done to its files, and opens it.
func (s *story) reopen(meanwhile func(dir string)) {
	s.Helper()
	if err := s.Close(); err != nil {
		s.Fatal(err)
	}
	meanwhile(s.dir)
	r, err := repo.Open(s.dir, s.o)
	if code(err) == "AG0556" { // Open has seen it already: now for Verify
		o := s.o
		o.Moved = true
		r, err = repo.Open(s.dir, o)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Repository = r
}

func (s *story) deploy(branch, name, source string) {
	s.Helper()
	if _, err := s.Deploy(ctx, s.key, branch, name, source); err != nil {
		s.Fatal(err)
	}
}

func (s *story) call(branch, contract, action string, args map[string]any) repo.Result {
	s.Helper()
	res, err := s.Call(ctx, s.key, repo.Call{Branch: branch, Contract: contract, Action: action, Args: args})
	if err != nil {
		s.Fatalf("%s.%s on %s: %v", contract, action, branch, err)
	}
	return res
}

// query gives the rows as text, one line each.
func (s *story) query(rev, sql string) string {
	s.Helper()
	rows, err := s.Query(ctx, rev, sql)
	if err != nil {
		s.Fatalf("%s at %q: %v", sql, rev, err)
	}
	defer rows.Close()
	out := ""
	for rows.Next() {
		for i, v := range rows.Values() {
			if i > 0 {
				out += "|"
			}
			out += fmt.Sprint(v)
		}
		out += "\n"
	}
	if err := rows.Err(); err != nil {
		s.Fatalf("%s at %q: %v", sql, rev, err)
	}
	return out
}

func (s *story) verify() repo.VerifyReport {
	s.Helper()
	report, err := s.Verify(ctx, repo.VerifyOptions{Full: true})
	if err != nil {
		s.Fatal(err)
	}
	return report
}

type args = map[string]any

func TestTheSameStockIsNotSoldTwice(t *testing.T) {
	s := begin(t, fixed(1))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)})
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	res := s.call("eu", "shop", "sell", args{"sku": "tea", "n": int64(8)})
	if got := fmt.Sprint(res.Receipt.Rows); got != "[[3200]]" {
		t.Errorf("sell returned %s", got)
	}
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(5)})

	dry, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if dry.Excluded != 1 || m.Excluded != 1 || m.Included != 0 || m.Kind != "automatic" {
		t.Fatalf("merge: %+v, before it: %+v", m, dry)
	}
	v := m.Verdicts[0]
	if v.Code != "AG0411" || v.Included || v.Text != "shop.sell(sku=tea, n=8)" {
		t.Errorf("verdict %+v", v)
	}
	if got := s.query("", "SELECT stock FROM shop.item"); got != "5\n" {
		t.Errorf("stock after the merge: %s", got)
	}
	info, err := s.Transaction(v.Transaction.String())
	if err != nil {
		t.Fatal(err)
	}
	if info.Receipt.Status != sqlcontract.StatusExcluded || info.Block != m.Block {
		t.Errorf("the excluded transaction shows %v in %s", info.Receipt, info.Block.Short())
	}
	again, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{})
	if err != nil || again.Kind != "up to date" {
		t.Errorf("merging again: %+v, %v", again, err)
	}
	report := s.verify()
	if report.Executed != report.Transactions || report.Transactions != 5 {
		t.Errorf("verified %+v", report)
	}
}

func TestProofs(t *testing.T) {
	s := begin(t, fixed(2))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)})
	sold := s.call("", "shop", "sell", args{"sku": "tea", "n": int64(2)})
	ledger := s.Ledger()

	row, err := s.ProveRow(ctx, s.key, "", "shop", "item", []any{"tea"})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := repo.VerifyProof(row, &ledger)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Kind != "row" || fmt.Sprint(rep.Columns, rep.Row) != "[sku price stock] [tea 400 8]" || rep.Branch != "main" {
		t.Errorf("row proof says %+v", rep)
	}
	absent, err := s.ProveRow(ctx, s.key, "", "shop", "item", []any{"coffee"})
	if err != nil {
		t.Fatal(err)
	}
	if rep, err = repo.VerifyProof(absent, &ledger); err != nil || rep.Kind != "absent" {
		t.Errorf("absence: %+v, %v", rep, err)
	}
	tx, err := s.ProveTransaction(ctx, s.key, sold.Transaction.String()[:8])
	if err != nil {
		t.Fatal(err)
	}
	if rep, err = repo.VerifyProof(tx, &ledger); err != nil || rep.Kind != "transaction" || rep.Call != "shop.sell(n=2, sku=tea)" {
		t.Errorf("transaction proof: %+v, %v", rep, err)
	}
	// An older row, through the chain of headers.
	old, err := s.ProveRow(ctx, s.key, "main~1", "shop", "item", []any{"tea"})
	if err != nil {
		t.Fatal(err)
	}
	if rep, err = repo.VerifyProof(old, &ledger); err != nil || fmt.Sprint(rep.Row) != "[tea 400 10]" {
		t.Errorf("old row: %+v, %v", rep, err)
	}
	other := objectstore.Hash{1}
	if _, err := repo.VerifyProof(row, &other); err == nil {
		t.Error("a proof counted for another ledger")
	}
	// No byte of it can be changed.
	for _, p := range [][]byte{row, absent, tx, old} {
		for i := 0; i < len(p); i += 1 + len(p)/400 {
			bad := append([]byte(nil), p...)
			bad[i] ^= 1
			was, _ := repo.VerifyProof(p, &ledger)
			now, err := repo.VerifyProof(bad, &ledger)
			if now.Kind == "absent" {
				now.Key, was.Key = nil, nil // a neighbour of a missing key is missing, too: that is as true
			}
			if err == nil && !reflect.DeepEqual(now, was) {
				t.Fatalf("byte %d of a proof was flipped and it says something else: %+v", i, now)
			}
		}
	}
}

func TestIdempotencyKeys(t *testing.T) {
	s := begin(t, fixed(3))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)})
	c := repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(2)}, IdempotencyKey: "order-1"}
	first, err := s.Call(ctx, s.key, c)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Call(ctx, s.key, c)
	if err != nil || !second.Repeated || second.Transaction != first.Transaction || second.Block != first.Block {
		t.Errorf("second: %+v, %v", second, err)
	}
	c.Args = args{"sku": "tea", "n": int64(3)}
	if _, err := s.Call(ctx, s.key, c); code(err) != "AG0434" {
		t.Errorf("the key with another content: %v", err)
	}
	if got := s.query("", "SELECT stock FROM shop.item"); got != "8\n" {
		t.Errorf("stock %s", got)
	}
}

func TestRefusedCallStandsInTheBlock(t *testing.T) {
	s := begin(t, fixed(4))
	s.deploy("", "shop", shop)
	res, err := s.Call(ctx, s.key, repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(0)}})
	if code(err) != "AG0410" || err.Error() != "sell at least one" || res.Block.IsZero() {
		t.Errorf("%+v, %v", res, err)
	}
	// mallory may not write here at all: no block.
	before, _ := s.Resolve("")
	if _, err := s.Call(ctx, keyOf("mallory"), repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}}); err == nil || code(err)[:4] != "AG05" {
		t.Errorf("mallory wrote: %v", err)
	}
	if after, _ := s.Resolve(""); after != before {
		t.Error("mallory moved the head")
	}
}

func code(err error) string {
	var c interface{ Code() string }
	if errors.As(err, &c) {
		return c.Code()
	}
	return ""
}
