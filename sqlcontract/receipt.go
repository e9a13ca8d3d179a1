package sqlcontract

import (
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Status is what became of a transaction; the same numbers stand in aergo_seen.
type Status uint8

// The statuses of a receipt.
const (
	StatusOK       Status = 1
	StatusFailed   Status = 2
	StatusExcluded Status = 3 // left out by a merge
)

func (s Status) String() string {
	switch s {
	case StatusOK:
		return "ok"
	case StatusFailed:
		return "failed"
	case StatusExcluded:
		return "excluded"
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// Receipt is the answer to one transaction: leaf i of a block's receipt list
// answers leaf i of its transaction list. It holds nothing that could differ
// between two nodes: a code and the contract's own REQUIRE text, never a
// message of the engine.
type Receipt struct {
	Transaction objectstore.Hash `cbor:"1,keyasint"`
	Status      Status           `cbor:"2,keyasint"`
	Code        string           `cbor:"3,keyasint,omitempty"` // "AG0410"
	Text        string           `cbor:"4,keyasint,omitempty"` // REQUIRE's text; for others a name: the constraint's table, the invariant
	Columns     []string         `cbor:"5,keyasint,omitempty"`
	Rows        [][]any          `cbor:"6,keyasint,omitempty"`
	Events      []Event          `cbor:"7,keyasint,omitempty"`
	Gas         uint64           `cbor:"8,keyasint"`
	Changed     uint64           `cbor:"9,keyasint"` // net rows changed, system rows included
}

// Event is one EMIT, in order.
type Event struct {
	Contract string   `cbor:"1,keyasint"`
	Name     string   `cbor:"2,keyasint"`
	Fields   []string `cbor:"3,keyasint"`
	Values   []any    `cbor:"4,keyasint"`
}

// Encode gives the canonical bytes, which are the leaf's data.
func (r Receipt) Encode() ([]byte, error) {
	b, err := wire.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding the receipt of %s: %w", r.Transaction.Short(), err)
	}
	return b, nil
}

// DecodeReceipt reads a receipt, strictly.
func DecodeReceipt(b []byte) (Receipt, error) {
	var r Receipt
	if err := wire.UnmarshalLimit(b, &r, maxReceipt); err != nil {
		return Receipt{}, fmt.Errorf("decoding a receipt: %w", err)
	}
	if r.Status < StatusOK || r.Status > StatusExcluded {
		return Receipt{}, fmt.Errorf("decoding a receipt: status %d is unknown", r.Status)
	}
	for i := range r.Rows {
		if err := checkCells(r.Rows[i]); err != nil {
			return Receipt{}, fmt.Errorf("decoding a receipt: %w", err)
		}
	}
	for i := range r.Events {
		if err := checkCells(r.Events[i].Values); err != nil {
			return Receipt{}, fmt.Errorf("decoding a receipt: %w", err)
		}
	}
	return r, nil
}

// checkCells refuses what no cell can hold.
func checkCells(cells []any) error {
	for _, v := range cells {
		switch v.(type) {
		case nil, int64, string, []byte:
		default:
			return fmt.Errorf("a value is neither INTEGER, TEXT, BLOB nor NULL")
		}
	}
	return nil
}

// reasons words the codes that a receipt can carry. %s stands for its Text.
var reasons = map[string]string{
	"AG0401": "there is no such contract or action: %s",
	"AG0402": "the caller may not do this: %s",
	"AG0403": "the arguments do not fit: %s",
	"AG0404": "contract %s is at work already, and a contract is not entered twice",
	"AG0405": "actions call one another too deeply: %s",
	"AG0406": "this version is not in force: %s",
	"AG0410": "%s",
	"AG0411": "CHECK would break: %s",
	"AG0412": "this key is taken: %s",
	"AG0413": "a value is missing: %s",
	"AG0414": "a referenced row is missing, or still referenced: %s",
	"AG0415": "INVARIANT %s would break",
	"AG0416": "a value has the wrong type: %s",
	"AG0417": "an integer is over 64 bits, or a REAL came up: %s",
	"AG0420": "out of gas",
	"AG0421": "a limit is exceeded: %s",
	"AG0429": "the engine refused it",
	"AG0430": "a precondition does not hold",
	"AG0431": "it has expired",
	"AG0432": "it has counted already",
	"AG0433": "it belongs to another branch",
	"AG0434": "another transaction has used its salt",
	"AG0435": "its arguments are erased",
	"AG0436": "it is a patch, and the rows here are not as it expects them: %s",
	"AG0437": "it would change other rows than on the source (--strict)",
	"AG0438": "it was made on a scratch branch, which it never leaves",
	"AG0440": "the contract does not compile: %s",
	"AG0441": "the contract cannot replace the one in force: %s",
	"AG0443": "a CALL or USE does not fit the contracts in force: %s",
	"AG0506": "the keys of its signer were changed since, so it has to be signed again",
	"AG0509": "the key of its signer was revoked",
	"AG0554": "the branch keeps its INVARIANTs, and this one would go or change: %s",
	"AG0555": "the branch requires an INVARIANT, and this contract declares none: %s",
	"AG0728": "the role was granted to a contract of another owner, and contract %s is not his here",
	"AG0729": "its MIGRATION is for another version than the one in force, %s",
	"AG0442": "the stored rows break the new contract: %s",
}

// Explain says in words why a transaction was refused. Receipts hold codes and
// the contract's own text only; the words are this program's.
func Explain(r Receipt) string {
	form, ok := reasons[r.Code]
	switch {
	case r.Status == StatusOK:
		return "ok"
	case !ok && strings.HasPrefix(r.Code, "AG05"):
		return "its signer may not write on this branch"
	case !ok:
		return "refused with " + r.Code
	case r.Code == "AG0410" && r.Text == "":
		return "a REQUIRE of the contract does not hold"
	case !strings.Contains(form, "%s"):
		return form
	case r.Text == "":
		return strings.TrimRight(strings.ReplaceAll(form, "%s", ""), ": ")
	}
	return fmt.Sprintf(form, r.Text)
}
