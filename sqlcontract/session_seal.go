package sqlcontract

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Sealed is what a block's transactions come to: the roots that its header
// names, and the objects behind them.
type Sealed struct {
	State        objectstore.Hash
	Transactions objectstore.Hash // list of Count leaves, see Transaction.Leaf
	Receipts     objectstore.Hash // list of Count leaves
	Changes      objectstore.Hash // list of Leaves leaves, see ChangeGroup
	Count        uint64
	Leaves       uint64

	state *prolly.Map
	lists [3]list
	marks []func() // tell the node cache that a write has succeeded
}

type list struct {
	kind   objectstore.Kind
	leaves []objectstore.Leaf
}

// Seal ends the transactions of the block and gives its roots. Write them with
// WriteTo, and when the batch is durable, Commit.
func (s *Session) Seal() (*Sealed, error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if s.sealed != nil && !s.ended {
		return s.sealed, nil
	}
	if err := s.usable(); err != nil {
		return nil, err
	}
	d := &Sealed{}
	rows := make([]prolly.Edit, 0, len(s.overlay))
	for _, r := range s.overlay {
		if err := s.compare(r); err != nil {
			s.broken = fmt.Errorf("sealing block %d: %w", s.block.Number, err)
			return nil, s.broken
		}
		rows = append(rows, prolly.Edit{Key: r.Key, Value: r.New})
	}
	var txs, receipts, changes []objectstore.Leaf
	for i, r := range s.done {
		leaf, err := r.tx.raw.Leaf()
		if err != nil {
			return nil, err
		}
		txs = append(txs, leaf)
		b, err := r.receipt.Encode()
		if err != nil {
			return nil, err
		}
		receipts = append(receipts, objectstore.Leaf{Data: b})
		if changes, err = encodeChanges(changes, uint64(i), r.rows); err != nil {
			return nil, err
		}
	}
	if err := d.fill(s.base, rows, txs, receipts, changes); err != nil {
		return nil, fmt.Errorf("sealing block %d: %w", s.block.Number, err)
	}
	s.sealed = d
	return d, nil
}

// compare holds what SQLite said a row was before the block against the state.
// They differ only if the file was damaged in a way that SQLite does not notice.
func (s *Session) compare(r *RowChange) error {
	old, _, err := s.base.Get(r.Key)
	if errors.Is(err, prolly.ErrErased) {
		return nil // its hash is kept, its bytes cannot be compared
	}
	if err != nil {
		return err
	}
	if (old == nil) != (r.Old == nil) || !bytes.Equal(old, r.Old) {
		s.capture.mismatch = "?"
		return fmt.Errorf("row %x: the working tree does not hold what the state holds; it will be rebuilt", r.Key)
	}
	return nil
}

// fill computes the roots.
func (d *Sealed) fill(base *prolly.Map, rows []prolly.Edit, txs, receipts, changes []objectstore.Leaf) error {
	var err error
	if d.state, err = base.Apply(rows); err != nil {
		return err
	}
	d.State = d.state.Root()
	d.Transactions = objectstore.ListRoot(txs)
	d.Receipts = objectstore.ListRoot(receipts)
	d.Changes = objectstore.ListRoot(changes)
	d.Count, d.Leaves = uint64(len(txs)), uint64(len(changes))
	d.lists = [3]list{{objectstore.KindTransactionList, txs}, {objectstore.KindReceiptList, receipts}, {objectstore.KindChangeList, changes}}
	return nil
}

// WriteTo adds the lists, the new nodes of the state and the long values to a
// batch.
func (d *Sealed) WriteTo(b objectstore.Batch) error {
	for _, l := range d.lists {
		if len(l.leaves) == 0 {
			continue
		}
		data, err := objectstore.EncodeList(l.leaves)
		if err != nil {
			return fmt.Errorf("writing a block's %v: %w", l.kind, err)
		}
		if _, err := b.Put(l.kind, data); err != nil {
			return fmt.Errorf("writing a block's %v: %w", l.kind, err)
		}
	}
	mark, err := d.state.Write(b.PutHashed)
	if err != nil {
		return fmt.Errorf("writing a block's state: %w", err)
	}
	d.marks = append(d.marks, mark)
	return nil
}

// saved tells the node cache that what WriteTo put is durable.
func (d *Sealed) saved() {
	for _, mark := range d.marks {
		mark()
	}
	d.marks = nil
}

// Saved is for a Sealed made by Rebuild: call it when the batch of WriteTo is
// durable, so that its nodes need not be written again. Commit does it for a
// session's.
func (d *Sealed) Saved() { d.saved() }

