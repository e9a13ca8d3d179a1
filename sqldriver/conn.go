package sqldriver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// conn is a revision of a repository: each query opens what it needs itself. It
// implements driver.Conn, ConnBeginTx, ConnPrepareContext, QueryerContext,
// ExecerContext, NamedValueChecker, Pinger and Tx.
type conn struct {
	repo   *repo.Repository
	rev    string
	block  string     // of the open transaction; empty: none
	closes *connector // of a connection that has its ledger alone
}

func (c *conn) Close() error {
	if c.closes != nil {
		return c.closes.Close()
	}
	return nil
}

func (c *conn) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := c.repo.Resolve(c.rev)
	return err
}

func (c *conn) Begin() (driver.Tx, error) { return c.BeginTx(context.Background(), driver.TxOptions{}) }

// BeginTx fixes the block that the transaction's queries read. A state that
// never changes is isolated in every way that there is a name for.
func (c *conn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	if c.block != "" {
		return nil, errOpenTx
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	id, err := c.repo.Resolve(c.rev)
	if err != nil {
		return nil, err
	}
	c.block = id.String()
	return c, nil
}

func (c *conn) Commit() error {
	c.block = ""
	return nil
}

func (c *conn) Rollback() error { return c.Commit() }

func (c *conn) Prepare(query string) (driver.Stmt, error) { return &stmt{c, query}, nil }

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return &stmt{c, query}, ctx.Err()
}

func (c *conn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return nil, errWrite()
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	list := make([]any, len(args))
	for _, a := range args {
		if list[a.Ordinal-1] = a.Value; a.Name != "" {
			list[a.Ordinal-1] = sqlcontract.Named{Name: a.Name, Value: a.Value}
		}
	}
	rev := c.rev
	if c.block != "" {
		rev = c.block
	}
	r, err := c.repo.Query(ctx, rev, query, list...)
	if err != nil {
		return nil, err
	}
	return &rows{r}, nil
}

// CheckNamedValue makes of an argument what a ledger knows.
func (c *conn) CheckNamedValue(v *driver.NamedValue) (err error) {
	if v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value); err != nil {
		return fault.New("AG0403", "Integers, float64, string, []byte, bool, time.Time and nil are.", "argument %d is no value of a ledger: %w", v.Ordinal, err)
	}
	switch x := v.Value.(type) {
	case bool:
		v.Value = int64(0)
		if x {
			v.Value = int64(1)
		}
	case time.Time:
		v.Value = x.UnixMilli()
	}
	return nil
}

// stmt is a query's text. It implements driver.Stmt and StmtQueryContext.
type stmt struct {
	c     *conn
	query string
}

func (s *stmt) Close() error { return nil }

// NumInput is -1: the query itself says what it lacks.
func (s *stmt) NumInput() int { return -1 }

func (s *stmt) Exec([]driver.Value) (driver.Result, error) { return nil, errWrite() }

func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	named := make([]driver.NamedValue, len(args))
	for i, v := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return s.c.QueryContext(context.Background(), s.query, named)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.c.QueryContext(ctx, s.query, args)
}

// rows implements driver.Rows and what it tells of column types.
type rows struct{ r *sqlcontract.Rows }

func (r *rows) Columns() []string { return r.r.Columns() }

func (r *rows) Close() error { return r.r.Close() }

func (r *rows) Next(dest []driver.Value) error {
	if !r.r.Next() {
		if err := r.r.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	for i, v := range r.r.Values() {
		dest[i] = v
	}
	return nil
}

// ColumnTypeDatabaseTypeName is INTEGER, TEXT or BLOB; empty for what is
// computed.
func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return strings.ToUpper(r.r.Types()[i]) }

// ColumnTypeScanType is a type that every value of the column can be scanned
// into, NULL too.
func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	switch r.ColumnTypeDatabaseTypeName(i) {
	case "INTEGER":
		return reflect.TypeFor[sql.NullInt64]()
	case "TEXT":
		return reflect.TypeFor[sql.NullString]()
	case "BLOB":
		return reflect.TypeFor[[]byte]()
	}
	return reflect.TypeFor[any]()
}
