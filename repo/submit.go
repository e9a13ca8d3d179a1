package repo

import (
	"context"
	"crypto"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Sign makes the transaction of a call for a branch (empty: the current one)
// without running it: somebody else, the branch's producer, submits it.
func (r *Repository) Sign(key crypto.Signer, c Call) (sqlcontract.Transaction, error) {
	by, err := r.signer(key, c.Branch)
	if err != nil {
		return sqlcontract.Transaction{}, err
	}
	q, err := r.request(c)
	if err != nil {
		return sqlcontract.Transaction{}, err
	}
	t, err := by.sign(q)
	return t.Raw(), err
}

// Submission is the answer to one transaction of Submit: a result, or why it was
// not admitted.
type Submission struct {
	Result
	Summary CallSummary // of what was asked for; empty where its signature is not good
	Err     error
}

// Submit runs transactions that others have signed, in one block of the
// producer's. Each is verified first, and its signer needs the right to write
// on the branch. Answer i belongs to transaction i; one that its contract
// refused has a failed receipt, one that was not admitted has an Err and leaves
// no trace. Where none is admitted there is no block.
func (r *Repository) Submit(ctx context.Context, producer crypto.Signer, branch string, txs []sqlcontract.Transaction) ([]Submission, error) {
	answers, verified := r.verified(txs)
	by, err := r.signer(producer, branch)
	if err != nil {
		return nil, err
	}
	d, err := r.begin(by, r.now(), ordinary)
	if err != nil {
		return nil, err
	}
	defer d.abandon()
	for i, t := range verified {
		a := &answers[i]
		if a.Err != nil {
			continue
		}
		if a.Result, a.Err = d.run(t); a.Err != nil && !sqlcontract.NotAdmitted(a.Err) {
			return nil, a.Err
		}
	}
	if d.session.Len() == 0 {
		return answers, nil
	}
	d.also = func(b objectstore.Batch) error { // what waited for signatures here waits no more
		for i, t := range verified {
			if answers[i].Err != nil {
				continue
			}
			if err := r.dropPartial(b, t.ID()); err != nil {
				return err
			}
		}
		return nil
	}
	block, err := d.finish(ctx, nil)
	if err != nil {
		return nil, err
	}
	for i := range answers {
		if answers[i].Err == nil {
			answers[i].Block = block.ID
		}
	}
	return answers, nil
}

// Inspect says what transactions ask for, and of each whether it is signed by its
// account for this ledger. Nothing runs.
func (r *Repository) Inspect(txs []sqlcontract.Transaction) []Submission {
	answers, _ := r.verified(txs)
	return answers
}

func (r *Repository) verified(txs []sqlcontract.Transaction) ([]Submission, []sqlcontract.VerifiedTransaction) {
	verified, errs := r.verifier.VerifyAll(txs)
	answers := make([]Submission, len(txs))
	for i, t := range verified {
		a := &answers[i]
		if a.Err = errs[i]; a.Err != nil {
			continue
		}
		h := t.Header()
		a.Summary = CallSummary{Transaction: t.ID(), Account: h.Account, Text: kindName(h.Kind) + " " + h.Contract}
		if h.Kind == sqlcontract.KindCall {
			a.Summary.Text = callText(h.Contract, h.Action, nil, t.Arguments())
		}
	}
	return answers, verified
}

// Transactions gives what a block lists, as it was signed: to submit again what
// ran in a block that does not count any more. An excluded one is left out.
func (r *Repository) Transactions(rev string) ([]sqlcontract.Transaction, error) {
	id, err := r.Resolve(rev)
	if err != nil {
		return nil, err
	}
	b, err := r.history.Read(id)
	if err != nil {
		return nil, err
	}
	bodies, receipts, err := r.bodies(b)
	if err != nil {
		return nil, err
	}
	var txs []sqlcontract.Transaction
	for i, t := range bodies {
		if receipts[i].Status != sqlcontract.StatusExcluded {
			txs = append(txs, t.raw)
		}
	}
	return txs, nil
}
