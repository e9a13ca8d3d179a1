package repo

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// summaries is how many transactions of a block Entry.Calls lists.
const summaries = 3

// Log gives the blocks that can be reached from a revision, a block always
// before its parents, at most limit of them (0: all).
func (r *Repository) Log(ctx context.Context, rev string, firstParent bool, limit int, fn func(Entry) error) error {
	head, err := r.Resolve(rev)
	if err != nil {
		return err
	}
	names, err := r.names()
	if err != nil {
		return err
	}
	n := 0
	for b, err := range r.history.Walk(firstParent, head) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		e, err := r.entry(b, names, summaries)
		if err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
		if n++; n == limit {
			break
		}
	}
	return nil
}

// names knows what people call branches and blocks.
type names struct {
	branches map[objectstore.Hash]string
	blocks   map[objectstore.Hash][]string
}

func (r *Repository) names() (names, error) {
	n := names{map[objectstore.Hash]string{}, map[objectstore.Hash][]string{}}
	branches, err := r.Branches()
	if err != nil {
		return n, err
	}
	for _, b := range branches {
		n.branches[b.ID] = b.Name
		n.blocks[b.Head] = append(n.blocks[b.Head], b.Name)
	}
	tags, err := r.Tags()
	if err != nil {
		return n, err
	}
	for _, t := range tags {
		n.blocks[t.Block] = append(n.blocks[t.Block], "tag: "+t.Name)
	}
	return n, r.originNames(n)
}

// entry reads a block for a log, with at most n calls.
func (r *Repository) entry(b branch.Block, names names, n int) (Entry, error) {
	e := Entry{
		ID: b.ID, Parents: b.Parents, Number: uint64(b.Number), Time: time.UnixMilli(b.Time).UTC(), Producer: b.Producer,
		Branch: names.branches[b.Branch], Refs: names.blocks[b.ID], Transactions: int(b.Transactions.Count),
	}
	if e.Branch == "" {
		e.Branch = b.Branch.Short()
	}
	if b.Ledger != r.ledger {
		e.Origin = b.Ledger
	}
	txs, receipts, err := r.bodies(b)
	if err != nil {
		return Entry{}, err
	}
	if len(txs) == 0 {
		return e, nil
	}
	at, err := r.treeOf(b.State) // knows the actions, and so the order of arguments
	if err != nil {
		return Entry{}, err
	}
	defer at.Close()
	for i := range txs {
		if i == n {
			break
		}
		e.Calls = append(e.Calls, summary(at, txs[i], receipts[i]))
	}
	return e, nil
}

// bodies reads a block's transactions and receipts.
func (r *Repository) bodies(b branch.Block) ([]body, []sqlcontract.Receipt, error) {
	leaves, err := branch.ReadList(r.db, objectstore.KindTransactionList, b.Transactions)
	if err != nil {
		return nil, nil, fmt.Errorf("block %s: %w", b.ID.Short(), err)
	}
	answers, err := branch.ReadList(r.db, objectstore.KindReceiptList, b.Receipts)
	if err != nil {
		return nil, nil, fmt.Errorf("block %s: %w", b.ID.Short(), err)
	}
	if len(leaves) != len(answers) {
		return nil, nil, fmt.Errorf("block %s has %d transactions and %d receipts", b.ID.Short(), len(leaves), len(answers))
	}
	txs, receipts := make([]body, len(leaves)), make([]sqlcontract.Receipt, len(leaves))
	for i := range leaves {
		if txs[i], err = decodeBody(leaves[i]); err != nil {
			return nil, nil, fmt.Errorf("block %s, transaction %d: %w", b.ID.Short(), i, err)
		}
		if receipts[i], err = sqlcontract.DecodeReceipt(answers[i].Data); err != nil {
			return nil, nil, fmt.Errorf("block %s, transaction %d: %w", b.ID.Short(), i, err)
		}
	}
	return txs, receipts, nil
}

