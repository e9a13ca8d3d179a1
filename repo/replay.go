package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// ErrCostly is what Replay gives instead of its answer when it was to be cheap
// and is not.
var ErrCostly = errors.New("executing it again takes a while")

// Replay executes a recorded transaction again, on the state that it met in the
// block that Transaction names, and reports what each statement did and why it
// failed, if it did. That takes the transactions before it in its block, of a
// merge the whole merge. All of it happens in memory; nothing is written.
//
// The receipt must come out as it is recorded. If it does not, the ledger does
// not hold what its rules give: the error is a failed verification (AG0603).
//
// With cheap, it gives ErrCostly where the block has many transactions before
// this one or the contract many rows, more than about half a second's worth.
func (r *Repository) Replay(ctx context.Context, idPrefix string, cheap bool) (*sqlcontract.Report, error) {
	id, err := r.transactionID(idPrefix)
	if err != nil {
		return nil, err
	}
	f, err := r.find(id)
	if err != nil {
		return nil, err
	}
	p := replay{r: r, ctx: ctx, found: f}
	if p.txs, p.receipts, err = r.recent.bodies(r, f.block); err != nil {
		return nil, err
	}
	if p.merging() {
		if p.record, err = branch.ReadMergeRecord(r.db, f.block.MergeRecord); err != nil {
			return nil, err
		}
	}
	if err := needEngine(f.block.Engine, "executing block "+f.block.ID.Short()+" again"); err != nil {
		return nil, err
	}
	if p.parent, err = r.history.Read(f.block.Parents[0]); err != nil {
		return nil, err
	}
	if cheap {
		if costly, err := p.costly(); costly || err != nil {
			return nil, errors.Join(err, ErrCostly)
		}
	}
	return p.run()
}

// replay is the execution again of one block, up to one transaction.
type replay struct {
	found
	r        *Repository
	ctx      context.Context
	part     *part // whose ledger the block is of
	parent   branch.Block
	record   branch.MergeRecord // of a merge
	txs      []body
	receipts []sqlcontract.Receipt
	report   sqlcontract.Report
}

// merging tells whether the block is a merge.
func (p *replay) merging() bool { return !p.block.MergeRecord.IsZero() }

// byCells tells whether the block is a merge by cells.
func (p *replay) byCells() bool { return p.record.Kind == branch.Consistent }

func (p *replay) costly() (bool, error) {
	n := p.at.position
	if p.merging() {
		n = len(p.txs)
	}
	if n > cheapTransactions {
		return true, nil
	}
	rows, err := p.r.engine.CountRows(p.parent.State, p.header.Contract, cheapRows+1)
	return rows > cheapRows, err
}

func (p *replay) run() (_ *sqlcontract.Report, err error) {
	r, b := p.r, p.block
	if p.part, err = r.partOf(b.Ledger); err != nil {
		return nil, err
	}
	state, err := p.part.directory.At(b.Directory)
	if err != nil {
		return nil, err
	}
	rec, err := r.branchByID(b.Branch)
	if err != nil {
		return nil, err
	}
	tree, err := r.treeIn(p.part, p.parent.State)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	keep, err := keepsInvariants(state, b.Branch)
	if err != nil {
		return nil, err
	}
	s, err := tree.Begin(sqlcontract.Block{
		Branch: b.Branch, Number: uint64(b.Number), Time: b.Time, Merge: p.merging(), Cells: p.byCells(), Again: p.record.Kind == branch.Picked, Invariants: keep,
		May: func(account objectstore.Account, keys []byte) error { return runs(state, account, keys, rec) },
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Rollback() }() // it is in memory and goes with the tree
	s.Observe(func(step sqlcontract.Step) {
		if step.Transaction == p.id {
			p.report.Observe(step)
		}
	})
	var again sqlcontract.Receipt
	switch {
	case p.header.Kind == sqlcontract.KindPatch:
		return nil, fault.New("AG0436", "aergo show "+b.ID.Short()+" says what it chose; aergo verify --full computes the merge again.",
			"transaction %s is the patch of a merge by cell: it has no statements", p.id.Short())
	case p.merging():
		again, err = p.merge(s)
	default:
		again, err = p.plain(s)
	}
	if err == nil {
		err = p.compare(again)
	}
	if err != nil {
		return nil, err
	}
	return &p.report, nil
}

// plain runs the transactions up to ours.
func (p *replay) plain(s *sqlcontract.Session) (again sqlcontract.Receipt, err error) {
	raw := make([]sqlcontract.Transaction, p.at.position+1)
	for i := range raw {
		if p.txs[i].args == nil {
			return again, p.erased(p.txs[i].id)
		}
		raw[i] = p.txs[i].raw
	}
	verified, errs := p.part.verifier.VerifyAll(raw)
	for i, t := range verified {
		if err := errors.Join(errs[i], p.ctx.Err()); err != nil {
			return again, err
		}
		if again, err = s.Run(t); err != nil {
			return again, p.differs("transaction %s may not stand in the block: %w", t.ID().Short(), err)
		}
	}
	return again, nil
}

func (p *replay) erased(id objectstore.Hash) error {
	return fault.New("AG0435", "", "block %s cannot be executed again: the arguments of transaction %s in it are erased", p.block.ID.Short(), id.Short())
}

// merge runs the merge and finds our transaction in it.
func (p *replay) merge(s *sqlcontract.Session) (again sqlcontract.Receipt, err error) {
	record := p.record
	if record.Kind == branch.Picked {
		return p.picks(s)
	}
	candidates, err := merge.Candidates(p.r.db, p.r.history, record.Source, p.parent.ID)
	if err != nil {
		return again, err
	}
	if record.Kind == branch.Consistent {
		candidates = merge.System(candidates)
	}
	outcomes, err := merge.Automatic(p.ctx, p.r.db, p.r.history, s, p.part.verifier, candidates, merge.Options{Strict: record.Strict})
	if err != nil {
		return again, err
	}
	return p.among(outcomes)
}

// picks runs a picked block up to our transaction.
func (p *replay) picks(s *sqlcontract.Session) (again sqlcontract.Receipt, err error) {
	list, err := p.part.pickedAgain(p.record, p.txs)
	if err != nil {
		return again, err
	}
	outcomes, err := merge.Picks(p.ctx, s, p.block.Branch, list[:p.at.position+1])
	if err != nil {
		return again, p.differs("%w", err)
	}
	return p.among(outcomes)
}

// among finds the receipt of our transaction.
func (p *replay) among(outcomes []merge.Outcome) (again sqlcontract.Receipt, err error) {
	for _, o := range outcomes {
		if o.Transaction.ID() == p.id {
			return o.Receipt, nil
		}
	}
	return again, p.differs("the merge does not offer it")
}

// compare holds the receipt against the recorded one.
func (p *replay) compare(again sqlcontract.Receipt) error {
	is, err := p.receipt.Encode()
	if err != nil {
		return err
	}
	would, err := again.Encode()
	if err != nil {
		return err
	}
	if bytes.Equal(is, would) {
		return nil
	}
	return p.differs("it is %s %s with gas %d and %d rows, its receipt says %s %s with gas %d and %d rows",
		again.Status, again.Code, again.Gas, again.Changed, p.receipt.Status, p.receipt.Code, p.receipt.Gas, p.receipt.Changed)
}

func (p *replay) differs(what string, args ...any) error {
	return fault.New("AG0603", "aergo verify --full checks the whole ledger. Do not rely on this block.",
		"block %s does not hold what executing it again gives, transaction %s: %w", p.block.ID.Short(), p.id.Short(), fmt.Errorf(what, args...))
}
