package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Verify believes nothing but the ledger id. It reads the directory's chain and
// then every block that a branch or tag reaches, parents first, and checks
// signatures, permissions, links, lists, every node of the state map, and that
// each block's change set leads from its parent's state to its own. With Full
// it also executes every transaction again and compares every root.
func (r *Repository) Verify(ctx context.Context, o VerifyOptions) (VerifyReport, error) {
	report, err := r.verify(ctx, o)
	if stopped := ctx.Err(); err != nil && stopped != nil {
		return report, stopped // which says nothing of the ledger
	}
	return report, err
}

func (r *Repository) verify(ctx context.Context, o VerifyOptions) (VerifyReport, error) {
	v := r.verification(ctx, o)
	defer v.close()
	if err := v.directories(); err != nil {
		return v.report, err
	}
	heads, err := v.heads()
	if err != nil {
		return v.report, failed("the history", err)
	}
	if err := v.blocks(heads, o.Progress); err != nil {
		return v.report, err
	}
	if err := v.lines(); err != nil {
		return v.report, err
	}
	if err := v.originLines(r.parts[1:]); err != nil {
		return v.report, err
	}
	if err := v.laterOrigins(); err != nil {
		return v.report, err
	}
	if err := v.published(); err != nil {
		return v.report, err
	}
	return v.report, v.contested()
}

func (r *Repository) verification(ctx context.Context, o VerifyOptions) *verification {
	return &verification{
		r: r, full: o.Full, ctx: ctx, checked: map[objectstore.Hash]bool{}, states: map[objectstore.Hash]dd.State{},
		history:  branch.NewHistory(r.db, nil), // the index is derived data
		verified: map[objectstore.Hash]dd.State{}, trees: map[objectstore.Hash]*sqlcontract.Tree{},
	}
}

func (v *verification) close() {
	for _, t := range v.trees {
		_ = t.Close() // it is in memory
	}
}

// blocks verifies all that heads reach, parents first.
func (v *verification) blocks(heads []objectstore.Hash, progress func(done, total int)) error {
	order, err := v.reachable(heads)
	if err != nil {
		return failed("the history", err)
	}
	for i, id := range order {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		if err := v.block(id); err != nil {
			return failed("block "+id.Short(), err)
		}
		v.checked[id] = true
		if progress != nil {
			progress(i+1, len(order))
		}
	}
	return nil
}

// failed makes any error of a check one that says: verification failed, here.
func failed(where string, err error) error {
	next := "Fetch it again from somebody you trust; nothing here was changed."
	if f := fault.Of(err); f != nil && f.ID[:4] == "AG06" && f.Next != "" {
		next = f.Next
	} else if f != nil && f.ID == "AG0509" {
		next = "Merge what counts, up to the block before it, then leave the branch: aergo branch -D NAME"
	}
	return fault.New("AG0603", next, "verification failed at %s: %w", where, err)
}