// Rebuild computes a block's roots from its transactions, receipts and change
// list on its parent's state, without running anything: the change sets, the
// seen rows that the transactions imply, and the deletion of expired ones. It
// fails unless every old value is what the state holds, and the change list is
// written as Seal writes it. Who compares the roots with the block's header has
// verified the state a second way.
//
// Only ids, accounts, salts and expiries of the transactions are used: they may
// be unverified or erased. A merge block with patches or cells of its own is
// not of this kind.
func (e *Engine) Rebuild(parent objectstore.Hash, time int64, txs []Transaction, receipts []Receipt, changes []objectstore.Leaf) (*Sealed, error) {
	if len(txs) != len(receipts) {
		return nil, fmt.Errorf("rebuilding a state: %d transactions have %d receipts", len(txs), len(receipts))
	}
	if parent.IsZero() {
		parent = prolly.EmptyRoot()
	}
	b := &rebuild{base: prolly.Load(e.nodes, parent), overlay: map[string][]byte{}}
	gone, err := expired(b.base, time)
	if err != nil {
		return nil, fmt.Errorf("rebuilding a state: %w", err)
	}
	for _, row := range gone {
		b.overlay[string(row.key)] = nil
	}
	groups, err := readGroups(changes, len(txs))
	if err != nil {
		return nil, fmt.Errorf("rebuilding a state: %w", err)
	}
	var txLeaves, receiptLeaves []objectstore.Leaf
	for i, tx := range txs {
		if err := b.transaction(tx, receipts[i], groups[i]); err != nil {
			return nil, fmt.Errorf("rebuilding a state, transaction %d: %w", i, err)
		}
		leaf, err := tx.Leaf()
		if err != nil {
			return nil, err
		}
		data, err := receipts[i].Encode()
		if err != nil {
			return nil, err
		}
		txLeaves, receiptLeaves = append(txLeaves, leaf), append(receiptLeaves, objectstore.Leaf{Data: data})
	}
	edits := make([]prolly.Edit, 0, len(b.overlay))
	for key, value := range b.overlay {
		edits = append(edits, prolly.Edit{Key: []byte(key), Value: value})
	}
	d := &Sealed{}
	if err := d.fill(b.base, edits, txLeaves, receiptLeaves, changes); err != nil {
		return nil, fmt.Errorf("rebuilding a state: %w", err)
	}
	return d, nil
}

// readGroups gives each transaction's rows, and refuses a change list that Seal
// would have cut in another way.
func readGroups(changes []objectstore.Leaf, n int) ([][]RowChange, error) {
	rows := make([][]RowChange, n)
	at := 0
	for _, leaf := range changes {
		g, err := DecodeChanges(leaf.Data)
		if err != nil {
			return nil, err
		}
		if g.Transaction >= uint64(n) || int(g.Transaction) < at {
			return nil, fmt.Errorf("the change list names transaction %d out of order", g.Transaction)
		}
		at = int(g.Transaction)
		rows[at] = append(rows[at], g.Rows...)
	}
	var again []objectstore.Leaf
	for i := range rows {
		var err error
		if again, err = encodeChanges(again, uint64(i), rows[i]); err != nil {
			return nil, err
		}
		for j := 1; j < len(rows[i]); j++ {
			if bytes.Compare(rows[i][j-1].Key, rows[i][j].Key) >= 0 {
				return nil, fmt.Errorf("the rows of transaction %d do not ascend", i)
			}
		}
	}
	if objectstore.ListRoot(again) != objectstore.ListRoot(changes) {
		return nil, errors.New("the change list is not cut as it has to be")
	}
	return rows, nil
}

// rebuild is a state under reconstruction.
type rebuild struct {
	base    *prolly.Map
	overlay map[string][]byte
}

func (b *rebuild) get(key []byte) ([]byte, error) {
	if v, ok := b.overlay[string(key)]; ok {
		return v, nil
	}
	v, _, err := b.base.Get(key)
	return v, err
}

func (b *rebuild) transaction(tx Transaction, receipt Receipt, rows []RowChange) error {
	h, err := DecodeHeader(tx.Data)
	if err != nil {
		return err
	}
	switch {
	case receipt.Transaction != tx.ID():
		return errors.New("its receipt answers another transaction")
	case receipt.Changed != uint64(len(rows)):
		return fmt.Errorf("its receipt says %d rows and the change list has %d", receipt.Changed, len(rows))
	case receipt.Status != StatusOK && len(rows) > 0:
		return errors.New("it did not succeed and changes rows")
	}
	for _, r := range rows {
		if bytes.HasPrefix(r.Key, contractPrefix(systemSeen)) && !h.OfMerge() {
			return errors.New("a row of aergo_seen stands in the change list")
		}
		key, err := wire.DecodeKey(r.Key)
		if err != nil {
			return err
		}
		if name, _ := key[0].(string); h.Kind == KindPatch && strings.HasPrefix(name, systemPrefix) && name != systemSeen && name != systemTotal {
			return fmt.Errorf("a patch lists a row of %s", name)
		}
		old, err := b.get(r.Key)
		if err != nil && !errors.Is(err, prolly.ErrErased) {
			return err
		}
		if err == nil && ((old == nil) != (r.Old == nil) || !bytes.Equal(old, r.Old)) {
			return fmt.Errorf("row %x was not what the change list says", r.Key)
		}
		b.overlay[string(r.Key)] = r.New
	}
	if !receipt.leavesRow() {
		return nil
	}
	key, err := seenKey(day(h.Expiry), h.Account, h.Salt)
	if err != nil {
		return err
	}
	was, err := b.get(key)
	if err != nil {
		return err
	}
	excluded, err := seenRow(tx.ID(), StatusExcluded)
	if err != nil {
		return err
	}
	if was != nil && !bytes.Equal(was, excluded) {
		return fmt.Errorf("transaction %s has run before, or another one with its salt", tx.ID().Short())
	}
	b.overlay[string(key)], err = seenRow(tx.ID(), receipt.Status)
	return err
}
