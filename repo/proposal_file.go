package repo

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// proposalWord begins the line of a proposal in a file; base64 (RFC 4648, with
// padding) of its canonical CBOR follows, docs/formats/directory.md. It may stand
// among signed transactions and operations (submit_file.go).
const proposalWord = "aergo-proposal-v1 "

// ReadProposals reads the proposals in a file from foreign bytes, each with the
// signatures that count now, joined with those that are kept here. Lines of
// signed transactions and operations are passed over. Nothing is kept yet.
func (r *Repository) ReadProposals(file []byte) ([]Proposal, error) {
	s, err := r.directory.Head()
	if err != nil {
		return nil, err
	}
	kept, err := r.directory.Proposals()
	if err != nil {
		return nil, err
	}
	known := map[objectstore.Hash]dd.Proposal{}
	for _, p := range kept {
		known[p.ID()] = p
	}
	parts, err := r.partials()
	if err != nil {
		return nil, err
	}
	var ids []objectstore.Hash
	n := 0
	for line := range strings.Lines(string(file)) {
		n++
		line = strings.TrimSpace(line)
		var id objectstore.Hash
		if text, ok := strings.CutPrefix(line, proposalWord); ok {
			p, err := r.decodeProposal(s, text)
			if err != nil {
				return nil, badProposal(n, err)
			}
			id = p.ID()
			if mine, ok := known[id]; ok {
				if p, err = mine.Join(s, p); err != nil {
					return nil, err
				}
			}
			known[id] = p
		} else if text, ok := strings.CutPrefix(line, partialWord); ok {
			p, about, err := r.readPartial(s, text)
			if err != nil {
				return nil, badProposal(n, err)
			}
			id = about.id
			p.Signatures = dd.JoinSignatures(p.Signatures, parts[id].Signatures...)
			parts[id] = p
		} else {
			continue
		}
		if !slices.Contains(ids, id) {
			if ids = append(ids, id); len(ids) > maxProposals {
				return nil, fault.New("AG0523", "Divide the file.", "the file holds more than %d proposals", maxProposals)
			}
		}
	}
	list := make([]Proposal, len(ids))
	for i, id := range ids {
		if p, ok := parts[id]; ok {
			about, err := p.paper(r.ledger)
			if err != nil {
				return nil, err
			}
			if list[i], err = r.describePartial(s, p, about); err != nil {
				return nil, err
			}
		} else if list[i], err = r.proposal(s, known[id]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func badProposal(line int, err error) error {
	return fault.New("AG0523", "Ask for the file again: -o FILE of the command that proposes or signs writes it.", "line %d is no proposal for this ledger: %w", line, err)
}

// decodeProposal reads one proposal and leaves out the signatures that do not
// count: forged ones, and those of accounts that are not asked.
func (r *Repository) decodeProposal(s dd.State, text string) (dd.Proposal, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return dd.Proposal{}, err
	}
	p, err := dd.DecodeProposal(data)
	if err != nil {
		return dd.Proposal{}, err
	}
	op, change, err := dd.DecodeOperation(p.Operation)
	if err != nil {
		return dd.Proposal{}, err
	}
	if op.Ledger != s.Ledger() {
		return dd.Proposal{}, fmt.Errorf("it is for another ledger, %s", op.Ledger.Short())
	}
	if s, err = r.stateFor(s, change); err != nil {
		return dd.Proposal{}, err
	}
	asked, err := askedFor(s, p)
	if err != nil {
		return dd.Proposal{}, err
	}
	if len(p.Signatures) == 0 {
		return p, nil // made for somebody else to sign
	}
	signed := p
	signed.Signatures = slices.DeleteFunc(slices.Clone(p.Signatures), func(sig dd.Signature) bool { return !slices.Contains(asked, sig.Account) })
	p.Signatures = []dd.Signature{}
	if p, err = p.Join(s, signed); err != nil {
		return p, err
	}
	if len(p.Signatures) == 0 {
		return p, errNobodySigned
	}
	return p, nil
}

// EncodeProposal is a proposal with its signatures as a line, with its line end.
func EncodeProposal(p Proposal) (string, error) {
	if p.part != nil {
		data, err := wire.Marshal(p.part)
		return partialWord + base64.StdEncoding.EncodeToString(data) + "\n", err
	}
	data, err := p.whole.Encode()
	if err != nil {
		return "", err
	}
	return proposalWord + base64.StdEncoding.EncodeToString(data) + "\n", nil
}
