package sqldriver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
)

// Name is the name under which the driver is registered.
const Name = "aergo"

// A driver of database/sql registers itself when it is imported: that is how
// programs, and tools that take a driver by its name, expect it to be. It is the
// one init of this module, and the one registry is database/sql's own.
func init() { sql.Register(Name, ledgerDriver{}) }

// Options say what a Connector reads. The zero value reads the head of the
// current branch.
type Options struct {
	Branch string // empty: the current one
	At     string // a revision; see the package comment
}

func (o Options) revision() string {
	if o.At != "" && !strings.ContainsAny(o.At[:1], "#@~^") {
		return o.At
	}
	return o.Branch + o.At
}

// Connector makes connections to a repository that is open already, for
// sql.OpenDB. Closing the DB leaves the repository open; close the DB first.
func Connector(r *repo.Repository, o Options) driver.Connector {
	return &connector{repo: r, rev: o.revision()}
}

// ledgerDriver implements driver.Driver and driver.DriverContext.
type ledgerDriver struct{}

// Open opens a connection with a ledger of its own. database/sql calls
// OpenConnector instead.
func (d ledgerDriver) Open(source string) (driver.Conn, error) {
	c, err := parse(source)
	if err != nil {
		return nil, err
	}
	r, err := c.open()
	if err != nil {
		return nil, err
	}
	return &conn{repo: r, rev: c.rev, closes: c}, nil
}

// OpenConnector reads a data source. The ledger is opened by the first Connect.
func (d ledgerDriver) OpenConnector(source string) (driver.Connector, error) { return parse(source) }

// connector implements driver.Connector and io.Closer.
type connector struct {
	rev  string
	dir  string // of a ledger to open; empty: the caller's
	wait time.Duration

	mu   sync.Mutex // guards repo
	repo *repo.Repository
}

func parse(source string) (*connector, error) {
	dir, query, _ := strings.Cut(source, "?")
	form := `"/path/to/ledger?branch=eu", "?at=main~10", "?wait=2s"`
	if dir == "" {
		return nil, fault.New("AG0130", form, "a data source begins with the folder of a ledger")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fault.New("AG0130", form, "the data source cannot be read: %w", err)
	}
	c := &connector{dir: dir}
	var o Options
	for name, v := range values {
		if len(v) > 1 {
			return nil, fault.New("AG0130", form, "the data source has %s twice", name)
		}
		switch name {
		case "branch":
			o.Branch = v[0]
		case "at":
			o.At = v[0]
		case "wait":
			if c.wait, err = time.ParseDuration(v[0]); err != nil {
				return nil, fault.New("AG0130", form, "the data source cannot be read: %w", err)
			}
		default:
			return nil, fault.New("AG0130", form, "a data source has no %q", name)
		}
	}
	c.rev = o.revision()
	return c, nil
}

// open gives the repository, opening it the first time.
func (c *connector) open() (*repo.Repository, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.repo == nil {
		r, err := repo.Open(c.dir, repo.Options{Wait: c.wait})
		if err != nil {
			return nil, err
		}
		c.repo = r
	}
	return c.repo, nil
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := c.open()
	if err != nil {
		return nil, err
	}
	return &conn{repo: r, rev: c.rev}, nil
}

func (c *connector) Driver() driver.Driver { return ledgerDriver{} }

// Close closes the ledger that the connector opened. DB.Close calls it after
// the last connection.
func (c *connector) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dir == "" || c.repo == nil {
		return nil
	}
	err := c.repo.Close()
	c.repo = nil
	return err
}

// errWrite refuses what is not a query.
func errWrite() error {
	return fault.New("AG0107", "Change rows by a call: repo.Repository.Call, or aergo call CONTRACT.ACTION name=value…", "this driver only reads")
}

var errOpenTx = errors.New("sqldriver: a transaction is open on this connection")
