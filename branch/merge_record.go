package branch

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// MergeKind says how a block brought transactions of another branch in.
type MergeKind uint64

// The kinds of merge records. Values are part of the format.
const (
	Automatic  MergeKind = 1 // replay; two parents
	Consistent MergeKind = 2 // three-way by row and cell; two parents
	Picked     MergeKind = 3 // cherry-pick; one parent, no source and no bases
)

// String names the kind.
func (k MergeKind) String() string {
	switch k {
	case Automatic:
		return "automatic"
	case Consistent:
		return "consistent"
	case Picked:
		return "picked"
	}
	return fmt.Sprintf("unknown merge kind %d", uint64(k))
}

// VerdictCode says what became of a candidate. Values are part of the format.
type VerdictCode uint64

// The verdicts.
const (
	Included          VerdictCode = 1 // with the rows of its last execution on the source
	IncludedDifferent VerdictCode = 2 // with other rows
	Excluded          VerdictCode = 3 // Reason says why
)

// String is the verdict as people see it.
func (c VerdictCode) String() string {
	switch c {
	case Included:
		return "included"
	case IncludedDifferent:
		return "included, different"
	case Excluded:
		return "excluded"
	}
	return fmt.Sprintf("unknown verdict %d", uint64(c))
}

// Verdict is what became of one candidate of a merge.
type Verdict struct {
	_           struct{} `cbor:",toarray"`
	Transaction objectstore.Hash
	Code        VerdictCode
	Reason      uint64 // why it is excluded; package merge owns the numbers; else 0
	// Block holds the transaction on the source's side: what makes a
	// transaction that names another branch valid here.
	Block objectstore.Hash
}

// MergeRecord says how a merge block was made, so that anybody can make it
// again. Verdict i belongs to transaction i and receipt i of the block; the
// patches of the merge come after the last candidate and have none.
type MergeRecord struct {
	Version  uint64             `cbor:"1,keyasint"` // 1
	Kind     MergeKind          `cbor:"2,keyasint"`
	Source   objectstore.Hash   `cbor:"3,keyasint,omitzero"` // the second parent
	Bases    []objectstore.Hash `cbor:"4,keyasint"`          // all merge bases, ascending; verifiers compute them again
	Strict   bool               `cbor:"5,keyasint,omitempty"`
	Rules    objectstore.Hash   `cbor:"6,keyasint,omitzero"` // root of the merge rules used
	Verdicts []Verdict          `cbor:"7,keyasint"`
	// Extensions as in Header.
	Extensions map[uint64]cbor.RawMessage `cbor:"8,keyasint,omitempty"`
	// Approvals, in ascending order of accounts, where the branch asks for them.
	Approvals []Approval `cbor:"9,keyasint,omitempty"`
}

// Approval is an account's word that the source may be merged into the block's
// branch. With ledger, branch and source it is a dd.Approval, which Seal signs.
type Approval struct {
	_       struct{} `cbor:",toarray"`
	Account objectstore.Account
	Created int64 // ms since 1970
	Seal    []byte
}

// Encode checks the record and gives its canonical bytes, an object of
// KindMergeRecord.
func (m MergeRecord) Encode() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	return wire.Marshal(m)
}

// DecodeMergeRecord reads a merge record from foreign bytes.
func DecodeMergeRecord(data []byte) (MergeRecord, error) {
	var m MergeRecord
	if err := wire.UnmarshalLimit(data, &m, MaxMergeRecord); err != nil {
		return MergeRecord{}, fmt.Errorf("merge record: %w", err)
	}
	if err := m.Check(); err != nil {
		return MergeRecord{}, err
	}
	return m, nil
}

// ReadMergeRecord gives a stored merge record.
func ReadMergeRecord(store objectstore.Store, id objectstore.Hash) (MergeRecord, error) {
	data, err := object(store, id, objectstore.KindMergeRecord)
	if err != nil {
		return MergeRecord{}, fmt.Errorf("read merge record: %w", err)
	}
	return DecodeMergeRecord(data)
}