// body is a stored transaction, decoded for reading.
type body struct {
	raw    sqlcontract.Transaction
	id     objectstore.Hash
	header sqlcontract.Header
	args   map[string]any // nil when erased
}

func decodeBody(l objectstore.Leaf) (body, error) {
	raw, err := sqlcontract.FromLeaf(l)
	if err != nil {
		return body{}, err
	}
	h, err := sqlcontract.DecodeHeader(raw.Data)
	if err != nil {
		return body{}, err
	}
	args, err := raw.Args()
	return body{raw: raw, id: raw.ID(), header: h, args: args}, err
}

// text is the transaction in one line. at may be nil.
func (b body) text(at contracts) string {
	if b.header.Kind == sqlcontract.KindDeploy {
		return "deploy " + b.header.Contract
	}
	if b.header.Kind == sqlcontract.KindPatch && !b.header.OfMerge() {
		return revertText(b.args)
	}
	if b.header.Kind == sqlcontract.KindPatch {
		if choices, err := choicesOf(b.args); err == nil && b.args != nil {
			return fmt.Sprintf("patch of a merge by cell (chosen: %d)", len(choices))
		}
		return "patch of a merge by cell"
	}
	var action *sqlcontract.Action
	if at != nil {
		if c, _, _, err := at.Contract(b.header.Contract); err == nil {
			action = c.Action(b.header.Action)
		}
	}
	return callText(b.header.Contract, b.header.Action, action, b.args)
}

func summary(at contracts, b body, receipt sqlcontract.Receipt) CallSummary {
	s := CallSummary{Transaction: b.id, Text: b.text(at), Account: b.header.Account, Status: receipt.Status, Code: receipt.Code,
		Gas: receipt.Gas, Changed: receipt.Changed}
	if receipt.Status != sqlcontract.StatusOK {
		s.Reason = sqlcontract.Explain(receipt)
	}
	return s
}

// Block shows one block with every transaction in it.
func (r *Repository) Block(rev string) (BlockInfo, error) {
	id, err := r.Resolve(rev)
	if err != nil {
		return BlockInfo{}, err
	}
	b, err := r.history.Read(id)
	if err != nil {
		return BlockInfo{}, err
	}
	names, err := r.names()
	if err != nil {
		return BlockInfo{}, err
	}
	e, err := r.entry(b, names, -1)
	if err != nil {
		return BlockInfo{}, err
	}
	info := BlockInfo{
		Entry: e, State: b.State, TransactionsRoot: b.Transactions.Root, ReceiptsRoot: b.Receipts.Root, ChangesRoot: b.Changes.Root,
		Directory: b.Directory, Engine: b.Engine,
	}
	groups, err := r.changes(b)
	if err != nil {
		return BlockInfo{}, err
	}
	for _, g := range groups {
		info.Rows += uint64(len(g))
	}
	if !b.MergeRecord.IsZero() {
		if info.Merge, err = r.recorded(b, e.Calls); err != nil {
			return BlockInfo{}, err
		}
	}
	return info, nil
}

// recorded reads the merge record of a block.
func (r *Repository) recorded(b branch.Block, calls []CallSummary) (*MergeResult, error) {
	rec, err := branch.ReadMergeRecord(r.db, b.MergeRecord)
	if err != nil {
		return nil, err
	}
	m := &MergeResult{Kind: rec.Kind.String(), Block: b.ID, Source: rec.Source, Target: b.Parents[0], Bases: rec.Bases}
	for _, p := range rec.Approvals {
		m.Approved = append(m.Approved, p.Account)
	}
	for i, v := range rec.Verdicts {
		if i < len(calls) {
			m.add(Verdict{CallSummary: calls[i], Included: v.Code != branch.Excluded, Different: v.Code == branch.IncludedDifferent, From: v.Block})
		}
	}
	if rec.Kind != branch.Consistent {
		return m, nil
	}
	txs, _, err := r.bodies(b)
	if err != nil || len(txs) == 0 {
		return m, err
	}
	patch := txs[len(txs)-1]
	m.Patch = patch.id
	choices, err := choicesOf(patch.args)
	if err != nil {
		return nil, err
	}
	for _, c := range choices {
		key, err := wire.DecodeKey(c.Key)
		if err != nil || len(key) < 3 {
			return nil, fmt.Errorf("the key of a choice cannot be read: %w", err)
		}
		x := Chosen{Key: key[2:], Column: c.Column, Take: c.Take, Value: c.Value}
		x.Contract, _ = key[0].(string)
		x.Table, _ = key[1].(string)
		m.Chosen = append(m.Chosen, x)
	}
	return m, nil
}

