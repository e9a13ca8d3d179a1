package repo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// TestSignedFile: bob signs into a file. It runs once, in time, on its own
// ledger and branch, and not when mallory has been at it.
func TestSignedFile(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	o := fixed(31)
	o.Now = func() time.Time { now = now.Add(time.Second); return now }
	s := begin(t, o)
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)})
	bob := keyOf("bob")
	if err := s.Direct(s.key, dd.Grant{Role: dd.Writer, Pattern: "*", Account: repo.AccountOf(bob)}); err != nil {
		t.Fatal(err)
	}
	line := func(s *story, n int64) string {
		t.Helper()
		tx, err := s.Sign(bob, repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": n}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := repo.EncodeSigned(tx)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	submit := func(branch, file string) string {
		t.Helper()
		txs, _, err := repo.DecodeSigned([]byte(file))
		if err != nil {
			return code(err)
		}
		answers, err := s.Submit(ctx, s.key, branch, txs)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range answers {
			word := a.Summary.Text + " " + a.Receipt.Status.String()
			if a.Err != nil {
				word = code(a.Err)
			}
			got = append(got, word)
		}
		return strings.Join(got, ", ")
	}
	first, second, late := line(s, 3), line(s, 100), line(s, 1)
	if got := submit("", "# from bob\r\n\n"+first+second); got != "shop.sell(n=3, sku=tea) ok, shop.sell(n=100, sku=tea) failed" {
		t.Errorf("verdicts: %s", got)
	}
	if got := submit("", first); got != "AG0432" {
		t.Errorf("replayed: %s", got)
	}
	other := begin(t, fixed(32))
	if got := submit("", line(other, 1)); got != "AG0602" {
		t.Errorf("of another ledger: %s", got)
	}
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	if got := submit("eu", line(s, 1)); got != "AG0433" {
		t.Errorf("of another branch: %s", got)
	}
	now = now.Add(401 * 24 * time.Hour)
	if got := submit("", late); got != "AG0431" {
		t.Errorf("too late: %s", got)
	}
	for _, bad := range []string{"hello", "aergo-tx-v1 ", "aergo-tx-v1 AA==", "aergo-tx-v1 %%", first[:len(first)/2], "aergo-tx-v2" + first[11:]} {
		if got := submit("", bad); got != "AG0604" {
			t.Errorf("%.20q: %s", bad, got)
		}
	}
	if got := s.query("", "SELECT stock FROM shop.item"); got != "7\n" {
		t.Errorf("stock %s", got)
	}
	s.verify()
}

// FuzzSigned: what decodes encodes to the same lines.
func FuzzSigned(f *testing.F) {
	text, err := repo.EncodeSigned(sqlcontract.Transaction{Data: []byte("data"), Seal: []byte("seal"), Blind: []byte("blind"), Arguments: []byte("arguments")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("# nothing\n\n" + text + text)
	f.Add(text[:20])
	op, err := repo.EncodeOperation(dd.SignedOperation{Data: []byte("data"), Seal: []byte("seal")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(op + text)
	f.Fuzz(func(t *testing.T, file string) {
		txs, ops, err := repo.DecodeSigned([]byte(file))
		if err != nil {
			return
		}
		var errs error
		var lines []string
		for l := range strings.Lines(file) {
			if l = strings.TrimRight(l, "\r\n"); l != "" && l[0] != '#' {
				lines = append(lines, l+"\n")
			}
		}
		if len(lines) != len(txs)+len(ops) {
			t.Fatalf("%d transactions and %d operations of %d lines", len(txs), len(ops), len(lines))
		}
		for i, line := range lines {
			var again string
			var err error
			if strings.HasPrefix(line, "aergo-op") {
				again, err = repo.EncodeOperation(ops[0])
				ops = ops[1:]
			} else {
				again, err = repo.EncodeSigned(txs[0])
				txs = txs[1:]
			}
			errs = errors.Join(errs, err)
			if again != line {
				t.Errorf("line %d has two forms", i)
			}
		}
		if errs != nil {
			t.Error(errs)
		}
	})
}
