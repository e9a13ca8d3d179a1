package repo

import (
	"fmt"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// needEngine refuses to make or execute blocks of an engine that this program
// does not have. Everything else works without: the directory, reading, and
// verifying by change sets, state roots and signatures.
func needEngine(n uint64, what string) error {
	if n == sqlcontract.EngineNumber {
		return nil
	}
	return fault.New("AG0560", "Update the program: aergo version shows its engine. Reading, the directory and aergo verify work as before.",
		"%s needs engine %d, and this program has engine %d", what, n, sqlcontract.EngineNumber)
}

// mayAsk refuses to sign a change that this program cannot judge: who puts an
// engine in force should have it.
func mayAsk(change dd.Change) error {
	if c, ok := change.(dd.SetEngine); ok {
		return needEngine(c.Engine, "putting it in force")
	}
	return nil
}

// checkEngine checks that a block was made by the engine that its directory block
// has in force.
func checkEngine(state dd.State, b branch.Header) error {
	engine, err := state.Engine()
	if err == nil && b.Engine != engine {
		err = fmt.Errorf("it was made by engine %d, the directory has %d in force", b.Engine, engine)
	}
	return err
}

// checkEngineIn is checkEngine for a block of a proof, whose directory block may
// be of another ledger.
func checkEngineIn(states map[objectstore.Hash]dd.State, b branch.Header) error {
	state, ok := states[b.Directory]
	if !ok {
		return nil
	}
	return checkEngine(state, b)
}
