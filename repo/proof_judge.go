package repo

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// ProofOptions say what a proof is judged by beside what is in it. A proof holds
// the directory as it was when it was made: what became known later, revoked keys
// above all, is in a newer directory.
type ProofOptions struct {
	Ledger    *objectstore.Hash // the id that the proof must be of; nil: see VerifyProof
	Directory []byte            // a directory of that ledger (ExportDirectory); nil: none
	Now       time.Time         // the clock; zero: nothing is said of what has expired
}

// JudgeProof is VerifyProof, and asks the newest directory that is known, that of
// the proof or that of the options, whether the proof still counts. It fails with
// AG0509 where it was signed, or its transaction was, by a key that was revoked,
// unless the directory accepts what it signed and the proof shows that; with AG0511
// where its head does not descend from the branch's anchor; with AG0606 where
// admins kept another head of its number; and with AG0513 where its own directory
// was left. What cannot be told from the files is in the report's Notices.
func JudgeProof(data []byte, o ProofOptions) (ProofReport, error) {
	rep, p, err := verifyProof(data, o.Ledger)
	if err != nil {
		return ProofReport{}, notGood(err)
	}
	newest := p.state
	if o.Directory != nil {
		f, err := decodeDirectoryFile(o.Directory)
		if err != nil {
			return ProofReport{}, fault.New("AG0604", "Ask for a new one: aergo dd export -o FILE", "the directory is not good: %w", err)
		}
		if _, ledger, err := dd.DecodeGenesis(f.Genesis); err != nil || ledger != rep.Ledger {
			return ProofReport{}, fault.New("AG0601", "Take the directory of the proof's ledger.", "the directory is of ledger %s, the proof of %s", ledger.Short(), rep.Ledger.Short())
		}
		if newest, err = directoryOf(f.Genesis, f.Directory, nil); err != nil {
			return ProofReport{}, fault.New("AG0604", "Ask for a new one: aergo dd export -o FILE", "the directory is not good: %w", err)
		}
	}
	return p.judged(rep, newest, nil, o.Now)
}

// JudgeProof is JudgeProof by all that is known here: the directory, where blocks
// stand, and what is contested. The proof must be of this ledger.
func (r *Repository) JudgeProof(data []byte) (ProofReport, error) {
	rep, p, err := verifyProof(data, &r.ledger)
	if err != nil {
		return ProofReport{}, notGood(err)
	}
	newest, err := r.directory.Head()
	if err != nil {
		return ProofReport{}, err
	}
	return p.judged(rep, newest, r, r.now())
}

func notGood(err error) error {
	return fault.New("AG0604", "Ask for a new proof; this one proves nothing.", "the proof is not good: %w", err)
}

// proven is what of a proof file was found good.
type proven struct {
	file      *proofFile
	state     dd.State // at the end of its directory
	statement dd.Statement
	headers   []branch.Block // from the published head down
}

// judged asks what is known now. r is nil where nothing is but the directory.
func (p proven) judged(rep ProofReport, newest dd.State, r *Repository, now time.Time) (ProofReport, error) {
	s, err := p.newest(newest)
	if err == nil {
		err = p.counts(s, r, &rep)
	}
	if err == nil && r != nil {
		err = p.undisputed(s, r)
	}
	if err != nil {
		return ProofReport{}, err
	}
	b := s.Block()
	rep.Directory, rep.DirectoryNumber, rep.DirectoryTime = b.ID, b.Number, time.UnixMilli(b.Time).UTC()
	if known, ok, err := s.Branch(p.statement.Branch); err != nil {
		return ProofReport{}, err
	} else if ok && known.Epoch > p.statement.Epoch {
		rep.notice("", "it was published by a producer who has been replaced since")
	}
	if now.IsZero() {
		return rep, nil
	}
	if rep.Expired = p.statement.Expired(now.UnixMilli()); rep.Expired {
		rep.notice("AG0605", "its head statement expired on %s by this machine's clock: newer heads may have been published since", rep.Expires.Format("2006-01-02"))
	}
	if p.statement.Time > now.UnixMilli()+dd.MaxBlockAhead {
		rep.notice("AG0508", "its head statement is of %s, ahead of this machine's clock: compare the clocks", time.UnixMilli(p.statement.Time).UTC().Format("2006-01-02 15:04"))
	}
	return rep, nil
}

func (rep *ProofReport) notice(code, text string, args ...any) {
	rep.Notices = append(rep.Notices, Notice{Code: code, Text: fmt.Sprintf(text, args...)})
}

