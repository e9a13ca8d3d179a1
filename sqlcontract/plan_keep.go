package sqlcontract

import (
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// What a deploy fails with where Block.Invariants is set.
const (
	codeKept     = "AG0554" // an INVARIANT in force goes or changes (text: its name)
	codeDeclared = "AG0555" // a new contract with tables has none (text: its name)
)

// KeepInvariants makes of a plan the one for a branch that keeps its INVARIANTs:
// to drop or change one is forbidden, and so is a new contract with tables that
// declares none.
func (p *Plan) KeepInvariants() {
	tables, declared := 0, false
	for i := range p.Entries {
		e := &p.Entries[i]
		switch noun, name, _ := strings.Cut(e.What, " "); {
		case noun == "table" && e.Sign == "+":
			tables++
		case noun == "invariant" && e.Sign == "+":
			declared = true
		case noun == "invariant":
			e.Class, e.Why, e.kept = PlanForbidden, "this branch keeps its INVARIANTs", &failure{code: codeKept, text: name}
		}
	}
	if p.New && tables > 0 && !declared {
		p.Entries = append(p.Entries, PlanEntry{Class: PlanForbidden, Sign: "+", What: "contract " + p.Contract,
			Why: "it declares no INVARIANT, and this branch requires one", kept: &failure{code: codeDeclared, text: p.Contract}})
	}
}

// unkept is what KeepInvariants forbids first, or nil.
func (p Plan) unkept() *failure {
	i := slices.IndexFunc(p.Entries, func(e PlanEntry) bool { return e.kept != nil })
	if i < 0 {
		return nil
	}
	return p.Entries[i].kept
}

// kept is the error for what KeepInvariants forbids, or nil.
func (p Plan) kept() error {
	f := p.unkept()
	switch {
	case f == nil:
		return nil
	case f.code == codeKept:
		return fault.New(f.code, "Keep it as it is, or have an admin change the protection: aergo branch protect.",
			"the deploy of %s would drop or change the INVARIANT %s, which this branch keeps", p.Contract, f.text)
	}
	return fault.New(f.code, "Declare what always holds of its rows, for example: INVARIANT positive FOR EACH account CHECK (balance >= 0);",
		"contract %s has tables and declares no INVARIANT, and this branch requires one", p.Contract)
}
