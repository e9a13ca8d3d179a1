package dd

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/aergo-git/aergo-git/internal/sign"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// Genesis is the beginning of a ledger. Its hash is the ledger id, which stands
// in every signature, so that nothing of one ledger counts in another.
type Genesis struct {
	Version uint64 `cbor:"1,keyasint"` // 1
	// Owner is the canonical descriptor of the owner's account: one key, or m
	// of n. The owner has every right.
	Owner []byte `cbor:"2,keyasint"`
	// Threshold is how many admins decide root matters, 1 to MaxThreshold. While
	// there are fewer admins, it takes all of them: the owner alone at first.
	Threshold   uint64              `cbor:"3,keyasint"`
	Producer    objectstore.Account `cbor:"4,keyasint"` // puts directory operations in order
	Engine      uint64              `cbor:"5,keyasint"`
	StateFormat uint64              `cbor:"6,keyasint"`
	Salt        objectstore.Hash    `cbor:"7,keyasint"` // 32 random bytes, also the salt of main
	Created     int64               `cbor:"8,keyasint"` // ms since 1970
	// Origin is set for a private branch of another ledger.
	Origin *Origin `cbor:"9,keyasint,omitempty"`
	// Extensions: an unknown odd key is ignored, an even one refused.
	Extensions map[uint64]cbor.RawMessage `cbor:"10,keyasint,omitempty"`
}

// Origin names the place in another ledger from which this one went on: blocks
// up to it are verified by that ledger's directory.
type Origin struct {
	Ledger    objectstore.Hash `cbor:"1,keyasint"`
	Block     objectstore.Hash `cbor:"2,keyasint"`
	Directory objectstore.Hash `cbor:"3,keyasint"`
}

// Encode checks the genesis and gives its canonical bytes, an object of
// KindGenesis. Their id is the ledger id.
func (g Genesis) Encode() ([]byte, error) {
	if _, err := g.check(); err != nil {
		return nil, err
	}
	return wire.Marshal(g)
}

// DecodeGenesis reads a genesis from foreign bytes and gives the ledger id.
func DecodeGenesis(data []byte) (Genesis, objectstore.Hash, error) {
	var g Genesis
	if err := wire.UnmarshalLimit(data, &g, MaxGenesis); err != nil {
		return Genesis{}, objectstore.Hash{}, fmt.Errorf("genesis: %w", err)
	}
	if _, err := g.check(); err != nil {
		return Genesis{}, objectstore.Hash{}, err
	}
	return g, objectstore.Sum(objectstore.KindGenesis, data), nil
}

// OwnerAccount is the address of the owner.
func (g Genesis) OwnerAccount() (objectstore.Account, error) { return g.check() }

func (g Genesis) check() (owner objectstore.Account, err error) {
	bad := func(what string, args ...any) (objectstore.Account, error) {
		return "", fmt.Errorf("genesis: "+what, args...)
	}
	d, err := sign.ParseDescriptor(g.Owner)
	if err != nil {
		return bad("owner: %w", err)
	}
	_, _, producerErr := sign.ParseAccount(string(g.Producer))
	switch {
	case g.Version != 1:
		return bad("version %d is not known, only 1", g.Version)
	case d.Kind() == sign.KindContract:
		return bad("a contract cannot own a ledger: it cannot sign")
	case g.Threshold == 0 || g.Threshold > MaxThreshold:
		return bad("threshold %d, it is 1 to %d", g.Threshold, MaxThreshold)
	case producerErr != nil:
		return bad("producer: %w", producerErr)
	case g.Engine == 0 || g.StateFormat == 0 || g.Engine > MaxTime || g.StateFormat > MaxTime:
		return bad("engine %d, state format %d: both count from 1", g.Engine, g.StateFormat)
	case g.Salt.IsZero():
		return bad("the salt is zero; 32 random bytes make the ledger one of its own")
	case g.Created < 0 || g.Created > MaxTime:
		return bad("created %d is no time", g.Created)
	case g.Origin != nil && (g.Origin.Ledger.IsZero() || g.Origin.Block.IsZero() || g.Origin.Directory.IsZero()):
		return bad("an origin names ledger, block and directory block")
	}
	if err := wire.Extensions(g.Extensions).Check(nil); err != nil {
		return bad("%w", err)
	}
	return objectstore.Account(sign.AccountOf(d)), nil
}

// records is what the genesis puts into the state of block 0.
func (g Genesis) records(ledger objectstore.Hash) ([]record, error) {
	owner, err := g.check()
	if err != nil {
		return nil, err
	}
	main, err := branchID(ledger, owner, g.Salt)
	if err != nil {
		return nil, err
	}
	list := []record{
		{keyLedger(), ledgerRecord{Ledger: ledger, Owner: owner, Producer: g.Producer, Threshold: g.Threshold,
			StateFormat: g.StateFormat, Created: g.Created}},
		{keyEngine(), g.Engine},
		{keyIdentity("owner"), Identity{Name: "owner", Account: owner, Descriptor: g.Owner, Added: g.Created}},
		{keyAccount(owner), "owner"},
		{keyBranch(main), Branch{ID: main, Name: mainBranch, Creator: owner, Salt: g.Salt, Producer: owner, Registered: g.Created}},
		{keyName(mainBranch), main},
	}
	for _, role := range []Role{Admin, Producer} {
		list = append(list, record{keyRole(role, "*", owner),
			RoleRecord{Role: role, Pattern: "*", Account: owner, By: owner, Since: g.Created}})
	}
	list = append(list, record{keyMember(owner), member{Admin: 1, Producer: 1}})
	d, err := sign.ParseDescriptor(g.Owner)
	if err != nil {
		return nil, err
	}
	keys, err := indexKeys(owner, nil, d)
	return append(list, keys...), err
}