func (m *MergeResult) add(v Verdict) {
	m.Verdicts = append(m.Verdicts, v)
	if v.Included {
		m.Included++
	} else {
		m.Excluded++
	}
}

// changes reads a block's change list, by position of the transaction.
func (r *Repository) changes(b branch.Block) (map[int][]sqlcontract.RowChange, error) {
	leaves, err := branch.ReadList(r.db, objectstore.KindChangeList, b.Changes)
	if err != nil {
		return nil, fmt.Errorf("block %s: %w", b.ID.Short(), err)
	}
	groups := map[int][]sqlcontract.RowChange{}
	for _, l := range leaves {
		g, err := sqlcontract.DecodeChanges(l.Data)
		if err != nil {
			return nil, fmt.Errorf("block %s: %w", b.ID.Short(), err)
		}
		groups[int(g.Transaction)] = append(groups[int(g.Transaction)], g.Rows...)
	}
	return groups, nil
}

// Transaction shows one transaction and its answer in the block that executed
// it last on the way to the current head, or else in any block that lists it.
func (r *Repository) Transaction(idPrefix string) (TransactionInfo, error) {
	id, err := r.transactionID(idPrefix)
	if err != nil {
		return TransactionInfo{}, err
	}
	return r.transaction(id)
}

// transactionID finds the one transaction whose id begins so.
func (r *Repository) transactionID(prefix string) (objectstore.Hash, error) {
	found := map[objectstore.Hash]bool{}
	if raw, err := hexPrefix(prefix); err == nil {
		err := r.db.ScanIndex(append([]byte("tx/"), raw...), func(key, _ []byte) error {
			if id := objectstore.Hash(key[3 : 3+objectstore.HashSize]); len(prefix)%2 == 0 || id.String()[:len(prefix)] == prefix {
				found[id] = true
			}
			return nil
		})
		if err != nil {
			return objectstore.Hash{}, err
		}
	}
	switch len(found) {
	case 1:
		for id := range found {
			return id, nil
		}
	case 0:
		return objectstore.Hash{}, fault.New("AG0201", "aergo show BLOCK lists a block's transactions.", "there is no transaction %q here", prefix)
	}
	return objectstore.Hash{}, fault.New("AG0201", "Write more digits.", "%d transactions begin with %s", len(found), prefix)
}

// found is a transaction in the block that executed it last.
type found struct {
	body
	receipt sqlcontract.Receipt
	places  []appearance
	at      appearance
	block   branch.Block
}

// find reads a transaction with its answer.
func (r *Repository) find(id objectstore.Hash) (found, error) {
	places, err := r.appearances(id)
	if err != nil {
		return found{}, err
	}
	if len(places) == 0 {
		return found{}, fault.New("AG0201", "", "there is no transaction %s here", id.Short())
	}
	f := found{places: places}
	if f.at, f.block, err = r.lastOf(places); err != nil {
		return found{}, err
	}
	txs, receipts, err := r.recent.bodies(r, f.block)
	if err != nil {
		return found{}, err
	}
	if f.at.position >= len(txs) || txs[f.at.position].id != id {
		return found{}, fmt.Errorf("the index of transactions is damaged: %s is not at position %d of block %s", id.Short(), f.at.position, f.block.ID.Short())
	}
	f.body, f.receipt = txs[f.at.position], receipts[f.at.position]
	return f, nil
}

