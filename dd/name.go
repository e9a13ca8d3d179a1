package dd

import (
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// The directory and package branch do not know each other, and yet agree on
// what a branch's name and id are. A test holds both to that.

const (
	mainBranch = "main"
	maxName    = 100
)

// branchDescriptor is the form of branch.Descriptor.
type branchDescriptor struct {
	Version uint64              `cbor:"1,keyasint"`
	Ledger  objectstore.Hash    `cbor:"2,keyasint"`
	Creator objectstore.Account `cbor:"3,keyasint"`
	Salt    objectstore.Hash    `cbor:"4,keyasint"`
}

// branchID is the id of the branch that creator makes with salt.
func branchID(ledger objectstore.Hash, creator objectstore.Account, salt objectstore.Hash) (objectstore.Hash, error) {
	if _, _, err := sign.ParseAccount(string(creator)); err != nil {
		return objectstore.Hash{}, err
	}
	data, err := wire.Marshal(branchDescriptor{1, ledger, creator, salt})
	return objectstore.Sum(objectstore.KindBranch, data), err
}

// checkName is the rule for names of branches and tags.
func checkName(name string) error {
	good := name != "" && len(name) <= maxName && !strings.Contains(name, "..")
	for _, c := range []byte(name) {
		good = good && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("._/-", c) >= 0)
	}
	for part := range strings.SplitSeq(name, "/") {
		good = good && part != "" && strings.IndexByte("._-", part[0]) < 0 &&
			!strings.HasSuffix(part, ".") && !strings.HasSuffix(part, ".lock")
	}
	if !good {
		return fault.New("AG0101", "choose a name like eu, eu/berlin or prices-2027",
			"%q is no name for a branch or tag: it has parts of a-z 0-9 . _ -, divided by /, each beginning with a letter or digit", name)
	}
	return nil
}
