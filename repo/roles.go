package repo

import (
	"context"
	"crypto"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/objectstore"
)

// GrantRole gives an account a role of the directory (reader, writer, producer,
// admin) on the branches of a pattern: a name, eu/*, or * for all.
func (r *Repository) GrantRole(ctx context.Context, key crypto.Signer, role, pattern string, account objectstore.Account) error {
	known, err := dd.ParseRole(role)
	if err != nil {
		return err
	}
	return r.direct(ctx, key, dd.Grant{Role: known, Pattern: pattern, Account: account})
}

// RevokeRole takes back a role that was granted with exactly this pattern.
func (r *Repository) RevokeRole(ctx context.Context, key crypto.Signer, role, pattern string, account objectstore.Account) error {
	known, err := dd.ParseRole(role)
	if err != nil {
		return err
	}
	return r.direct(ctx, key, dd.Revoke{Role: known, Pattern: pattern, Account: account})
}
