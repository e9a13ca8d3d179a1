package repo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// TestAMachineWithAWrongClock: a machine works while its clock is wrong by a second
// or by twenty years, and is then set right. On every path what was acknowledged is
// there, what is refused is refused naming the clock, and there is a way on.
func TestAMachineWithAWrongClock(t *testing.T) {
	const day = 24 * time.Hour
	for _, off := range []time.Duration{time.Second, time.Hour, 30 * time.Hour, 365 * day, 20 * 365 * day, -time.Hour, -365 * day, -50 * 365 * day} {
		t.Run(off.String(), func(t *testing.T) {
			now, wrong := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), time.Duration(0)
			o := fixed(101)
			o.Now = func() time.Time { now = now.Add(time.Second); return now.Add(wrong) }
			s := begin(t, o)
			s.tea(1000)
			for _, name := range []string{"bob", "carol"} {
				s.grant(dd.Producer, "*", name)
			}
			published := s.publish()
			good := s.directoryBlock()
			tx, err := s.Sign(s.key, repo.Call{Contract: "shop", Action: "sell", Args: args{"sku": "tea", "n": int64(1)}})
			if err != nil {
				t.Fatal(err)
			}
			other := s.copied(102)

			n := 0
			paths := map[string]func() error{
				"call": func() error { return s.sell(1) },
				"grant": func() error {
					n++
					return s.Direct(s.key, dd.Grant{Role: dd.Writer, Pattern: "n" + strings.Repeat("x", n), Account: repo.AccountOf(keyOf("bob"))})
				},
				"tag": func() error { n++; _, err := s.Tag(ctx, s.key, "v"+strings.Repeat("x", n), "", ""); return err },
				"anchor": func() error {
					c, err := s.AnchorOf("main")
					if err == nil {
						err = s.Direct(s.key, c)
					}
					if code(err) == "AG0605" { // it is anchored there
						return nil
					}
					return err
				},
				"proposal": func() error {
					p, err := s.StartProposal(s.key, dd.SetVisibility{Public: true}, "")
					if err == nil {
						err = p.Problem
					}
					return err
				},
				"import": func() error { _, err := s.TakeDirectory(ctx, published); return err },
				"judge":  func() error { _, err := s.JudgeProof(published); return err },
				"show":   func() error { _, err := s.Directory(); return err },
			}
			acknowledged := 0
			try := func(when string) (failed map[string]error) {
				failed = map[string]error{}
				for what, do := range paths {
					if err := do(); err == nil {
						acknowledged++
					} else if failed[what] = err; !strings.Contains(err.Error()+hint(err), "clock") {
						t.Errorf("%s, %s: refused, and it does not name the clock: %v", what, when, err)
					}
				}
				return failed
			}
			wrong = off
			try("while it is wrong")
			made := s.directoryBlock()
			head := mustBlock(s, "").ID
			wrong = 0
			failed := try("when it is right again")
			if off < day && len(failed) > 0 {
				t.Errorf("locked out: %v", failed)
			}
			if _, err := s.Block(head.String()); err != nil {
				t.Errorf("a block that was acknowledged is gone: %v", err)
			}
			if off >= day {
				s.wants("AG0508", failed["call"])
				s.wants("AG0508", failed["grant"])
				_, err := other.TakeDirectory(ctx, s.export())
				s.wants("AG0508", err)
				// The way on: the admins leave the directory's blocks, and the calls are
				// taken back and submitted again.
				if err := s.Direct(s.key, dd.SetProducer{Account: repo.AccountOf(s.key), After: good}); err != nil {
					t.Fatal(err)
				}
				txs, err := s.Transactions(head.String())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Undo(ctx, s.key, "", 1, ""); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Submit(ctx, s.key, "", txs); err != nil {
					t.Error(err)
				}
				if made == good {
					t.Error("no directory block was made by the wrong clock")
				}
			}
			for what, err := range try("after the way on") {
				t.Errorf("%s: locked out: %v", what, err)
			}
			if answers, err := s.Submit(ctx, s.key, "", []sqlcontract.Transaction{tx}); err != nil || answers[0].Err != nil {
				t.Errorf("what was signed before: %v, %v", err, answers)
			}
			if off > 0 && off < day {
				now = now.Add(off) // others wait for their clocks
			}
			if _, err := other.TakeDirectory(ctx, s.export()); err != nil {
				t.Errorf("another machine: %v", err)
			}
			s.verify()
		})
	}
}

func hint(err error) string {
	if h, ok := err.(interface{ Hint() string }); ok {
		return h.Hint()
	}
	return ""
}

func (s *story) directoryBlock() (id [32]byte) {
	s.Helper()
	d, err := s.Directory()
	if err != nil {
		s.Fatal(err)
	}
	return d.Block
}
