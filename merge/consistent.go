package merge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Input is what a consistent merge is made of.
type Input struct {
	Store    objectstore.Store
	History  *branch.History
	Engine   *sqlcontract.Engine
	Verifier *sqlcontract.Verifier

	Source, Target objectstore.Hash // blocks
	// May tells whether a transaction that an account signed by these keys
	// (VerifiedTransaction.Keys) may run on the target: nil, or why not.
	May func(account objectstore.Account, keys []byte) error

	// Whole gives transactions, by id, in place of the source's: with arguments
	// that only the merge block has, or without, where the merge had none; nil: none.
	Whole map[objectstore.Hash]sqlcontract.Transaction

	nodes *prolly.Cache
}

// nodeCacheBytes is the memory for decoded nodes of one merge.
const nodeCacheBytes = 64 << 20

// root is the state of a block.
func (in Input) root(block objectstore.Hash) (objectstore.Hash, error) {
	b, err := in.History.Read(block)
	return b.State, err
}

func (in Input) state(block objectstore.Hash) (*prolly.Map, error) {
	root, err := in.root(block)
	return prolly.Load(in.nodes, root), err
}

// sameMeaning refuses where the rows of a contract do not mean the same in a
// merge base as on both sides: a MIGRATION ran since, or each side deployed it
// anew by itself.
func (in Input) sameMeaning(base, ours, theirs *prolly.Map) error {
	known, err := in.Engine.Contracts(base.Root())
	if err != nil {
		return err
	}
	names, err := in.Engine.Contracts(ours.Root())
	if err != nil {
		return err
	}
	there, err := in.Engine.Contracts(theirs.Root())
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if _, both := there[name]; !both {
			continue
		}
		if _, ok := known[name]; !ok {
			a, err1 := in.Engine.ContractIn(ours.Get, name)
			b, err2 := in.Engine.ContractIn(theirs.Get, name)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			if a.Code != b.Code {
				return fault.New("AG0713", "Merge automatically: aergo merge SRC", "both branches deployed a contract %s of their own", name)
			}
			continue
		}
		for _, side := range []*prolly.Map{ours, theirs} {
			migrated, err := in.Engine.Migrated(base.Get, side.Get, name)
			if err != nil {
				return err
			}
			if migrated {
				return fault.New("AG0713", "Merge automatically: aergo merge SRC. After that, merges by cell go on.",
					"contract %s ran a MIGRATION since the branches parted, so cells do not mean the same", name)
			}
		}
	}
	return nil
}

// sameColumns refuses where a contract of the source stores its rows in another
// way than the one in force on the target after the source's deploys: both added
// a column, say, and each another one.
func (in Input) sameColumns(s *sqlcontract.Session, theirs *prolly.Map) error {
	there, err := in.Engine.Contracts(theirs.Root())
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		merged, _, _, err := s.Contract(name)
		if f := fault.Of(err); f != nil && f.ID == "AG0401" {
			continue // it has no rows, or they will be met
		}
		if err != nil {
			return err
		}
		source, err := in.Engine.ContractIn(theirs.Get, name)
		if err != nil {
			return err
		}
		if source.Code == merged.Code {
			continue
		}
		for _, was := range source.Tables {
			if is := merged.Table(was.Name); is != nil && !begins(is, was) {
				return fault.New("AG0713", "Deploy a version with the columns of both on one of the branches, or merge automatically: aergo merge SRC",
					"table %s.%s has other columns on the two branches", name, was.Name)
			}
		}
	}
	return nil
}

// begins tells whether rows of the table was can be read as rows of the table is.
func begins(is, was *sqlcontract.Table) bool {
	stored := func(t *sqlcontract.Table, columns []int) []sqlcontract.Column {
		var list []sqlcontract.Column
		for _, c := range columns {
			list = append(list, t.Columns[c])
		}
		return list
	}
	same := func(a, b sqlcontract.Column) bool {
		return a.Name == b.Name && a.Type == b.Type && equalCell(a.Default, b.Default)
	}
	return len(is.Values) >= len(was.Values) && slices.EqualFunc(stored(is, is.Key), stored(was, was.Key), same) &&
		slices.EqualFunc(stored(is, is.Values[:len(was.Values)]), stored(was, was.Values), same)
}

