package importer

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// LoadOptions say where rows go.
type LoadOptions struct {
	Key    crypto.Signer
	Branch string // empty: the current one
	// Progress is told how many rows are durable, from another goroutine.
	Progress func(done, total int64)
}

// Loaded says what a load did.
type Loaded struct {
	Rows     int64 // put into the contract now
	Repeated int64 // there already, by an earlier run of this import
	Calls    int
	Blocks   int
	Deployed int // versions of the contract put in force
}

// Load puts the draft in force, unless a contract that fits is in force already
// (see Prepare), and loads all rows. What it did before an error stays, and
// another Load goes on from there.
func (f *File) Load(ctx context.Context, r *repo.Repository, o LoadOptions) (Loaded, error) {
	var l Loaded
	state, err := f.Prepare(r, o.Branch)
	if err != nil {
		return l, err
	}
	deploy := func(source string) error {
		_, err := r.Deploy(ctx, o.Key, o.Branch, f.Draft.Contract, source)
		if err == nil {
			l.Deployed++
		}
		return err
	}
	if state == New {
		if err := deploy(f.Draft.loading()); err != nil {
			return l, err
		}
	}
	origin, err := f.origin(r, o.Branch, state)
	if err != nil {
		return l, err
	}
	for attempt := 1; ; attempt++ {
		again, err := f.loadOnce(ctx, r, o, &l, origin, attempt)
		if err != nil {
			return l, err
		}
		if !again {
			break
		}
	}
	if state != Fits && state != Whole && f.Draft.loading() != f.Draft.Source() {
		if err := deploy(f.Draft.Source()); err != nil {
			return l, fmt.Errorf("all rows are loaded, and the whole contract cannot be put in force: %w", err)
		}
	}
	return l, nil
}

// origin is what the idempotency keys of a load hang on besides the rows: the
// contract, so that another one under the same name begins anew.
func (f *File) origin(r *repo.Repository, branch string, state State) (string, error) {
	if state != Fits {
		sum := sha256.Sum256([]byte(f.Draft.loading()))
		return hex.EncodeToString(sum[:8]), nil
	}
	_, info, err := r.Contract(branch, f.Draft.Contract)
	return info.Code.String(), err
}

// loadOnce sends every row once. A call that was refused in an earlier run has
// used its key up; again says that there were such, to be sent under the next.
func (f *File) loadOnce(ctx context.Context, r *repo.Repository, o LoadOptions, l *Loaded, origin string, attempt int) (again bool, err error) {
	s := &sender{file: f, o: o, loaded: l, origin: origin, attempt: attempt, calls: map[int]sent{}}
	var done int64
	l.Repeated = 0
	w, err := r.NewWriter(o.Key, o.Branch, callsInBlock, func(n int, res repo.Result, err error) {
		s.mu.Lock()
		c := s.calls[n]
		delete(s.calls, n)
		s.report(c, res, err)
		if err == nil {
			done += c.rows
		}
		at := done
		s.mu.Unlock()
		if o.Progress != nil {
			o.Progress(at, f.Rows())
		}
	})
	if err != nil {
		return false, err
	}
	s.writer = w
	for _, t := range f.Draft.Tables {
		if err = s.table(ctx, t); err != nil {
			break
		}
	}
	closed := w.Close(context.WithoutCancel(ctx)) // what was sent becomes durable, also when interrupted
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failed != nil:
		return false, s.failed
	case closed != nil:
		return false, closed
	}
	return s.again, err
}

// sender cuts rows into calls. mu guards what the Writer's goroutine reports.
type sender struct {
	file    *File
	o       LoadOptions
	writer  *repo.Writer
	origin  string
	attempt int
	n       int

	mu     sync.Mutex
	calls  map[int]sent // on their way
	loaded *Loaded
	block  string
	failed error
	again  bool
}

// sent is a call on its way: rows from first to last place in the file.
type sent struct {
	table       *Table
	first, last int64
	rows        int64
}

func (s *sender) report(c sent, res repo.Result, err error) {
	switch {
	case err != nil && res.Repeated:
		s.again = true
	case err != nil && s.failed == nil:
		hint := "Nothing of these rows was written. Correct the file or the contract and import again: what is loaded is not loaded twice."
		if fault.Is(err, "AG0412") {
			hint = "A row with such a key is in the table already: this is another file than the one that was imported, or rows were added by hand."
		}
		code := "AG0490"
		if x := fault.Of(err); x != nil {
			code = x.ID
		}
		s.failed = fault.New(code, hint, "rows %d to %d of %s were refused: %w", c.first, c.last, c.table.Name, err)
	case err != nil:
	case res.Repeated:
		s.loaded.Repeated += c.rows
	default:
		s.loaded.Rows += c.rows
		s.loaded.Calls++
		if b := res.Block.String(); b != s.block {
			s.block = b
			s.loaded.Blocks++
		}
	}
}

func (s *sender) send(ctx context.Context, c sent, action string, args map[string]any, content []byte) error {
	s.mu.Lock()
	failed := s.failed
	s.n++
	n := s.n
	s.calls[n] = c
	s.mu.Unlock()
	if failed != nil {
		return failed
	}
	// The table's content and the call's own: a key never stands for other rows.
	sum := sha256.Sum256(content)
	key := fmt.Sprintf("import %s %d %s %x %d %x", s.origin, s.attempt, c.table.Name, c.table.content, c.first, sum[:16])
	return s.writer.Add(ctx, n, repo.Call{
		Contract: s.file.Draft.Contract, Action: action, Args: args, Branch: s.o.Branch,
		GasLimit: sqlcontract.MaxGas, IdempotencyKey: key,
	})
}

// table sends the rows of one table.
func (s *sender) table(ctx context.Context, t *Table) error {
	rows := make([]byte, 1, maxRows+1024)
	rows[0] = '['
	var c sent
	flush := func() error {
		if c.rows == 0 {
			return nil
		}
		text := append(rows, ']')
		err := s.send(ctx, c, "load_"+t.Name, map[string]any{"rows": string(text)}, text)
		rows, c = rows[:1], sent{}
		return err
	}
	columns := t.loaded()
	n := int64(0)
	err := s.file.source.rows(ctx, t, func(_ int64, row []any) error {
		n++
		before := len(rows)
		if c.rows > 0 {
			rows = append(rows, ',')
		}
		rows = appendRow(rows, row)
		if len(rows) < maxRows {
			if c.rows == 0 {
				c.table, c.first = t, n
			}
			c.last = n
			c.rows++
			return nil
		}
		one := append([]byte(nil), rows[before:]...)
		rows = rows[:before]
		if err := flush(); err != nil {
			return err
		}
		if one[0] == ',' {
			one = one[1:]
		}
		if len(one) < maxRows-2 {
			rows = append(rows, one...)
			c = sent{t, n, n, 1}
			return nil
		}
		args := map[string]any{}
		for i, v := range row {
			args[columns[i].Name] = v
		}
		return s.send(ctx, sent{t, n, n, 1}, "add_"+t.Name, args, one)
	})
	if err != nil {
		return err
	}
	return flush()
}