// Check is every rule for a record that needs no other object.
func (m MergeRecord) Check() error {
	bad := func(what string, args ...any) error {
		return fmt.Errorf("merge record: "+what, args...)
	}
	if m.Version != 1 {
		return bad("version %d is not known, only 1", m.Version)
	}
	switch m.Kind {
	case Automatic, Consistent:
		if m.Source.IsZero() {
			return bad("a merge names its source")
		}
	case Picked:
		if !m.Source.IsZero() || len(m.Bases) > 0 {
			return bad("a cherry-pick has no source and no bases")
		}
		if m.Strict || !m.Rules.IsZero() || len(m.Verdicts) == 0 {
			return bad("a cherry-pick has verdicts and no options")
		}
	default:
		return bad("%s", m.Kind)
	}
	if len(m.Bases) > MaxBases {
		return bad("%d merge bases, at most %d are allowed", len(m.Bases), MaxBases)
	}
	for i, b := range m.Bases {
		if b.IsZero() || i > 0 && bytes.Compare(m.Bases[i-1][:], b[:]) >= 0 {
			return bad("the merge bases are not ascending")
		}
	}
	if len(m.Verdicts) > MaxVerdicts {
		return bad("%d verdicts, at most %d are allowed", len(m.Verdicts), MaxVerdicts)
	}
	seen := make(map[objectstore.Hash]bool, len(m.Verdicts))
	for i, v := range m.Verdicts {
		switch {
		case v.Transaction.IsZero() || v.Block.IsZero():
			return bad("verdict %d has no transaction or block", i)
		case seen[v.Transaction]:
			return bad("transaction %s has two verdicts", v.Transaction.Short())
		case v.Code < Included || v.Code > Excluded:
			return bad("verdict %d: %s", i, v.Code)
		case m.Kind == Picked && v.Code == IncludedDifferent:
			return bad("verdict %d: a cherry-pick includes or excludes, it compares with nothing", i)
		case (v.Code == Excluded) != (v.Reason != 0):
			return bad("verdict %d: %s with reason %d; exactly the excluded ones have a reason", i, v.Code, v.Reason)
		case v.Reason > MaxNumber:
			return bad("verdict %d: reason %d is too large", i, v.Reason)
		}
		seen[v.Transaction] = true
	}
	if len(m.Approvals) > MaxApprovals || m.Kind == Picked && len(m.Approvals) > 0 {
		return bad("%d approvals, at most %d are allowed, and none of a cherry-pick", len(m.Approvals), MaxApprovals)
	}
	for i, a := range m.Approvals {
		switch {
		case i > 0 && m.Approvals[i-1].Account >= a.Account:
			return bad("the approvals are not in ascending order of accounts")
		case a.Created < 0 || a.Created > MaxNumber || len(a.Seal) == 0 || len(a.Seal) > maxApprovalSeal:
			return bad("approval %d has no time or signature", i)
		}
	}
	if err := wire.Extensions(m.Extensions).Check(nil); err != nil {
		return bad("%w", err)
	}
	return nil
}

// CheckHeader is every rule between a record and the header that names it. That
// the bases are right is checked against History.MergeBases.
func (m MergeRecord) CheckHeader(h Header) error {
	bad := func(what string, args ...any) error {
		return fmt.Errorf("merge record of block %d: "+what, append([]any{h.Number}, args...)...)
	}
	if m.Kind == Picked {
		if len(h.Parents) != 1 {
			return bad("a cherry-pick has one parent, not %d", len(h.Parents))
		}
	} else if len(h.Parents) != 2 || h.Parents[1] != m.Source {
		return bad("its source %s is not the block's second parent", m.Source.Short())
	}
	if n := uint64(len(m.Verdicts)); n > h.Transactions.Count || m.Kind == Picked && n != h.Transactions.Count {
		return bad("%d verdicts for %d transactions", len(m.Verdicts), h.Transactions.Count)
	}
	return nil
}
