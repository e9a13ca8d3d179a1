package repo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// TestReplay: every transaction of a ledger with failures, two branches and a
// merge that excludes can be executed again, and each failure has its reason.
func TestReplay(t *testing.T) {
	s := begin(t, fixed(31))
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)})
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	sell := func(branch string, n int64) repo.Result {
		res, err := s.Call(ctx, s.key, repo.Call{Contract: "shop", Action: "sell", Branch: branch, Args: args{"sku": "tea", "n": n}})
		if err != nil && res.Transaction.IsZero() {
			t.Fatal(err)
		}
		return res
	}
	sell("eu", 8)
	failed := sell("eu", 0)
	sell("", 8)
	merged, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{})
	if err != nil || merged.Excluded != 1 {
		t.Fatalf("%+v %v", merged, err)
	}
	excluded := merged.Verdicts[0].Transaction

	n := 0
	err = s.Log(ctx, "", false, 0, func(e repo.Entry) error {
		for _, c := range e.Calls {
			n++
			report, err := s.Replay(ctx, c.Transaction.String(), true)
			if err != nil {
				return err
			}
			info, err := s.Transaction(c.Transaction.String())
			if err != nil {
				return err
			}
			sum := report.Rest
			for _, l := range report.Lines {
				sum += l.Gas
			}
			if gas := (sum + 63) / 64; gas != info.Receipt.Gas {
				t.Errorf("%s: gas by statement is %d, by receipt %d", c.Text, gas, info.Receipt.Gas)
			}
			if (report.Refusal == nil) != (info.Receipt.Status == sqlcontract.StatusOK) {
				t.Errorf("%s: %s, explained %v", c.Text, info.Receipt.Status, report.Refusal)
			}
		}
		return nil
	})
	if err != nil || n < 6 {
		t.Fatalf("%d transactions: %v", n, err)
	}
	for id, want := range map[string]string{
		failed.Transaction.String(): ":n = 0",
		excluded.String():           "item would have: sku='tea' price=400 stock=-6",
	} {
		report, err := s.Replay(ctx, id, false)
		if err != nil || !strings.Contains(report.Refusal.String(), want) {
			t.Errorf("%v, %v, want %s", report, err, want)
		}
	}
}

// TestReplayOfAForgedReceipt: a block whose producer wrote another receipt than
// its transaction gives is told as what it is.
func TestReplayOfAForgedReceipt(t *testing.T) {
	s := town(t, 32)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f := newForger(t, s.dir)
	tx := f.sign(f.head.Ledger, f.main.ID, s.key, time.Date(2026, 11, 1, 12, 30, 0, 0, time.UTC))
	block := f.publish(f.child(tx), s.key)
	id := tx.ID()
	f.must(f.batch.SetIndex(append(append([]byte("tx/"), id[:]...), block[:]...), make([]byte, 4)))
	f.must(f.batch.Commit())
	f.must(f.batch.Close())
	f.must(f.db.Close())
	r, err := repo.Open(s.dir, s.o)
	if err != nil {
		t.Fatal(err)
	}
	s.Repository = r
	if report, err := s.Replay(ctx, id.String(), false); code(err) != "AG0603" || !strings.Contains(err.Error(), block.Short()) || report != nil {
		t.Errorf("%v, %v", report, err)
	}
}

// TestObserve: one observer sees calls, submissions, deploys and READONLY calls.
func TestObserve(t *testing.T) {
	s := begin(t, fixed(33))
	var seen []string
	s.Observe(func(step sqlcontract.Step) {
		if step.Statement == nil {
			seen = append(seen, "end")
			return
		}
		seen = append(seen, step.Action.Name)
	})
	s.deploy("", "shop", shop)
	s.call("", "shop", "add_item", args{"sku": "tea", "price": int64(400), "stock": int64(10)})
	if _, _, _, err := s.CallReadOnly(ctx, "", "", repo.Call{Contract: "shop", Action: "price", Args: args{"sku": "tea"}}); err != nil {
		t.Fatal(err)
	}
	s.Observe(nil)
	s.call("", "shop", "sell", args{"sku": "tea", "n": int64(1)})
	if got := strings.Join(seen, " "); got != "end add_item end price end" {
		t.Error(got)
	}
}
