package merge

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// An execution is one execution of a transaction: position i of a block's list.
type execution struct {
	block       objectstore.Hash
	position    int
	transaction objectstore.Hash
	account     objectstore.Account
	by          objectstore.Account // whose first keys signed, where it ran; empty: the account's
	seal        []byte              // of its signature, where it ran
	reverts     []objectstore.Hash  // what it takes back, where it ran; nil: it is no revert, or does not say
}

// once names what counts once: an account's salt. Two transactions of one
// idempotency key share it.
type once struct {
	account objectstore.Account
	salt    objectstore.Hash
}

// side is what one line of history did since it left the other.
type side struct {
	ran      map[once]execution // the last one
	excluded map[once]execution // where it ran before, as the verdict of a merge says; no block: excluded by a pick
	order    []once             // of both
}

// met gives where a transaction ran, for this side or, where this side excluded
// it, before.
func (s side) met(x once) (execution, bool) {
	if e, ok := s.ran[x]; ok {
		return e, true
	}
	e, ok := s.excluded[x]
	return e, ok
}

// mark reads from the history which cells are special: those of a transaction
// about which each side has decided by itself, whether it ran there or was
// excluded, those of reverts by which both took back the same, and those of a
// transaction of the source whose signer may not write
// on the target, or signed by keys that are not his any more.
func (m *threeWay) mark(store objectstore.Store, history *branch.History, ours, theirs []lineBlock, signedBy func(account, by objectstore.Account, seal []byte) ([]byte, error), may func(objectstore.Account, []byte) error, heads ...objectstore.Hash) error {
	a, err := readSide(store, history, ours)
	if err != nil {
		return err
	}
	b, err := readSide(store, history, theirs)
	if err != nil {
		return err
	}
	m.Twice, m.Denied = Cells{}, Cells{}
	rows := sourceRows{store: store, history: history}
	tables := map[string]*layout{}
	note := func(into Cells, e execution) error {
		if e.block.IsZero() {
			return nil
		}
		changes, err := rows.of(e.block, e.position)
		if err != nil {
			return err
		}
		for _, c := range changes {
			l, err := m.table(tables, c.Key)
			if err != nil {
				return err
			}
			if l == nil {
				continue
			}
			old, err1 := l.row(c.Old)
			new, err2 := l.row(c.New)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			into.Add(c.Key, old, new)
		}
		return nil
	}
	answers := map[string]error{} // of may, by account and keys
	revived, err := m.revived()
	if err != nil {
		return err
	}
	for _, x := range b.order { // a pick in vain does not say where it ran
		here, both := a.met(x)
		if there, _ := b.met(x); both && (here.block.IsZero() || there.block.IsZero()) {
			revived[here.transaction], revived[there.transaction] = true, true
		}
	}
	if err := everywhere(store, history, revived, func(e execution) error { return note(m.Twice, e) }, heads...); err != nil {
		return err
	}
	for _, e := range revertedTwice(a, b) {
		if err := note(m.Twice, e); err != nil {
			return err
		}
	}
	for _, x := range b.order {
		there, _ := b.met(x)
		if here, ok := a.met(x); ok {
			if err := errors.Join(note(m.Twice, here), note(m.Twice, there)); err != nil {
				return err
			}
		}
		if _, ok := b.ran[x]; !ok {
			continue
		}
		keys, err := signedBy(there.account, there.by, there.seal)
		if err != nil {
			return fmt.Errorf("block %s of the source: %w", there.block.Short(), err)
		}
		who := string(there.account) + string(keys)
		answer, known := answers[who]
		if !known {
			answer = may(there.account, keys)
			answers[who] = answer
		}
		switch err := answer; {
		case err == nil:
		case denied(err):
			if err := note(m.Denied, there); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

func readSide(store objectstore.Store, history *branch.History, blocks []lineBlock) (side, error) {
	s := side{ran: map[once]execution{}, excluded: map[once]execution{}}
	before := places{store: store, history: history}
	for _, b := range blocks {
		var verdicts []branch.Verdict
		picked := false
		if !b.MergeRecord.IsZero() {
			record, err := branch.ReadMergeRecord(store, b.MergeRecord)
			if err != nil {
				return s, err
			}
			verdicts, picked = record.Verdicts, record.Kind == branch.Picked
		}
		for i, e := range b.entries {
			x, tx := once{e.account, e.salt}, e.Transaction.ID()
			was, known := s.met(x)
			if ran, ok := s.ran[x]; ok { // on this line, and differently on one that it merged: this line's counts
				if later, err := history.IsAncestor(ran.block, b.ID); err != nil {
					return s, err
				} else if !later {
					continue
				}
			}
			switch {
			case e.status == sqlcontract.StatusOK:
				of, err := revertOf(e)
				if err != nil {
					return s, fmt.Errorf("block %s: %w", b.ID.Short(), err)
				}
				s.ran[x] = execution{b.ID, i, tx, e.account, e.by, e.Transaction.Seal, of}
				delete(s.excluded, x)
			case e.status == sqlcontract.StatusExcluded && i < len(verdicts) && (!known || was.transaction == tx):
				s.excluded[x] = execution{transaction: tx, account: e.account}
				if !picked { // what a pick names may be gone: of a rebase
					var err error
					if s.excluded[x], err = before.find(verdicts[i].Block, tx); err != nil {
						return s, err
					}
				}
				delete(s.ran, x)
			default:
				continue
			}
			if !known {
				s.order = append(s.order, x)
			}
		}
	}
	return s, nil
}

// places finds transactions in blocks and keeps what the last blocks hold.
type places struct {
	store   objectstore.Store
	history *branch.History
	blocks  map[objectstore.Hash]map[objectstore.Hash]execution // by block and transaction
}

// find gives the place of a transaction in a block.
func (p *places) find(block, tx objectstore.Hash) (execution, error) {
	held, ok := p.blocks[block]
	if !ok {
		b, err := p.history.Read(block)
		if err != nil {
			return execution{}, err
		}
		entries, err := readBlock(p.store, b)
		if err != nil {
			return execution{}, err
		}
		held = make(map[objectstore.Hash]execution, len(entries))
		for i, e := range entries {
			id := e.Transaction.ID()
			held[id] = execution{block: block, position: i, transaction: id, account: e.account}
		}
		if p.blocks == nil || len(p.blocks) == keptBlocks {
			p.blocks = map[objectstore.Hash]map[objectstore.Hash]execution{}
		}
		p.blocks[block] = held
	}
	e, ok := held[tx]
	if !ok {
		return execution{}, fmt.Errorf("block %s does not hold transaction %s, which a verdict says of it", block.Short(), tx.Short())
	}
	return e, nil
}

// denied tells a missing right from trouble.
func denied(err error) bool {
	f := fault.Of(err)
	return f != nil && strings.HasPrefix(f.ID, "AG05")
}

// revived finds the transactions that a merge base excluded and that count on
// both sides all the same: each side had run one before it took the base's line
// in, so no block that is new to the other lists it, and yet both differ from the
// base by what it did. Where its row of aergo_seen has expired it is not found.
func (m *threeWay) revived() (map[objectstore.Hash]bool, error) {
	from, err := wire.AppendKey(nil, "aergo_seen", "seen")
	if err != nil {
		return nil, err
	}
	found := map[objectstore.Hash]bool{}
	for _, id := range m.Bases {
		base, err := m.State(id)
		if err != nil {
			return nil, err
		}
		err = prolly.Diff(base, m.Ours, from, wire.KeyPrefixEnd(from), func(key, was, is []byte) error {
			theirs, _, err := m.Theirs.Get(key)
			if err != nil {
				return err
			}
			_, excluded, err1 := seenRow(was)
			tx, here, err2 := seenRow(is)
			_, there, err3 := seenRow(theirs)
			if excluded == sqlcontract.StatusExcluded && here == sqlcontract.StatusOK && there == here {
				found[tx] = true
			}
			return errors.Join(err1, err2, err3)
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// seenRow reads a row of aergo_seen; no row has no status.
func seenRow(value []byte) (tx objectstore.Hash, status sqlcontract.Status, err error) {
	if value == nil {
		return tx, 0, nil
	}
	cells, err := wire.DecodeRow(value)
	if err != nil || len(cells) != 2 {
		return tx, 0, errors.Join(err, errors.New("reading a row of aergo_seen: its cells are not (id, verdict)"))
	}
	id, ok1 := cells[0].([]byte)
	n, ok2 := cells[1].(int64)
	if !ok1 || !ok2 || len(id) != objectstore.HashSize {
		return tx, 0, errors.New("reading a row of aergo_seen: its cells are not (id, verdict)")
	}
	return objectstore.Hash(id), sqlcontract.Status(n), nil
}

// everywhere gives all executions that went well of some transactions, in the
// histories of some heads.
func everywhere(store objectstore.Store, history *branch.History, txs map[objectstore.Hash]bool, fn func(execution) error, heads ...objectstore.Hash) error {
	if len(txs) == 0 {
		return nil
	}
	for b, err := range history.Walk(false, heads...) {
		if err != nil {
			return err
		}
		entries, err := readBlock(store, b)
		if err != nil {
			return fmt.Errorf("block %s: %w", b.ID.Short(), err)
		}
		for i, e := range entries {
			if tx := e.Transaction.ID(); txs[tx] && e.status == sqlcontract.StatusOK {
				if err := fn(execution{block: b.ID, position: i, transaction: tx, account: e.account}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
