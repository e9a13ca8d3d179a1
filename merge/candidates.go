package merge

import (
	"bytes"
	"fmt"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Candidate is a transaction of the source's line that may be new to the target.
type Candidate struct {
	Transaction sqlcontract.Transaction
	// Block and Position say where the source's line executed it last: the rows
	// it changed there decide between included and different.
	Block    objectstore.Hash
	Position int

	status   sqlcontract.Status // its last verdict on the source's line
	kind     sqlcontract.TransactionKind
	account  objectstore.Account
	by       objectstore.Account // sqlcontract.Header.By
	salt     objectstore.Hash
	contract string
	ofMerge  bool // the patch of a merge
}

// OK tells whether it ran well where the source's line executed it last.
func (c Candidate) OK() bool { return c.status == sqlcontract.StatusOK }

// OfMerge tells whether it is the patch of a merge.
func (c Candidate) OfMerge() bool { return c.ofMerge }

// Contract and Account name what it calls and who signed it.
func (c Candidate) Contract() string             { return c.contract }
func (c Candidate) Account() objectstore.Account { return c.account }

// Candidates gives, in the order of replay, the transactions of blocks that can
// be reached from source and not from target, whose last verdict on the
// source's line is ok. Those that the target has seen are still among them:
// only the target's state knows.
func Candidates(store objectstore.Store, history *branch.History, source, target objectstore.Hash) ([]Candidate, error) {
	blocks, err := readLine(store, history, source, target)
	if err != nil {
		return nil, err
	}
	return candidates(history, blocks)
}

// candidates picks from the blocks of a line.
func candidates(history *branch.History, blocks []lineBlock) ([]Candidate, error) {
	var all []Candidate
	place := map[objectstore.Hash]int{} // transaction id -> index in all
	for _, b := range blocks {
		for i, e := range b.entries {
			txid := e.Transaction.ID()
			if at, known := place[txid]; known {
				// Executed again further up, in a block that merged or picked it. What a
				// line that was merged in made of it is not what this line had made of it.
				later, err := history.IsAncestor(all[at].Block, b.ID)
				if err != nil {
					return nil, err
				}
				if later {
					all[at].Block, all[at].Position, all[at].status = b.ID, i, e.status
				}
				continue
			}
			if len(b.Parents) == 2 && !e.ofMerge {
				continue // a candidate of that merge whose own block the target has
			}
			place[txid] = len(all)
			e.Block, e.Position = b.ID, i
			all = append(all, e)
		}
	}
	offered := all[:0]
	for _, c := range all {
		if c.status == sqlcontract.StatusOK {
			offered = append(offered, c)
		}
	}
	return offered, nil
}

// lineBlock is a block with its transactions and their last statuses there.
type lineBlock struct {
	branch.Block
	entries []Candidate
}

// readLine reads the blocks that can be reached from head and not from other,
// in the order of replay.
func readLine(store objectstore.Store, history *branch.History, head, other objectstore.Hash) ([]lineBlock, error) {
	ids, err := history.Only(head, other)
	if err != nil {
		return nil, fmt.Errorf("finding what %s has and %s has not: %w", head.Short(), other.Short(), err)
	}
	blocks := make([]lineBlock, len(ids))
	for i, id := range ids {
		if blocks[i].Block, err = history.Read(id); err != nil {
			return nil, err
		}
		if blocks[i].entries, err = readBlock(store, blocks[i].Block); err != nil {
			return nil, fmt.Errorf("block %s: %w", id.Short(), err)
		}
	}
	return blocks, nil
}

// readBlock gives a block's transactions with their receipts' statuses.
func readBlock(store objectstore.Store, b branch.Block) ([]Candidate, error) {
	txs, err := branch.ReadList(store, objectstore.KindTransactionList, b.Transactions)
	if err != nil {
		return nil, err
	}
	receipts, err := branch.ReadList(store, objectstore.KindReceiptList, b.Receipts)
	if err != nil {
		return nil, err
	}
	if len(receipts) != len(txs) {
		return nil, fmt.Errorf("it has %d transactions and %d receipts", len(txs), len(receipts))
	}
	entries := make([]Candidate, len(txs))
	for i := range txs {
		t, err := sqlcontract.FromLeaf(txs[i])
		if err != nil {
			return nil, err
		}
		r, err := sqlcontract.DecodeReceipt(receipts[i].Data)
		if err != nil {
			return nil, err
		}
		h, err := sqlcontract.DecodeHeader(t.Data)
		if err != nil {
			return nil, err
		}
		entries[i] = Candidate{Transaction: t, status: r.Status, kind: h.Kind, account: h.Account, by: h.By, salt: h.Salt, contract: h.Contract, ofMerge: h.OfMerge()}
	}
	return entries, nil
}

// keptBlocks is how many blocks are kept decoded of those that are asked for in
// no order: what one block brought mostly came from few.
const keptBlocks = 8

// sourceRows reads change lists of the source's blocks and keeps the last ones.
type sourceRows struct {
	store   objectstore.Store
	history *branch.History
	blocks  map[objectstore.Hash]map[uint64][]sqlcontract.RowChange
}

// of gives the rows that the transaction at a position of a block changed.
func (s *sourceRows) of(block objectstore.Hash, position int) ([]sqlcontract.RowChange, error) {
	if rows, ok := s.blocks[block]; ok {
		return rows[uint64(position)], nil
	}
	b, err := s.history.Read(block)
	if err != nil {
		return nil, err
	}
	leaves, err := branch.ReadList(s.store, objectstore.KindChangeList, b.Changes)
	if err != nil {
		return nil, err
	}
	rows := map[uint64][]sqlcontract.RowChange{}
	for _, l := range leaves {
		g, err := sqlcontract.DecodeChanges(l.Data)
		if err != nil {
			return nil, fmt.Errorf("block %s: %w", block.Short(), err)
		}
		rows[g.Transaction] = append(rows[g.Transaction], g.Rows...)
	}
	if s.blocks == nil || len(s.blocks) == keptBlocks {
		s.blocks = map[objectstore.Hash]map[uint64][]sqlcontract.RowChange{}
	}
	s.blocks[block] = rows
	return rows[uint64(position)], nil
}

// same tells whether a candidate changed exactly these rows where it ran last.
func (s *sourceRows) same(c Candidate, rows []sqlcontract.RowChange) (bool, error) {
	then, err := s.of(c.Block, c.Position)
	if err != nil || len(then) != len(rows) {
		return false, err
	}
	for i := range rows {
		if !bytes.Equal(then[i].Key, rows[i].Key) || !bytes.Equal(then[i].Old, rows[i].Old) || !bytes.Equal(then[i].New, rows[i].New) {
			return false, nil
		}
	}
	return true, nil
}
