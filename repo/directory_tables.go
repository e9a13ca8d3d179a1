package repo

import (
	"context"
	"errors"
	"strings"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// directoryTables are the tables of schema dd in a query: the directory as it is
// now, whatever the revision that is queried. Each reading of a table sees one state of it.
func (r *Repository) directoryTables() []sqlcontract.TableFunction {
	table := func(name, names string, rows func(s dd.State, yield func(...any) bool) error) sqlcontract.TableFunction {
		return sqlcontract.TableFunction{
			Schema: sqlcontract.QuerySchema, Name: name, Columns: columns(names),
			Rows: func(ctx context.Context, _ map[string]any, yield func(cellOf) bool) error {
				s, err := r.directory.Head()
				if err != nil {
					return err
				}
				return rows(s, func(row ...any) bool {
					return ctx.Err() == nil && yield(func(i int) (any, error) { return row[i], nil })
				})
			},
		}
	}
	return []sqlcontract.TableFunction{
		table("identities", "name TEXT, account TEXT, added INTEGER, keys TEXT, changes INTEGER", func(s dd.State, yield func(...any) bool) error {
			list, err := s.Identities()
			if err != nil {
				return err
			}
			for _, i := range list {
				d, changes, err := presentKeys(s, i)
				if err != nil || !yield(i.Name, string(i.Account), i.Added, d.String(), int64(changes)) {
					return err
				}
			}
			return nil
		}),
		table("grants", "role TEXT, pattern TEXT, account TEXT, granted_by TEXT, since INTEGER", func(s dd.State, yield func(...any) bool) error {
			list, err := s.Roles()
			for _, g := range list {
				if !yield(string(g.Role), g.Pattern, string(g.Account), string(g.By), g.Since) {
					break
				}
			}
			return err
		}),
		table("branches", "name TEXT, id TEXT, producer TEXT, creator TEXT, epoch INTEGER, policy TEXT, registered INTEGER, head TEXT, number INTEGER, "+
			"published TEXT, sequence INTEGER, expiry INTEGER", r.branchTable),
		table("tags", "name TEXT, block TEXT, branch TEXT, tagger TEXT, message TEXT, time INTEGER", func(s dd.State, yield func(...any) bool) error {
			list, err := s.Tags()
			if err != nil {
				return err
			}
			for _, t := range list {
				b, _, err := s.Branch(t.Branch)
				if err != nil || !yield(t.Name, t.Block.String(), orNull(b.Name), string(t.Tagger), t.Message, t.Time) {
					return err
				}
			}
			return nil
		}),
		table("peers", "name TEXT, account TEXT, mirror INTEGER, addresses TEXT, added_by TEXT, since INTEGER", func(s dd.State, yield func(...any) bool) error {
			list, err := s.Peers()
			for _, p := range list {
				mirror := int64(0)
				if p.Mirror {
					mirror = 1
				}
				if !yield(p.Name, string(p.Account), mirror, strings.Join(p.Addresses, " "), string(p.By), p.Since) {
					break
				}
			}
			return err
		}),
		table("log", "number INTEGER, position INTEGER, block TEXT, time INTEGER, operation TEXT, kind TEXT, account TEXT, created INTEGER, text TEXT",
			func(s dd.State, yield func(...any) bool) error {
				err := r.DirectoryLog(context.Background(), 0, func(o DirectoryOperation) error {
					text := o.Text(func(a objectstore.Account) string {
						if name, ok, err := s.NameOf(a); err == nil && ok {
							return name
						}
						return string(a)
					})
					if !yield(int64(o.Number), int64(o.Position), o.Block.String(), o.Time.UnixMilli(), orNull(hashText(o.ID)), o.Kind, string(o.Account), o.Created.UnixMilli(), text) {
						return errEnough
					}
					return nil
				})
				if errors.Is(err, errEnough) {
					return nil
				}
				return err
			}),
	}
}

func (r *Repository) branchTable(s dd.State, yield func(...any) bool) error {
	list, err := r.directoryBranches(s)
	for _, b := range list {
		var number, published, sequence, expiry any
		if b.Local != "" {
			number = int64(b.Number)
		}
		if st := b.Statement; st != nil {
			published, sequence, expiry = st.Block.String(), int64(st.Sequence), st.Expiry
		}
		if !yield(b.Name, b.ID.String(), string(b.Producer), string(b.Creator), int64(b.Epoch), orNull(b.Policy), b.Registered, orNull(hashText(b.Head)), number, published, sequence, expiry) {
			break
		}
	}
	return err
}
