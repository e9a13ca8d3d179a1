package sqlcontract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// ParseMergeRule reads a MERGE RULE statement without its first two words and
// its semicolon, and checks it against the contract as a deploy does:
//
//	ON item (stock) BY DELTA FROM 0 RESOLVE ROLE (clerk)
//
// An error is a fault with the code that the statement in a source would have.
func (c *Contract) ParseMergeRule(text string) (MergeRule, error) {
	const before = "MERGE RULE "
	if strings.HasSuffix(strings.TrimSpace(text), ";") {
		return MergeRule{}, fault.New(codeSyntax, "leave the semicolon out", "a merge rule is one statement without its end: %s", text)
	}
	s, err := aergosql.NewSource("the merge rule", before+text+"\n;") // a comment at its end stays its own
	if err != nil {
		return MergeRule{}, err
	}
	checked := *c
	checked.Rules = nil
	p := &parser{Source: s, contract: &checked, places: map[any]int{}}
	if err := p.mergeRule(); err != nil {
		return MergeRule{}, err
	}
	if p.i < len(p.Tokens) {
		return MergeRule{}, p.unexpected("expected one merge rule")
	}
	w := compiler{parser: p}
	if err := w.rules(); err != nil {
		return MergeRule{}, err
	}
	rule := checked.Rules[0]
	if rule.By == "ACTION" && callsOthers(c, rule.Action, map[string]bool{}) {
		return MergeRule{}, p.Fail(codeSchema, 0, "decide by :base, :ours and :theirs", "the action %s settles a merge and calls another contract", rule.Action)
	}
	return rule, nil
}

// rows are the rows of aergo_merge.rule that a rule of a contract is, by key.
func (r MergeRule) rows(contract string) ([]entry, error) {
	columns := r.Columns
	if len(columns) == 0 {
		columns = []string{""}
	}
	var fromZero int64
	if r.FromZero {
		fromZero = 1
	}
	var rows []entry
	for _, column := range columns {
		key, err := ruleKey(contract, r.Table, column)
		if err != nil {
			return nil, err
		}
		value, err := wire.AppendRow(nil, []any{r.By, fromZero, r.Action, strings.Join(r.Roles, ",")})
		if err != nil {
			return nil, err
		}
		rows = append(rows, entry{key, value})
	}
	return rows, nil
}

func ruleKey(contract, table, column string) ([]byte, error) {
	return wire.AppendKey(tablePrefix(systemMerge, "rule"), contract, table, column)
}

// changeRules is the body of the actions of aergo_merge: only a contract's
// owner changes its merge rules, and only to what a deploy would take. The
// change counts for merges into the branch from the next block on.
func (r *run) changeRules() error {
	text := func(name string) string { s, _ := r.vars[name].(string); return s }
	d, err := r.owned(text("contract"))
	if err != nil {
		return err
	}
	put := func(e entry) error {
		r.meter.add(gasRowWritten + uint64(len(e.key)+len(e.value))*gasByteWritten)
		return r.s.put(e.key, e.value)
	}
	if r.called == "drop_rule" {
		key, err := ruleKey(d.contract.Name, text("table_name"), text("column_name"))
		if err != nil {
			return fail("AG0403", "table_name")
		}
		if _, ok, err := r.s.get(key); err != nil {
			return err
		} else if !ok {
			return fail("AG0401", fmt.Sprintf("%s.%s.%s", d.contract.Name, text("table_name"), text("column_name")))
		}
		return put(entry{key: key})
	}
	r.meter.add(uint64(len(text("rule"))) * gasSource)
	if r.meter.over() {
		return fail("AG0420", "")
	}
	rule, err := d.contract.ParseMergeRule(text("rule"))
	if err != nil {
		return refusedRule(err)
	}
	rows, err := rule.rows(d.contract.Name)
	if err != nil {
		return err
	}
	for _, e := range rows {
		if err := put(e); err != nil {
			return err
		}
	}
	return nil
}

// refusedRule is AG0403 for a rule that does not fit its contract; what is wrong
// with it is told before it is signed, by ParseMergeRule.
func refusedRule(err error) error {
	if fault.Of(err) == nil {
		return err
	}
	return fail("AG0403", "rule")
}

// MergeRules gives the merge rules in force for a contract (all: empty), in order
// of contract, table and column, one for each row of aergo_merge.
func (t *Tree) MergeRules(contract string) ([]RuleInForce, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rulesInForce(contract)
}

func (t *Tree) rulesInForce(contract string) ([]RuleInForce, error) {
	prefix := tablePrefix(systemMerge, "rule")
	if contract != "" {
		var err error
		if prefix, err = wire.AppendKey(prefix, contract); err != nil {
			return nil, err
		}
	}
	var list []RuleInForce
	err := t.state.Scan(prefix, wire.KeyPrefixEnd(prefix), func(key, value []byte) error {
		k, err := wire.DecodeKey(key)
		if err != nil {
			return err
		}
		var names []string
		for _, v := range k[2:] {
			s, _ := v.(string)
			names = append(names, s)
		}
		if len(names) != 3 {
			return fmt.Errorf("reading a key of aergo_merge.rule: %v", k)
		}
		rule, err := decodeRule(names[1], names[2], value)
		list = append(list, RuleInForce{Contract: names[0], MergeRule: rule})
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, r := range list { // a rule of the source is in it; others were set after it
		d, err := t.find(t.state.Get, r.Contract)
		if err != nil {
			return nil, err
		}
		list[i].Declared = d != nil && slices.ContainsFunc(d.contract.Rules, func(x MergeRule) bool { return x.has(r.MergeRule) })
	}
	return list, nil
}

// RuleInForce is one row of aergo_merge: a rule for one column, or, without
// Columns, for a whole table.
type RuleInForce struct {
	Contract string
	MergeRule
	Declared bool // the contract's source has it; otherwise it was set by a call
}

// has tells whether a rule of a source is, for one column or the whole table,
// the rule r.
func (x MergeRule) has(r MergeRule) bool {
	column := len(r.Columns) == 0 && len(x.Columns) == 0 || len(r.Columns) == 1 && slices.Contains(x.Columns, r.Columns[0])
	return column && x.Table == r.Table && x.By == r.By && x.FromZero == r.FromZero && x.Action == r.Action && slices.Equal(x.Roles, r.Roles)
}

// rulesByHand says what a deploy does to merge rules that calls have set or
// dropped since the version before: it makes all rules of the contract anew.
func (p *Plan) rulesByHand(inForce []RuleInForce, old, next *Contract) {
	for _, r := range inForce {
		stays := slices.ContainsFunc(next.Rules, func(x MergeRule) bool { return x.has(r.MergeRule) })
		if !r.Declared && !stays {
			p.add(PlanSafe, "-", "rule "+r.String()+", which was set by hand", "")
		}
	}
	for _, x := range next.Rules {
		if !slices.ContainsFunc(old.Rules, func(o MergeRule) bool { return o.String() == x.String() }) {
			continue // a new one, which is in the plan
		}
		for _, part := range x.parts() {
			if !slices.ContainsFunc(inForce, func(r RuleInForce) bool { return r.String() == part.String() }) {
				p.add(PlanSafe, "+", "rule "+part.String()+", which was changed or dropped by hand", "")
			}
		}
	}
}

// parts gives a rule for each column.
func (r MergeRule) parts() []MergeRule {
	if len(r.Columns) < 2 {
		return []MergeRule{r}
	}
	var list []MergeRule
	for _, c := range r.Columns {
		part := r
		part.Columns = []string{c}
		list = append(list, part)
	}
	return list
}