// A Plan is a consistent merge, computed and not yet written.
type Plan struct {
	Bases    []objectstore.Hash
	Outcomes []Outcome // of the source's transactions on system contracts, which were replayed
	Rows     []Row     // all that the merge touches, in key order
	Open     int       // conflicts in them
	Unused   []Choice  // that settle no conflict
}

// Consistent computes a consistent merge of a source into a target on whose head
// a session was begun for a merge block. The source's transactions on system
// contracts, deploys among them, are replayed in the session; its rows are
// merged by cell. choices settle conflicts.
func Consistent(ctx context.Context, in Input, s *sqlcontract.Session, choices []Choice) (Plan, error) {
	in.nodes = prolly.NewCache(in.Engine, nodeCacheBytes)
	store, history, source, target := in.Store, in.History, in.Source, in.Target

	var p Plan
	var err error
	if p.Bases, err = history.MergeBases(source, target); err != nil {
		return p, err
	}
	here, err := readLine(store, history, target, source)
	if err != nil {
		return p, err
	}
	there, err := readLine(store, history, source, target)
	if err != nil {
		return p, err
	}
	offered, err := candidates(history, there)
	if err != nil {
		return p, err
	}
	system := System(offered)
	for i, c := range system {
		if t, ok := in.Whole[c.Transaction.ID()]; ok {
			system[i].Transaction = t
		}
	}
	ours, err := in.state(target)
	if err != nil {
		return p, err
	}
	theirs, err := in.state(source)
	if err != nil {
		return p, err
	}
	baseState := func(block objectstore.Hash) (*prolly.Map, error) {
		base, err := in.state(block)
		if err != nil {
			return nil, err
		}
		return base, in.sameMeaning(base, ours, theirs)
	}
	for _, id := range p.Bases { // before anything runs
		if _, err := baseState(id); err != nil {
			return p, err
		}
	}
	if p.Outcomes, err = Automatic(ctx, store, history, s, in.Verifier, system, Options{}); err != nil {
		return p, err
	}
	if err := in.sameColumns(s, theirs); err != nil {
		return p, err
	}
	m := &threeWay{
		Bases: p.Bases, Ours: ours, Theirs: theirs, Choices: choices,
		State: baseState, BasesOf: history.MergeBases,
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
	if err := m.mark(store, history, here, there, in.Verifier.SignedBy, in.May, target, source); err != nil {
		return p, err
	}
	p.Unused, err = m.each(ctx, func(r Row) error {
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
func (p *Plan) Write(in Input, s *sqlcontract.Session, patch sqlcontract.VerifiedTransaction) ([]sqlcontract.Violation, error) {
	if p.Open > 0 || len(p.Unused) > 0 {
		return nil, fmt.Errorf("writing a merge: %d conflicts are open, %d choices settle none", p.Open, len(p.Unused))
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
	theirs, err := in.root(in.Source)
	if err != nil {
		return nil, err
	}
	var bases []objectstore.Hash
	for _, id := range p.Bases {
		root, err := in.root(id)
		if err != nil {
			return nil, err
		}
		bases = append(bases, root)
	}
	seen, err := s.Unseen(theirs, bases)
	if err != nil {
		return nil, err
	}
	return s.Patch(patch, append(rows, seen...), touched)
}

// System keeps the candidates that a consistent merge replays: those on system
// contracts, deploys among them.
func System(all []Candidate) []Candidate {
	return slices.DeleteFunc(slices.Clone(all), func(c Candidate) bool {
		return c.kind != sqlcontract.KindDeploy && !(isSystem(c.contract) && c.kind == sqlcontract.KindCall)
	})
}

func isSystem(contract string) bool { return strings.HasPrefix(contract, "aergo_") }
