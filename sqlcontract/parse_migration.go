package sqlcontract

import (
	"slices"

	"github.com/aergo-git/aergo-git/internal/aergosql"
)

// migration reads MIGRATION FROM n AS BEGIN … END;
//
// What its queries mean depends on version n, which only a deploy knows: they
// are kept apart, and CompileMigration prepares them.
func (p *parser) migration() error {
	m := &Migration{Line: p.Line(p.i)}
	p.i++
	if err := p.expect("FROM"); err != nil {
		return err
	}
	at := p.off()
	if p.i >= len(p.Tokens) || p.Tokens[p.i].Kind != aergosql.Integer {
		return p.unexpected("expected the number of a version, as in MIGRATION FROM 1")
	}
	n, err := aergosql.ParseInteger(p.Val(p.i))
	if err != nil || n < 1 || n > maxVersion {
		return p.Fail(codeSchema, at, "aergo contract list shows the version in force", "versions are counted from 1")
	}
	p.i++
	m.From = int(n)
	if old := p.contract.Migration(m.From); old != nil {
		return p.Fail(codeSchema, at, "put both into one", "there is already a MIGRATION FROM %d, in line %d", m.From, old.Line)
	}
	if len(p.contract.Migrations) >= maxMigrations {
		return p.Fail(codeLimit, at, "leave out those of versions that are in force nowhere any more", "more than %d MIGRATION blocks", maxMigrations)
	}
	if err := p.expect("AS", "BEGIN"); err != nil {
		return err
	}
	before := len(p.pending)
	p.current, p.migrating = m.action(), true
	p.scope, p.count, p.depth = &scope{}, 0, 0
	if m.Body, err = p.block("END"); err != nil {
		return err
	}
	p.current, p.migrating, p.scope = nil, false, nil
	p.migrations[m] = slices.Clone(p.pending[before:])
	p.pending = p.pending[:before]
	p.contract.Migrations = append(p.contract.Migrations, m)
	return p.expect("END", ";")
}

// notInMigration refuses the steps that only an action has.
func (p *parser) notInMigration() error {
	call := p.is("CALL") || p.is("LET") && p.Op(p.i+2, "=") && p.Upper(p.i+3) == "CALL" || p.is("RETURN", "CALL")
	switch {
	case call:
		return p.Fail(codeSyntax, p.off(), "let the owner call the other contract after the deploy", "a MIGRATION changes its own contract only and has no CALL")
	case p.is("RETURN") && !p.Op(p.i+1, ";"):
		return p.Fail(codeSyntax, p.off(), "write RETURN; alone to end it early, or EMIT an event", "a MIGRATION returns nothing: nobody has called it")
	}
	return nil
}