// reachable gives every block that heads reach, parents first.
func (v *verification) reachable(heads []objectstore.Hash) ([]objectstore.Hash, error) {
	var order []objectstore.Hash
	for b, err := range v.history.Walk(false, heads...) {
		if err == nil {
			err = v.ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		order = append(order, b.ID)
	}
	slices.Reverse(order)
	return order, nil
}

// verification is one run of Verify.
type verification struct {
	r         *Repository
	ctx       context.Context
	full      bool
	history   *branch.History
	report    VerifyReport
	directory dd.State                               // the verified chain's end
	verified  map[objectstore.Hash]dd.State          // the same of each part, by ledger
	trees     map[objectstore.Hash]*sqlcontract.Tree // to execute again, by ledger
	checked   map[objectstore.Hash]bool              // blocks, and nodes and values of the state map
	states    map[objectstore.Hash]dd.State
}

func (v *verification) block(id objectstore.Hash) error {
	r := v.r
	b, err := r.history.Read(id)
	if err != nil {
		return err
	}
	parents := make([]branch.Header, len(b.Parents))
	for i, p := range b.Parents {
		pb, err := r.history.Read(p)
		if err != nil {
			return fmt.Errorf("parent %s: %w", p.Short(), err)
		}
		parents[i] = pb.Header
		if err := r.stands(v.history, pb, b.Ledger); err != nil {
			return err
		}
	}
	part, err := r.partOf(b.Ledger)
	if err != nil {
		return err
	}
	if err := b.CheckParentsAcross(parents, r.origins()); err != nil {
		return err
	}
	state, err := v.permissions(part, b, parents)
	if err != nil {
		return err
	}
	if err := v.guarded(b, state); err != nil {
		return err
	}
	txs, receipts, err := r.bodies(b)
	if err != nil {
		return err
	}
	verified, err := v.transactions(part, txs, receipts)
	if err != nil {
		return err
	}
	if err := v.admitted(b, state, txs, verified, receipts); err != nil {
		return err
	}
	if err := v.counts(part, b, verified, receipts); err != nil {
		return err
	}
	if len(parents) == 0 {
		return errors.Join(v.nodes(b.State), v.genesis(b))
	}
	// The two ways to the state do not need each other, so they go side by side.
	rebuilt := make(chan error, 1)
	go func() { rebuilt <- v.rebuild(b, parents[0], txs, receipts) }()
	err = v.nodes(b.State)
	if err == nil {
		err = v.executed(b, parents[0], state, verified, txs, receipts)
	}
	// Of two errors the change sets' counts: it says more, and it is always the same.
	if other := <-rebuilt; other != nil {
		err = other
	}
	if err != nil {
		return err
	}
	for _, receipt := range receipts {
		v.report.Rows += receipt.Changed
	}
	v.report.Blocks++
	return nil
}

// rebuild checks that the change sets lead from the parent's state to the
// block's.
func (v *verification) rebuild(b branch.Block, parent branch.Header, txs []body, receipts []sqlcontract.Receipt) error {
	changes, err := branch.ReadList(v.r.db, objectstore.KindChangeList, b.Changes)
	if err != nil {
		return err
	}
	raw := make([]sqlcontract.Transaction, len(txs))
	for i, t := range txs {
		raw[i] = t.raw
	}
	rebuilt, err := v.r.engine.Rebuild(parent.State, b.Time, raw, receipts, changes)
	if err != nil {
		return err
	}
	if rebuilt.State != b.State {
		return fmt.Errorf("its changes lead to state %s, the block says %s", rebuilt.State.Short(), b.State.Short())
	}
	return nil
}

// executed checks a merge's record, and in a full verification what executing
// the block again gives.
func (v *verification) executed(b branch.Block, parent branch.Header, state dd.State, txs []sqlcontract.VerifiedTransaction, bodies []body, receipts []sqlcontract.Receipt) error {
	if b.Engine != sqlcontract.EngineNumber {
		v.report.OtherEngine++
		return nil
	}
	var m *merged
	if !b.MergeRecord.IsZero() {
		var err error
		if m, err = v.record(b, bodies, receipts); err != nil {
			return err
		}
	}
	if err := v.patches(b, parent, m, bodies, receipts); err != nil {
		return err
	}
	if !v.full {
		return nil
	}
	return v.execute(b, parent, state, m, txs, receipts)
}

// genesis is the first block of main, which holds nothing.
func (v *verification) genesis(b branch.Block) error {
	if b.State != sqlcontract.EmptyState() || b.Transactions.Count != 0 || b.Changes.Count != 0 {
		return fmt.Errorf("a first block holds no state and no transactions")
	}
	v.report.Blocks++
	return nil
}

// permissions checks the directory block a block names, its engine, its
// producer and his signature.
func (v *verification) permissions(part *part, b branch.Block, parents []branch.Header) (dd.State, error) {
	r := v.r
	state, err := v.stateAt(part, b.Directory)
	if err != nil {
		return state, err
	}
	if state.Ledger() != b.Ledger { // it is known, as another ledger's
		return state, fmt.Errorf("it names directory block %s, which is of ledger %s", b.Directory.Short(), state.Ledger().Short())
	}
	for _, p := range parents {
		if p.Ledger != b.Ledger { // another directory
			continue
		}
		before, err := v.stateAt(part, p.Directory)
		if err != nil {
			return state, fmt.Errorf("its parent: %w", err)
		}
		if before.Block().Number > state.Block().Number {
			return state, fmt.Errorf("it names directory block %d, its parent a later one, %d", state.Block().Number, before.Block().Number)
		}
	}
	if ahead := time.UnixMilli(b.Time).Sub(r.now()); ahead > headAhead {
		return state, fmt.Errorf("its time lies %v ahead of this machine's clock", ahead.Round(time.Second))
	}
	if err := checkEngine(state, b.Header); err != nil {
		return state, err
	}
	rec, err := r.branchByID(b.Branch)
	if err != nil {
		return state, err
	}
	if err := may(state, dd.RightProduce, b.Producer, rec); err != nil {
		return state, err
	}
	data, err := r.db.Seal(b.ID)
	if err != nil {
		return state, fmt.Errorf("its signature: %w", err)
	}
	present, err := state.Present(b.Producer)
	if err != nil {
		return state, err
	}
	if err := branch.VerifySealBy(b, present, data); err != nil {
		return state, err
	}
	v.report.Signatures++
	return state, nil
}

// stateAt gives the state of the directory after a block of its chain.
func (v *verification) stateAt(part *part, id objectstore.Hash) (dd.State, error) {
	state, ok := v.states[id]
	if ok {
		return state, nil
	}
	known, err := v.verified[part.ledger].Includes(id)
	if err != nil {
		return state, err
	}
	if !known {
		return state, fmt.Errorf("it names directory block %s, which is not in the directory's chain", id.Short())
	}
	if state, err = part.directory.At(id); err != nil {
		return state, fmt.Errorf("directory block %s: %w", id.Short(), err)
	}
	v.states[id] = state
	return state, nil
}

// transactions checks every signature and that each receipt answers its
// transaction.
func (v *verification) transactions(part *part, txs []body, receipts []sqlcontract.Receipt) ([]sqlcontract.VerifiedTransaction, error) {
	raw := make([]sqlcontract.Transaction, len(txs))
	for i, t := range txs {
		raw[i] = t.raw
		if receipts[i].Transaction != t.id {
			return nil, fmt.Errorf("receipt %d answers %s, not transaction %s", i, receipts[i].Transaction.Short(), t.id.Short())
		}
		if t.args == nil {
			v.report.Erased++
		}
	}
	verified, errs := part.verifier.VerifyAll(raw)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	v.report.Signatures += len(raw)
	v.report.Transactions += len(raw)
	return verified, nil
}

// nodes reads every node and outside value of a state that no earlier state
// had; reading verifies it.
func (v *verification) nodes(id objectstore.Hash) error {
	if v.checked[id] || id == sqlcontract.EmptyState() {
		return nil
	}
	v.checked[id] = true
	kind, data, err := v.r.db.Get(id)
	if err != nil {
		return err
	}
	v.report.Nodes++
	if kind == objectstore.KindValue {
		return nil
	}
	return prolly.Links(kind, data, func(child objectstore.Hash, _ objectstore.Kind) error { return v.nodes(child) })
}

// merged is a merge block's record, checked, and what its source offered.
type merged struct {
	branch.MergeRecord
	candidates []merge.Candidate
	whole      map[objectstore.Hash]sqlcontract.Transaction // see merge.Input.Whole
}

// record checks what a merge block says of itself without executing: that its
// source and bases are the right ones, and that its verdicts stand for
// candidates of the source, in their order, and for its own transactions and
// receipts.
func (v *verification) record(b branch.Block, txs []body, receipts []sqlcontract.Receipt) (*merged, error) {
	rec, err := branch.ReadMergeRecord(v.r.db, b.MergeRecord)
	if err != nil {
		return nil, err
	}
	if err := rec.CheckHeader(b.Header); err != nil {
		return nil, err
	}
	patches := 0
	switch rec.Kind {
	case branch.Picked:
		return &merged{MergeRecord: rec}, v.picked(b, rec, txs, receipts)
	case branch.Automatic:
	case branch.Consistent:
		patches = 1
	default:
		return nil, fmt.Errorf("a merge of kind %s is not known to engine %d", rec.Kind, b.Engine)
	}
	bases, err := v.history.MergeBases(b.Parents[0], b.Parents[1])
	if err != nil {
		return nil, err
	}
	if !slices.Equal(bases, rec.Bases) {
		return nil, fmt.Errorf("its merge record names other bases than the history has")
	}
	if len(rec.Verdicts)+patches != len(receipts) {
		return nil, fmt.Errorf("its merge record has %d verdicts about %d transactions", len(rec.Verdicts), len(receipts))
	}
	m := &merged{MergeRecord: rec}
	if m.candidates, err = merge.Candidates(v.r.db, v.history, rec.Source, b.Parents[0]); err != nil {
		return nil, err
	}
	if rec.Kind == branch.Consistent {
		m.candidates = merge.System(m.candidates)
	}
	next := 0
	for i, verdict := range rec.Verdicts {
		if !agrees(verdict, receipts[i]) {
			return nil, fmt.Errorf("verdict %d of its merge record and receipt %d do not say the same", i, i)
		}
		for next < len(m.candidates) && m.candidates[next].Transaction.ID() != verdict.Transaction {
			next++ // the target had seen it
		}
		if next == len(m.candidates) || m.candidates[next].Block != verdict.Block {
			return nil, fmt.Errorf("its merge record has a verdict about %s, which the source does not offer there", verdict.Transaction.Short())
		}
		next++
	}
	return m, nil
}

// execute runs a block's transactions again on its parent's state and compares
// every root.
func (v *verification) execute(b branch.Block, parent branch.Header, state dd.State, m *merged, txs []sqlcontract.VerifiedTransaction, receipts []sqlcontract.Receipt) error {
	r := v.r
	if lacksArguments(m, txs) {
		v.report.Unexecuted++ // the change sets have been checked
		return nil
	}
	rec, err := r.branchByID(b.Branch)
	if err != nil {
		return err
	}
	part, err := r.partOf(b.Ledger)
	if err != nil {
		return err
	}
	tree := v.trees[part.ledger]
	if tree == nil {
		if tree, err = r.treeIn(part, sqlcontract.EmptyState()); err != nil {
			return err
		}
		v.trees[part.ledger] = tree
	}
	if err := tree.MoveTo(parent.State); err != nil {
		return err
	}
	keep, err := keepsInvariants(state, b.Branch)
	if err != nil {
		return err
	}
	s, err := tree.Begin(sqlcontract.Block{
		Branch: b.Branch, Number: uint64(b.Number), Time: b.Time, Merge: m != nil, Cells: m != nil && m.Kind == branch.Consistent, Again: m != nil && m.Kind == branch.Picked, Invariants: keep,
		May: func(account objectstore.Account, keys []byte) error { return runs(state, account, keys, rec) },
	})
	if err != nil {
		return err
	}
	var sealed *sqlcontract.Sealed
	switch {
	case m != nil && m.Kind == branch.Consistent:
		sealed, err = v.mergeAgain(part, s, b, parent, state, m, txs)
	case m != nil && m.Kind == branch.Picked:
		sealed, err = v.pickAgain(s, b, m, txs)
	default:
		sealed, err = v.again(part, s, m, txs, receipts)
	}
	if err != nil {
		_ = s.Rollback() // the first error counts
		return err
	}
	if sealed.State != b.State || sealed.Receipts != b.Receipts.Root || sealed.Changes != b.Changes.Root || sealed.Transactions != b.Transactions.Root {
		_ = s.Rollback()
		return fmt.Errorf("executing it again gives other results than it says")
	}
	v.report.Executed += len(txs)
	return s.Commit()
}

// again executes the transactions of a block in a session, as its maker did.
func (v *verification) again(part *part, s *sqlcontract.Session, m *merged, txs []sqlcontract.VerifiedTransaction, receipts []sqlcontract.Receipt) (*sqlcontract.Sealed, error) {
	if m != nil {
		outcomes, err := merge.Automatic(v.ctx, v.r.db, v.history, s, part.verifier, m.candidates, merge.Options{Strict: m.Strict})
		if err != nil {
			return nil, err
		}
		if !slices.EqualFunc(outcomes, m.Verdicts, func(o merge.Outcome, was branch.Verdict) bool { return o.Verdict == was }) {
			return nil, fmt.Errorf("merging again gives other verdicts than its merge record")
		}
		return s.Seal()
	}
	for i, t := range txs {
		receipt, err := s.Run(t)
		if err != nil {
			return nil, fmt.Errorf("transaction %s may not stand in it: %w", t.ID().Short(), err)
		}
		if receipt.Status != receipts[i].Status || receipt.Code != receipts[i].Code {
			return nil, fmt.Errorf("transaction %s executed again is %s %s, its receipt says %s %s", t.ID().Short(),
				receipt.Status, receipt.Code, receipts[i].Status, receipts[i].Code)
		}
	}
	return s.Seal()
}
