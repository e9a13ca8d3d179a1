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
	blocks, err := history.Only(source, target)
	if err != nil {
		return nil, fmt.Errorf("finding what %s has and %s has not: %w", source.Short(), target.Short(), err)
	}
	var all []Candidate
	place := map[objectstore.Hash]int{} // transaction id -> index in all
	for _, id := range blocks {
		b, err := history.Read(id)
		if err != nil {
			return nil, err
		}
		entries, err := readBlock(store, b)
		if err != nil {
			return nil, fmt.Errorf("block %s: %w", id.Short(), err)
		}
		for i, e := range entries {
			txid := e.Transaction.ID()
			if at, known := place[txid]; known {
				// Executed again further up, in a block that merged or picked it. What a
				// line that was merged in made of it is not what this line had made of it.
				later, err := history.IsAncestor(all[at].Block, id)
				if err != nil {
					return nil, err
				}
				if later {
					all[at].Block, all[at].Position, all[at].status = id, i, e.status
				}
				continue
			}
			if len(b.Parents) == 2 && !e.ofMerge {
				continue // a candidate of that merge whose own block the target has
			}
			place[txid] = len(all)
			e.Block, e.Position = id, i
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
		entries[i] = Candidate{Transaction: t, status: r.Status, kind: h.Kind, account: h.Account, salt: h.Salt, contract: h.Contract, ofMerge: h.OfMerge()}
	}
	return entries, nil
}

// sourceRows reads change lists of the source's blocks, each once.
type sourceRows struct {
	store   objectstore.Store
	history *branch.History
	block   objectstore.Hash
	rows    map[uint64][]sqlcontract.RowChange
}

// of gives the rows that the transaction at a position of a block changed.
func (s *sourceRows) of(block objectstore.Hash, position int) ([]sqlcontract.RowChange, error) {
	if s.rows == nil || s.block != block {
		b, err := s.history.Read(block)
		if err != nil {
			return nil, err
		}
		leaves, err := branch.ReadList(s.store, objectstore.KindChangeList, b.Changes)
		if err != nil {
			return nil, err
		}
		s.block, s.rows = block, map[uint64][]sqlcontract.RowChange{}
		for _, l := range leaves {
			g, err := sqlcontract.DecodeChanges(l.Data)
			if err != nil {
				return nil, fmt.Errorf("block %s: %w", block.Short(), err)
			}
			s.rows[g.Transaction] = append(s.rows[g.Transaction], g.Rows...)
		}
	}
	return s.rows[uint64(position)], nil
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
