package dd

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

const refFork = "fork/" // + term / account => the ids of the two blocks of a Fork, 64 bytes

// Fork is two directory blocks that one producer made in one term and of which
// neither follows the other, the lower id first: within a term a producer makes
// one chain, so both blocks, each with the chain below it, prove that he made
// two. It stands until the admins appoint a producer anew, the same one or
// another, which begins a new term (Standing).
type Fork struct {
	Term     uint64
	Producer objectstore.Account
	A, B     Block
}

// tenure is by whom and in which term a block was made.
type tenure struct {
	term     uint64
	producer objectstore.Account
}

// forksOf finds what two lines of blocks after one state prove: for each producer
// and term that are on both, the first block of each line. None is verified here.
func forksOf(from State, a, b []Block) ([]Fork, error) {
	first, err := firstOfTenure(from, a)
	if err != nil {
		return nil, err
	}
	others, err := firstOfTenure(from, b)
	if err != nil {
		return nil, err
	}
	var list []Fork
	for t, x := range first {
		y, ok := others[t]
		if !ok || x.ID == y.ID {
			continue
		}
		if bytes.Compare(x.ID[:], y.ID[:]) > 0 {
			x, y = y, x
		}
		list = append(list, Fork{t.term, t.producer, x, y})
	}
	slices.SortFunc(list, func(x, y Fork) int { return strings.Compare(x.ref(), y.ref()) })
	return list, nil
}

func firstOfTenure(from State, line []Block) (map[tenure]Block, error) {
	first := map[tenure]Block{}
	term := from.ledger.Term
	for _, b := range line {
		t := tenure{term, b.Producer}
		if takesOver(b) {
			t.term++ // he made it by the right that it gives
		}
		if _, ok := first[t]; !ok {
			first[t] = b
		}
		for _, data := range b.Operations {
			op, _, err := DecodeOperation(data)
			if err != nil {
				return nil, err
			}
			if op.Kind == KindProducer {
				term++
			}
		}
	}
	return first, nil
}

// VerifyFork verifies two chains that follow the block of one state, oldest first,
// and gives what they prove, or fails with AG0608 where that is nothing.
func VerifyFork(from State, a, b []SealedBlock) (Fork, error) {
	var lines [2][]Block
	for i, chain := range [][]SealedBlock{a, b} {
		s := from
		for _, sealed := range chain {
			var err error
			if s, err = s.Next(sealed); err != nil {
				return Fork{}, err
			}
			lines[i] = append(lines[i], s.block)
		}
	}
	list, err := forksOf(from, lines[0], lines[1])
	if err != nil {
		return Fork{}, err
	}
	// Two chains part once: where their first blocks are the same they part later.
	if len(list) == 0 || lines[0][0].ID == lines[1][0].ID {
		return Fork{}, fault.New("AG0608", "", "two chains after directory block %d do not contradict each other: no producer made blocks of both in one term", from.block.Number)
	}
	return list[len(list)-1], nil // of the latest term
}

// Standing reports whether a fork is by the present producer in his present
// term: nobody has decided yet.
func (s State) Standing(f Fork) bool {
	return f.Term == s.ledger.Term && f.Producer == s.ledger.Producer
}

func (f Fork) ref() string { return fmt.Sprintf("%s%d/%s", refFork, f.Term, f.Producer) }

// line gives the blocks from the one after the last that is part of s's chain up
// to a stored block, and that last one.
func (d *Directory) line(s State, to Block) (line []Block, from Block, err error) {
	for {
		if ok, err := s.Includes(to.ID); err != nil || ok {
			slices.Reverse(line)
			return line, to, err
		}
		line = append(line, to)
		if to, err = d.Block(to.Parent); err != nil {
			return nil, to, err
		}
	}
}

// notice puts into the batch what a chain proves together with the head's: both
// chains are then kept. old is the stored block that the chain follows.
func (d *Directory) notice(w *writer, head State, old Block, chain []SealedBlock, states []State) error {
	line, at, err := d.line(head, old)
	if err != nil {
		return err
	}
	if at.ID == head.block.ID {
		return nil // it only goes on
	}
	for _, s := range states {
		line = append(line, s.block)
	}
	from, err := d.At(at.ID)
	if err != nil {
		return err
	}
	ours, _, err := d.line(from, head.block)
	if err != nil {
		return err
	}
	list, err := forksOf(from, ours, line)
	if err != nil {
		return err
	}
	for _, f := range list {
		if _, err := d.refs.Ref(f.ref()); err == nil {
			continue // one is enough
		} else if !errors.Is(err, objectstore.ErrNotFound) {
			return err
		}
		for i, s := range states {
			if err := w.put(s, chain[i]); err != nil {
				return err
			}
			if s.block.ID == f.A.ID || s.block.ID == f.B.ID {
				break
			}
		}
		if err := w.b.SetRef(f.ref(), nil, append(f.A.ID[:], f.B.ID[:]...)); err != nil {
			return err
		}
	}
	return nil
}

// Forks gives all that is kept here, settled or not.
func (d *Directory) Forks() (list []Fork, err error) {
	err = d.refs.Refs(refFork, func(name string, value []byte) error {
		bad := fmt.Errorf("the ref %s is damaged", name)
		term, account, ok := strings.Cut(strings.TrimPrefix(name, refFork), "/")
		n, err := strconv.ParseUint(term, 10, 64)
		if !ok || err != nil || len(value) != 2*objectstore.HashSize {
			return bad
		}
		f := Fork{Term: n, Producer: objectstore.Account(account)}
		if f.A, err = d.Block(objectstore.Hash(value[:objectstore.HashSize])); err != nil {
			return err
		}
		if f.B, err = d.Block(objectstore.Hash(value[objectstore.HashSize:])); err != nil {
			return err
		}
		list = append(list, f)
		return nil
	})
	return list, err
}

// StandingFork gives the fork of the present producer that nobody has decided;
// nil where there is none.
func (d *Directory) StandingFork(s State) (*Fork, error) {
	list, err := d.Forks()
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		if s.Standing(f) {
			return &f, nil
		}
	}
	return nil, nil
}

// Refusal is the error of a fork, AG0607.
func (s State) Refusal(f Fork) error {
	other := f.B
	if on, err := s.Includes(f.B.ID); err == nil && on {
		other = f.A
	}
	return fault.New("AG0607", fmt.Sprintf("Admins say which goes on, and who makes it: aergo dd producer WHO --after %s for the one that is followed, --after %s for the other", s.block.ID.Short(), other.ID.Short()),
		"the directory's producer %s made two chains: block %d, %s, and block %d, %s", s.who(f.Producer), f.A.Number, f.A.ID.Short(), f.B.Number, f.B.ID.Short())
}

// OtherLine gives the chain that proves a standing fork beside s's own, oldest
// first: the first follows a block of s's chain.
func (d *Directory) OtherLine(s State, f Fork) ([]SealedBlock, error) {
	for _, b := range []Block{f.A, f.B} {
		line, _, err := d.line(s, b)
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			continue
		}
		chain := make([]SealedBlock, len(line))
		for i, b := range line {
			if chain[i], err = d.Sealed(b.ID); err != nil {
				return nil, err
			}
		}
		return chain, nil
	}
	return nil, fmt.Errorf("the blocks %s and %s are both part of one chain", f.A.ID.Short(), f.B.ID.Short())
}
