package repo

import (
	"context"
	"crypto/ed25519"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/branch"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/prolly"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Preview is what a merge would do, and what is good to know before it.
type Preview struct {
	MergeResult // of the kind that would be made; its Block is zero, or the one that the head would move to

	Calls  []CallCount // what the source has and the target has not, by what and whose
	Guards []Guard     // that a merge by cell would not run again

	// Other is what the other kind of merge would do. It is nil where that would
	// be refused, which OtherWhy then says, and where it would take long.
	Other    *MergeResult
	OtherWhy string
}

// CallCount is how often an account called an action, or deployed a contract.
type CallCount struct {
	What    string // "shop.sell", "deploy shop"
	Account objectstore.Account
	Count   int
}

// Guard is a REQUIRE that calls of the source met, in the code that the source
// has now.
type Guard struct {
	Contract, Action string
	Line             int    // of the contract's source
	Condition        string // as in the source
	Calls            int    // of the source that can meet it
}

// Preview tells what Merge with the same options would do. It writes nothing to
// the store and needs no key and no right; a repository that is open for reading
// only is enough.
func (r *Repository) Preview(ctx context.Context, source string, o MergeOptions) (Preview, error) {
	o.DryRun = true
	var p Preview
	by, err := r.previewer(o.Into)
	if err != nil {
		return p, err
	}
	if p.MergeResult, err = r.merge(ctx, by, source, o); err != nil || p.Kind == "up to date" {
		return p, err
	}
	candidates, err := merge.Candidates(r.db, r.history, p.Source, p.Target)
	if err != nil {
		return p, err
	}
	if p.Kind == "fast-forward" || len(candidates) > maxPreview {
		return p, r.countCalls(&p, candidates)
	}
	consistent := p.Kind == branch.Consistent.String()
	other, err := r.merge(ctx, by, p.Source.String(), MergeOptions{Into: o.Into, DryRun: true, NoFF: true, Automatic: consistent, Consistent: !consistent})
	if f := fault.Of(err); f != nil {
		p.OtherWhy = f.What
		return p, r.countCalls(&p, candidates)
	}
	if err != nil {
		return p, err
	}
	p.Other = &other
	run := other.Verdicts // those of the automatic one: what the target has seen has none
	if !consistent {
		run = p.Verdicts
	}
	ids := map[objectstore.Hash]bool{}
	for _, v := range run {
		ids[v.Transaction] = true
	}
	return p, r.countCalls(&p, slices.DeleteFunc(candidates, func(c merge.Candidate) bool { return !ids[c.Transaction.ID()] }))
}

// previewer is nobody, at work on a branch to see what would be.
func (r *Repository) previewer(name string) (signer, error) {
	rec, err := r.branch(name)
	if err != nil {
		return signer{}, err
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(r.random, seed); err != nil {
		return signer{}, err
	}
	key := ed25519.NewKeyFromSeed(seed)
	return signer{r: r, key: key, account: AccountOf(key), record: rec, nobody: true}, nil
}

// countCalls fills in who called what, and which guards these calls met.
func (r *Repository) countCalls(p *Preview, candidates []merge.Candidate) error {
	b, err := r.history.Read(p.Source)
	if err != nil {
		return err
	}
	g := guards{of: map[string]*sqlcontract.Contract{}, met: map[guardPlace]*Guard{}, get: prolly.Load(r.nodes, b.State).Get, engine: r.engine}
	counts := map[CallCount]int{}
	for _, c := range candidates {
		h, err := sqlcontract.DecodeHeader(c.Transaction.Data)
		if err != nil {
			return err
		}
		what := h.Contract + "." + h.Action
		switch h.Kind {
		case sqlcontract.KindDeploy:
			what = "deploy " + h.Contract
		case sqlcontract.KindPatch:
			continue
		default:
			if err := g.call(h.Contract, h.Action, map[string]bool{}); err != nil {
				return err
			}
		}
		counts[CallCount{What: what, Account: h.Account}]++
	}
	for _, c := range slices.SortedFunc(maps.Keys(counts), func(a, b CallCount) int {
		return strings.Compare(a.What+" "+string(a.Account), b.What+" "+string(b.Account))
	}) {
		c.Count = counts[c]
		p.Calls = append(p.Calls, c)
	}
	for _, m := range g.met {
		p.Guards = append(p.Guards, *m)
	}
	slices.SortFunc(p.Guards, func(a, b Guard) int {
		if c := strings.Compare(a.Contract, b.Contract); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return nil
}

// guards collects the REQUIREs that calls can meet.
type guards struct {
	engine *sqlcontract.Engine
	get    func(key []byte) ([]byte, bool, error)
	of     map[string]*sqlcontract.Contract
	met    map[guardPlace]*Guard
}

type guardPlace struct {
	contract string
	offset   int
}

// call adds those of an action and of the actions that it calls. seen are the
// ones that this call has met.
func (g *guards) call(contract, action string, seen map[string]bool) error {
	if name := contract + "." + action; seen[name] {
		return nil
	} else {
		seen[name] = true
	}
	c, known := g.of[contract]
	if !known {
		var err error
		if c, err = g.engine.ContractIn(g.get, contract); err != nil && fault.Of(err) == nil {
			return err
		}
		g.of[contract] = c // nil where the source has none: it was another's
	}
	if c == nil || c.Action(action) == nil {
		return nil
	}
	for st := range c.Action(action).Statements() {
		switch {
		case st.Require != nil:
			at := guardPlace{contract, st.Offset}
			if g.met[at] == nil {
				g.met[at] = &Guard{Contract: contract, Action: action, Line: st.Line, Condition: c.SourceOf(st.Require.Cond)}
			}
			g.met[at].Calls++
		case st.Call != nil:
			to := contract
			if st.Call.Use != nil {
				to = st.Call.Use.Contract
			}
			if err := g.call(to, st.Call.Action, seen); err != nil {
				return err
			}
		}
	}
	return nil
}
