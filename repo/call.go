package repo

import (
	"bytes"
	"context"
	"crypto"
	"fmt"
	"maps"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Call runs one action as a signed transaction in a block of its own. When the
// contract refuses it, the transaction stands in the block all the same, with a
// failed receipt: the Result says so and the error carries the receipt's code.
// When it is not admitted at all (permission, expiry, a reused idempotency
// key), no block is made.
func (r *Repository) Call(ctx context.Context, key crypto.Signer, c Call) (Result, error) {
	return r.one(ctx, key, c.Branch, func(d *draft) (Result, error) { return d.call(c) })
}

// Deploy puts a contract in force, or a new version of it. What it would do is
// told by Plan.
func (r *Repository) Deploy(ctx context.Context, key crypto.Signer, branch, contract, source string) (Result, error) {
	next, err := sqlcontract.Compile(contract, source)
	if err != nil {
		return Result{}, err // in full; the receipt would hold a code only
	}
	return r.one(ctx, key, branch, func(d *draft) (Result, error) {
		old, _, version, err := d.session.Contract(contract)
		if err != nil {
			old = nil
		}
		return d.submit(deployRequest(next, old, version, contract, source))
	})
}

// deployRequest is the request of a deploy over a version of a contract, nil where
// there is none.
func deployRequest(next, old *sqlcontract.Contract, version int, contract, source string) sqlcontract.Request {
	args := map[string]any{"source": source}
	if old != nil && next.Migration(version) != nil && old.Source != source {
		args[sqlcontract.DeployReplacesArgument] = old.Code[:] // a merge must not run the block on another version
	}
	return sqlcontract.Request{Kind: sqlcontract.KindDeploy, Contract: contract, Args: args, GasLimit: sqlcontract.MaxGas}
}

// Plan compares a contract's source with what is in force on a branch. It needs
// no permission and writes nothing.
func (r *Repository) Plan(_ context.Context, branch, contract, source string) (sqlcontract.Plan, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	rec, err := r.branch(branch)
	if err != nil {
		return sqlcontract.Plan{}, err
	}
	tree, err := r.treeAtHead(rec.ID)
	if err != nil {
		return sqlcontract.Plan{}, err
	}
	plan, err := tree.Plan(contract, source)
	if err != nil {
		return plan, err
	}
	state, err := r.directory.Head()
	if err != nil {
		return plan, err
	}
	keep, err := keepsInvariants(state, rec.ID)
	if keep {
		plan.KeepInvariants()
	}
	return plan, err
}

// one makes a block of one transaction.
func (r *Repository) one(ctx context.Context, key crypto.Signer, branch string, run func(*draft) (Result, error)) (Result, error) {
	by, err := r.signer(key, branch)
	if err != nil {
		return Result{}, err
	}
	d, err := r.begin(by, r.now(), ordinary)
	if err != nil {
		return Result{}, err
	}
	defer d.abandon()
	res, err := run(d)
	if err != nil || res.Repeated {
		return res, err
	}
	block, err := d.finish(ctx, nil)
	if err != nil {
		return Result{}, err
	}
	res.Block = block.ID
	return res, refusal(res.Receipt)
}

// call signs and runs one call in the draft.
func (d *draft) call(c Call) (Result, error) {
	q, err := d.r.request(c)
	if err != nil {
		return Result{}, err
	}
	if first, ok, err := d.first(c, q.Salt); ok || err != nil {
		return first, err
	}
	return d.submit(q)
}

// request is what a call asks for; with an idempotency key, under its salt.
func (r *Repository) request(c Call) (q sqlcontract.Request, err error) {
	q = sqlcontract.Request{
		Kind: sqlcontract.KindCall, Contract: c.Contract, Action: c.Action, Args: c.Args,
		GasLimit: c.GasLimit, Preconditions: c.Preconditions,
	}
	if c.IdempotencyKey != "" {
		q.Salt, err = sqlcontract.IdempotencySalt(r.ledger, c.Contract, c.Action, c.IdempotencyKey)
	}
	return q, err
}

// first answers a call whose idempotency key has been used on this branch: with
// the first answer when it asks for the same, with a refusal otherwise.
func (d *draft) first(c Call, salt objectstore.Hash) (Result, bool, error) {
	if c.IdempotencyKey == "" {
		return Result{}, false, nil
	}
	id, _, seen, err := d.session.Seen(d.account, salt)
	if err != nil || !seen {
		return Result{}, false, err
	}
	if earlier, ok := d.keyed[id]; ok {
		if !c.asks(earlier.Contract, earlier.Action, earlier.Args) {
			return Result{}, false, reusedKey(c, callText(earlier.Contract, earlier.Action, nil, earlier.Args))
		}
		return Result{Transaction: id, Branch: string(d.record.Name), Repeated: true}, true, nil
	}
	f, err := d.r.find(id)
	if err != nil {
		return Result{}, false, fmt.Errorf("reading the first transaction with idempotency key %q: %w", c.IdempotencyKey, err)
	}
	if !c.asks(f.header.Contract, f.header.Action, f.args) {
		return Result{}, false, reusedKey(c, f.text(d.session))
	}
	res := Result{Transaction: id, Block: f.block.ID, Branch: string(d.record.Name), Receipt: f.receipt, Repeated: true}
	return res, true, refusal(f.receipt)
}

func reusedKey(c Call, first string) error {
	return fault.New("AG0434", "Use another key, or send the same call.", "idempotency key %q was used for %s", c.IdempotencyKey, first)
}

// submit signs a request and runs it.
func (d *draft) submit(q sqlcontract.Request) (Result, error) {
	tx, err := d.sign(q)
	if err != nil {
		return Result{}, err
	}
	return d.run(tx)
}

// run executes a verified transaction and says what it changed.
func (d *draft) run(t sqlcontract.VerifiedTransaction) (Result, error) {
	receipt, err := d.session.Run(t)
	if err != nil {
		return Result{}, err
	}
	_, changes := d.session.Last()
	l, err := layoutsOf(d.session, map[int][]sqlcontract.RowChange{0: changes})
	if err != nil {
		return Result{}, err
	}
	rows, err := l.rowDiffs(0, changes)
	if err != nil {
		return Result{}, err
	}
	return Result{Transaction: t.ID(), Branch: string(d.record.Name), Receipt: receipt, Changes: rows}, nil
}

// asks tells whether the call is for this action with these arguments.
func (c Call) asks(contract, action string, args map[string]any) bool {
	return c.Contract == contract && c.Action == action && maps.EqualFunc(c.Args, args, func(x, y any) bool {
		bx, xb := x.([]byte)
		by, yb := y.([]byte)
		if xb || yb {
			return xb && yb && bytes.Equal(bx, by)
		}
		return x == y
	})
}

// refusal is a receipt that is not ok as an error.
func refusal(receipt sqlcontract.Receipt) error {
	if receipt.Status == sqlcontract.StatusOK {
		return nil
	}
	return fault.New(receipt.Code, "", "%s", sqlcontract.Explain(receipt))
}

// CallReadOnly runs a READONLY action at a revision, without key or block.
func (r *Repository) CallReadOnly(ctx context.Context, rev string, account objectstore.Account, c Call) (columns []string, rows [][]any, gas uint64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, 0, err
	}
	id, err := r.Resolve(rev)
	if err != nil {
		return nil, nil, 0, err
	}
	b, err := r.history.Read(id)
	if err != nil {
		return nil, nil, 0, err
	}
	tree, release, err := r.readTree(rev)
	if err != nil {
		return nil, nil, 0, err
	}
	defer release()
	receipt, err := tree.CallReadOnly(sqlcontract.ReadCall{
		Contract: c.Contract, Action: c.Action, Args: c.Args, Account: account, GasLimit: c.GasLimit, Observe: r.observed(),
		Block: sqlcontract.Block{Branch: b.Branch, Number: uint64(b.Number), Time: b.Time},
	})
	if err != nil {
		return nil, nil, 0, err
	}
	return receipt.Columns, receipt.Rows, receipt.Gas, refusal(receipt)
}
