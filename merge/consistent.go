package merge

import (
	"context"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// A Plan is a consistent merge, computed and not yet written.
type Plan struct {
	Bases    []objectstore.Hash
	Outcomes []Outcome // of the source's transactions on system contracts, which were replayed
	Rows     []Row     // all that the merge touches, in key order
	Open     int       // conflicts in them
}

// Consistent computes a consistent merge of a source into a target on whose head
// a session was begun for a merge block. The source's transactions on system
// contracts, deploys among them, are replayed in the session; its rows are
// merged by cell. choices settle conflicts.
func Consistent(ctx context.Context, store objectstore.Store, nodes *prolly.Cache, history *branch.History, s *sqlcontract.Session,
	verifier *sqlcontract.Verifier, source, target objectstore.Hash, may func(objectstore.Account) error, choices []Choice) (Plan, error) {

	var p Plan
	var err error
	if p.Bases, err = history.MergeBases(source, target); err != nil {
		return p, err
	}
	all, err := Candidates(store, history, source, target)
	if err != nil {
		return p, err
	}
	system := all[:0]
	for _, c := range all {
		if c.kind == sqlcontract.KindDeploy || isSystem(c.contract) && c.kind == sqlcontract.KindCall {
			system = append(system, c)
		}
	}
	if p.Outcomes, err = Automatic(ctx, store, history, s, verifier, system, Options{}); err != nil {
		return p, err
	}
	state := func(block objectstore.Hash) (*prolly.Map, error) {
		b, err := history.Read(block)
		if err != nil {
			return nil, err
		}
		return prolly.Load(nodes, b.State), nil
	}
	ours, err := state(target)
	if err != nil {
		return p, err
	}
	theirs, err := state(source)
	if err != nil {
		return p, err
	}
	m := &ThreeWay{
		Bases: p.Bases, Ours: ours, Theirs: theirs, Choices: choices,
		State: state, BasesOf: history.MergeBases,
		Contract: func(name string) (*sqlcontract.Contract, error) {
			c, _, _, err := s.Contract(name)
			return c, err
		},
		Rules: func(contract, table, column string) (Rule, bool, error) {
			r, ok, err := sqlcontract.MergeRuleIn(ours.Get, contract, table, column)
			return Rule{By: r.By, FromZero: r.FromZero, Action: r.Action}, ok, err
		},
		Action: s.Settle,
	}
	if err := m.Mark(store, history, target, source, may); err != nil {
		return p, err
	}
	err = m.Rows(ctx, func(r Row) error {
		if len(p.Rows) == MaxRows {
			return fmt.Errorf("a merge by cells touches more than %d rows", MaxRows)
		}
		p.Rows = append(p.Rows, r)
		p.Open += len(r.Conflicts)
		return nil
	})
	return p, err
}

// MaxRows bounds the memory of one merge: about 1 KiB a row.
const MaxRows = 2_000_000

// Write puts the merged rows into the session, as those of a patch, which stands
// last in the block. Declarations that they break together come back as
// violations; nothing is recorded then, and the session can only be rolled back.
func (p *Plan) Write(s *sqlcontract.Session, patch sqlcontract.VerifiedTransaction, source objectstore.Hash, nodes *prolly.Cache, history *branch.History) ([]sqlcontract.Violation, error) {
	if p.Open > 0 {
		return nil, fmt.Errorf("writing a merge: %d conflicts are open", p.Open)
	}
	var rows []sqlcontract.RowChange
	touched := make([][]byte, 0, len(p.Rows))
	for _, r := range p.Rows {
		touched = append(touched, r.Key)
		c, changed, err := r.Change()
		if err != nil {
			return nil, err
		}
		if changed {
			rows = append(rows, c)
		}
	}
	b, err := history.Read(source)
	if err != nil {
		return nil, err
	}
	seen, err := s.Unseen(prolly.Load(nodes, b.State))
	if err != nil {
		return nil, err
	}
	return s.Patch(patch, append(rows, seen...), touched)
}

func isSystem(contract string) bool { return strings.HasPrefix(contract, "aergo_") }