// newest gives the newer one of the proof's own directory and another.
func (p proven) newest(other dd.State) (dd.State, error) {
	if ok, err := other.Includes(p.state.Block().ID); err != nil || ok {
		return other, err
	}
	if ok, err := p.state.Includes(other.Block().ID); err != nil || ok {
		return p.state, err
	}
	if p.state.Better(other) {
		return p.state, nil
	}
	return other, fault.New("AG0513", "Ask for a new proof.", "the proof names directory block %s, which is not part of the directory's chain any more", p.state.Block().ID.Short())
}

// counts asks the newest directory about keys, anchor and decided evidence.
func (p proven) counts(s dd.State, r *Repository, rep *ProofReport) error {
	st := p.statement
	again := func(err error) error {
		if f := fault.Of(err); f != nil && (f.ID == "AG0509" || f.ID == "AG0511") {
			return fault.New(f.ID, "Ask the branch's present producer for a new proof.", "the proof does not count any more: %w", err)
		}
		return err
	}
	if err := s.CheckRevoked(st.Producer, p.file.Seal, st.Branch, p.within(r, p.headers[:1])); err != nil {
		return again(err)
	}
	b := p.headers[len(p.headers)-1]
	if l := p.file.Transaction; l != nil && rep.Receipt.Status != sqlcontract.StatusExcluded {
		if err := s.CheckRevokedBlock(rep.Account, l.Seal, b.Branch, p.within(r, p.headers)); err != nil {
			return again(err)
		}
	}
	kept, ok, err := s.Resolved(st.Branch, st.Epoch, st.Sequence)
	if err != nil {
		return err
	}
	if ok && kept != st.Block {
		return fault.New("AG0606", "Ask for a new proof.", "the producer published two heads as number %d; admins kept %s and not %s, by which the proof was made", st.Sequence, kept.Short(), st.Block.Short())
	}
	return again(s.CheckAnchor(st.Branch, uint64(p.headers[0].Number), func(anchor objectstore.Hash) (bool, error) { return p.contains(anchor, s, r, rep) }))
}

// within tells whether the last of some headers is a block or before it, as far as
// the headers or the history here show.
func (p proven) within(r *Repository, headers []branch.Block) func(objectstore.Hash) (bool, error) {
	return func(last objectstore.Hash) (bool, error) {
		if slices.ContainsFunc(headers, func(b branch.Block) bool { return b.ID == last }) || r == nil {
			return slices.ContainsFunc(headers, func(b branch.Block) bool { return b.ID == last }), nil
		}
		return hasBlock(r.history, last, headers[len(headers)-1].ID)
	}
}

// contains tells whether the published head has an anchor. The headers of a proof
// are one way down: what lies beside it or below its end is not told by them, and
// then the report says so.
func (p proven) contains(anchor objectstore.Hash, s dd.State, r *Repository, rep *ProofReport) (bool, error) {
	if slices.ContainsFunc(p.headers, func(b branch.Block) bool { return b.ID == anchor }) {
		return true, nil
	}
	if r != nil {
		ok, err := r.history.IsAncestor(anchor, p.headers[0].ID)
		if err == nil || !errors.Is(err, objectstore.ErrNotFound) {
			return ok, err
		}
	}
	known, _, err := s.Branch(p.statement.Branch)
	if err != nil {
		return false, err
	}
	for _, b := range p.headers {
		if len(b.Parents) > 1 {
			break
		}
		if uint64(b.Number) <= known.Anchor.Number {
			return false, nil // the one way down passes its number, without it
		}
	}
	rep.notice("", "whether its head descends from block %s, where directory block %d anchored the branch, is not told by it", anchor.Short(), known.Anchor.Since)
	return true, nil
}

// undisputed asks what is known here of published heads.
func (p proven) undisputed(s dd.State, r *Repository) error {
	if err := r.directory.CheckContested(s, p.statement.Branch); err != nil {
		return err
	}
	other, err := r.directory.Contradicts(p.statement)
	if err != nil || other == nil {
		return err
	}
	if kept, ok, err := s.Resolved(p.statement.Branch, p.statement.Epoch, p.statement.Sequence); err != nil || ok && kept == p.statement.Block {
		return err
	}
	return fault.New("AG0606", "aergo dd import FILE keeps both as evidence.", "the producer published two heads as number %d: %s is known here, and the proof was made by %s",
		p.statement.Sequence, other.Block.Short(), p.statement.Block.Short())
}
