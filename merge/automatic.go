package merge

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Options are the choices of a merge; they stand in its record.
type Options struct {
	Strict bool // exclude what would be included with other rows
}

// Outcome is the verdict about one candidate, with what it did here.
type Outcome struct {
	branch.Verdict
	Transaction sqlcontract.VerifiedTransaction
	Receipt     sqlcontract.Receipt
	Changes     []sqlcontract.RowChange // of an included one
}

// Automatic runs the candidates in a session that was begun for a merge block
// on the target's head. It leaves the session to the caller, to seal or to roll
// back. An error means that the merge could not be computed; nothing that a
// candidate does is one.
func Automatic(ctx context.Context, store objectstore.Store, history *branch.History, s *sqlcontract.Session,
	verifier *sqlcontract.Verifier, candidates []Candidate, o Options) ([]Outcome, error) {

	raw := make([]sqlcontract.Transaction, len(candidates))
	for i, c := range candidates {
		raw[i] = c.Transaction
	}
	verified, errs := verifier.VerifyAll(raw)
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("block %s of the source: %w", candidates[i].Block.Short(), err)
		}
	}
	rows := sourceRows{store: store, history: history}
	var outcomes []Outcome
	for i, c := range candidates {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t := verified[i]
		seen, err := s.HasSeen(t)
		if err != nil {
			return nil, err
		}
		if seen {
			continue // it has counted on the target already
		}
		v := branch.Verdict{Transaction: t.ID(), Block: c.Block}
		if v.Code, err = runOne(s, t, c, &rows, o); err != nil {
			return nil, fmt.Errorf("replaying %s: %w", t.ID().Short(), err)
		}
		receipt, changes := s.Last()
		if receipt.Status == sqlcontract.StatusExcluded {
			v.Code, changes = branch.Excluded, nil
			if v.Reason, err = reason(receipt.Code); err != nil {
				return nil, err
			}
		}
		outcomes = append(outcomes, Outcome{Verdict: v, Transaction: t, Receipt: receipt, Changes: changes})
	}
	return outcomes, nil
}

// runOne runs a candidate or excludes it; either way the session has a receipt
// for it afterwards.
func runOne(s *sqlcontract.Session, t sqlcontract.VerifiedTransaction, c Candidate, rows *sourceRows, o Options) (branch.VerdictCode, error) {
	if t.Header().Stays {
		return branch.Excluded, s.Exclude(t, StaysCode)
	}
	same := false
	var compareErr error
	_, err := s.RunIf(t, func(changes []sqlcontract.RowChange) string {
		if same, compareErr = rows.same(c, changes); !same && o.Strict {
			return StrictCode
		}
		return ""
	})
	if compareErr != nil {
		return 0, compareErr
	}
	if f := fault.Of(err); f != nil && sqlcontract.NotAdmitted(err) {
		return branch.Excluded, s.Exclude(t, f.ID)
	}
	if err != nil {
		return 0, err
	}
	if same {
		return branch.Included, nil
	}
	return branch.IncludedDifferent, nil
}

// The codes that only a merge gives.
const (
	StrictCode = "AG0437" // it would change other rows than on the source
	StaysCode  = "AG0438" // it was made on a scratch branch, which it never leaves
)

// reason is the number in a code: the form in which a merge record keeps it.
func reason(code string) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(code, "AG"), 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("an excluded transaction has the code %q, which is none", code)
	}
	return n, nil
}