// recent keeps the bodies of the block that was read last: who asks for one
// transaction often asks for its neighbours.
type recent struct {
	mu       sync.Mutex // guards the rest
	block    objectstore.Hash
	txs      []body
	receipts []sqlcontract.Receipt
}

func (c *recent) bodies(r *Repository, b branch.Block) ([]body, []sqlcontract.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.block != b.ID {
		txs, receipts, err := r.bodies(b)
		if err != nil {
			return nil, nil, err
		}
		c.block, c.txs, c.receipts = b.ID, txs, receipts
	}
	return c.txs, c.receipts, nil
}

func (r *Repository) transaction(id objectstore.Hash) (TransactionInfo, error) {
	f, err := r.find(id)
	if err != nil {
		return TransactionInfo{}, err
	}
	info := TransactionInfo{
		ID: id, Kind: kindName(f.header.Kind), Contract: f.header.Contract, Action: f.header.Action, Args: f.args, Account: f.header.Account,
		Created: time.UnixMilli(f.header.Created).UTC(), Expiry: time.UnixMilli(f.header.Expiry).UTC(), GasLimit: f.header.GasLimit,
		Block: f.block.ID, Number: uint64(f.block.Number), Position: f.at.position, Receipt: f.receipt,
	}
	copy(info.Provenance[:], f.header.Provenance)
	if f.header.Ledger != r.ledger {
		info.Origin = f.header.Ledger
	}
	for _, p := range f.places {
		info.Blocks = append(info.Blocks, p.block)
	}
	groups, err := r.changes(f.block)
	if err != nil {
		return TransactionInfo{}, err
	}
	tree, err := r.treeOf(f.block.State)
	if err != nil {
		return TransactionInfo{}, err
	}
	defer tree.Close()
	l, err := layoutsOf(tree, groups)
	if err != nil {
		return TransactionInfo{}, err
	}
	if info.Changes, err = l.rowDiffs(f.at.position, groups[f.at.position]); err != nil {
		return TransactionInfo{}, err
	}
	info.Text = f.text(tree)
	info.Branches, err = r.holding(info.Blocks)
	return info, err
}

// holding names the branches that have one of the blocks.
func (r *Repository) holding(blocks []objectstore.Hash) ([]string, error) {
	branches, err := r.Branches()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, b := range branches {
		for _, id := range blocks {
			has, err := r.history.IsAncestor(id, b.Head)
			if err != nil {
				return nil, err
			}
			if has {
				names = append(names, b.Name)
				break
			}
		}
	}
	return names, nil
}

// lastOf prefers the appearance nearest to the current head: of those that can
// be reached from it the one with the highest generation, then any.
func (r *Repository) lastOf(places []appearance) (appearance, branch.Block, error) {
	type candidate struct {
		appearance
		block branch.Block
		near  bool
	}
	head, err := r.Resolve("")
	if err != nil {
		return appearance{}, branch.Block{}, err
	}
	var list []candidate
	for _, p := range places {
		b, err := r.history.Read(p.block)
		if err != nil {
			return appearance{}, branch.Block{}, err
		}
		near, err := r.history.IsAncestor(p.block, head)
		if err != nil {
			return appearance{}, branch.Block{}, err
		}
		list = append(list, candidate{p, b, near})
	}
	sort.SliceStable(list, func(i, j int) bool {
		if list[i].near != list[j].near {
			return list[i].near
		}
		return list[i].block.Generation > list[j].block.Generation
	})
	return list[0].appearance, list[0].block, nil
}

func kindName(k sqlcontract.TransactionKind) string {
	switch k {
	case sqlcontract.KindCall:
		return "call"
	case sqlcontract.KindDeploy:
		return "deploy"
	}
	return "patch"
}
