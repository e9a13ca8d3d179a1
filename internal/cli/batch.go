package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// batchLine is a line of a batch file. Other fields are allowed: one of them
// may be the idempotency key, and a file of refused lines, which has an error
// in each, can be corrected and loaded like any other.
type batchLine struct {
	Call string          `json:"call"`
	Args json.RawMessage `json:"args"`
}

// refusedLine is a line of the file of refused lines.
type refusedLine struct {
	Line  int             `json:"line"`
	Code  string          `json:"code"`
	Error string          `json:"error"`
	Call  string          `json:"call,omitempty"`
	Args  json.RawMessage `json:"args,omitempty"`
	Text  string          `json:"text,omitempty"` // of a line that is not JSON
	Why   []string        `json:"why,omitempty"`  // what the contract met, as the command prints it
}

type batchJSON struct {
	Lines    int    `json:"lines"`
	Applied  int    `json:"applied"`
	Repeated int    `json:"repeated"` // applied before under the same idempotency key
	Refused  int    `json:"refused"`
	Blocks   int    `json:"blocks"` // that hold applied lines
	Branch   string `json:"branch"`
	Head     string `json:"head"`
	File     string `json:"refused_file,omitempty"`
}

// found is what the first line that names an action learned about it.
type found struct {
	action *sqlcontract.Action
	err    error
}

// batch is a load under way. Add's goroutine reads lines; the Writer's reports
// them. mu guards everything below it.
type batch struct {
	a       *app
	r       *repo.Repository
	branch  string
	keyed   string // the field that holds the idempotency key, or ""
	stop    bool
	actions map[string]found
	bar     *progress
	caller  objectstore.Account
	seen    watched // by the goroutine that runs calls and reports them

	mu      sync.Mutex
	sent    map[int][]byte // lines that are on their way, for the file of refused ones
	sum     batchJSON
	block   objectstore.Hash // of the last applied line
	refused *refusedFile
	first   refused // line
	failed  error   // of writing refused lines
}

func (a *app) callBatch(c *ucli.Context) error {
	file := c.String("batch")
	if c.IsSet("csv") {
		file = c.String("csv")
	} else if c.NArg() > 0 {
		return usage("AG0113", "aergo call --batch FILE.jsonl", "%q: the calls of a batch stand in its file", c.Args().First())
	}
	for _, f := range []string{"args", "gas", "scratch", "who", "sign-only", "output"} {
		if c.IsSet(f) {
			return usage("AG0111", "aergo call CONTRACT.ACTION …", "--%s belongs to a single call", f)
		}
	}
	if c.Int("block-size") < 1 {
		return usage("AG0112", "", "--block-size is at least 1")
	}
	in, name, total, err := a.openBatch(file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	r, err := a.open()
	if err != nil {
		return err
	}
	next := jsonLines(in)
	if c.IsSet("csv") {
		if next, err = a.csvLines(c, r, in); err != nil {
			return err
		}
	}
	key, err := a.key()
	if err != nil {
		return err
	}
	refused := name + ".refused"
	if c.IsSet("refused") {
		refused = c.String("refused")
	}
	if refused = a.path(refused); sameFile(refused, a.path(name)) {
		return usage("AG0113", "", "the refused lines would overwrite the batch")
	}
	branch := c.String("branch")
	if c.Bool("create") {
		if _, err := r.CreateBranch(branch, r.Current(), key, false); err != nil {
			return err
		}
	}
	if branch == "" {
		branch = r.Current()
	}
	b := &batch{
		a: a, r: r, branch: branch, keyed: c.String("idempotency-key"), stop: c.Bool("stop-on-error"),
		actions: map[string]found{}, sent: map[int][]byte{}, caller: repo.AccountOf(key), seen: watched{},
		sum: batchJSON{Branch: branch}, refused: &refusedFile{path: refused},
		bar: a.progress("lines", total),
	}
	_ = os.Remove(refused) // of an earlier run
	r.Observe(b.seen.observe)
	var readErr error
	if b.stop {
		// One by one, so that nothing after a refused line has run.
		readErr = b.read(a.ctx, next, func(ctx context.Context, n int, call repo.Call) error {
			res, err := r.Call(ctx, key, call)
			b.report(n, res, err)
			return nil
		})
	} else {
		w, e := r.NewWriter(key, branch, c.Int("block-size"), b.report)
		if e != nil {
			return e
		}
		readErr = b.read(a.ctx, next, w.Add)
		// What has been read is made durable even when the reading was interrupted.
		err = w.Close(context.WithoutCancel(a.ctx))
	}
	b.bar.end()
	if e := b.refused.close(); b.failed == nil {
		b.failed = e
	}
	if err == nil && !errors.Is(readErr, errStopped) {
		err = readErr
	}
	if err == nil {
		err = b.failed
	}
	return b.finish(err)
}

// errStopped ends the reading after a refused line with --stop-on-error.
var errStopped = errors.New("stopped at a refused line")

// openBatch opens the file and counts its lines, for the progress; -1 for a
// pipe.
func (a *app) openBatch(file string) (io.ReadCloser, string, int, error) {
	if file == "-" {
		return io.NopCloser(a.stdin), "stdin.jsonl", -1, nil
	}
	f, err := os.Open(a.path(file))
	if err != nil {
		return nil, "", 0, fault.New("AG0220", "", "the batch %s cannot be read: %w", file, err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, "", 0, fault.New("AG0220", "aergo call --batch FILE.jsonl", "the batch %s is a folder", file)
	}
	total, buf := 0, make([]byte, 1<<20)
	for {
		n, err := f.Read(buf)
		total += bytes.Count(buf[:n], []byte("\n"))
		if err != nil {
			break // a real error shows again when the lines are read
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return f, file, -1, nil // a pipe with a name
	}
	return f, file, total, nil
}

func sameFile(x, y string) bool {
	a, err := os.Stat(x)
	if err != nil {
		return x == y
	}
	b, err := os.Stat(y)
	return err == nil && os.SameFile(a, b)
}

// lines gives one line of a batch after the other: its number in the file, its
// text as a batchLine, and why it is refused, if it is (a fault). Any other error
// ends the reading, io.EOF in peace.
type lines func() (n int, line []byte, err error)

// jsonLines reads a file of batchLines.
func jsonLines(in io.Reader) lines {
	from, n := bufio.NewReaderSize(in, 1<<20), 0
	return func() (int, []byte, error) {
		n++
		line, err := readLine(from)
		return n, line, err
	}
}

// read sends every line on.
func (b *batch) read(ctx context.Context, next lines, send func(context.Context, int, repo.Call) error) error {
	for {
		n, line, err := next()
		if err == io.EOF {
			return nil
		}
		if err != nil && fault.Of(err) == nil {
			return fmt.Errorf("reading line %d of the batch: %w", n, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff")) // the mark that Windows programs put before a text
		}
		if err == nil && len(bytes.TrimSpace(line)) == 0 {
			b.mu.Lock()
			b.bar.add(1)
			b.mu.Unlock()
			continue
		}
		var call repo.Call
		if err == nil {
			call, err = b.parse(line)
		}
		b.mu.Lock()
		b.sum.Lines++
		if err == nil {
			b.sent[n] = line
		}
		b.mu.Unlock()
		if err != nil {
			b.refuse(n, line, err)
		} else if err := send(ctx, n, call); err != nil {
			return err
		}
		if b.stopped() {
			return errStopped
		}
	}
}

func (b *batch) stopped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed != nil || b.stop && b.sum.Refused > 0
}

var errLongLine = fault.New("AG0491", "", "the line is over %d bytes", maxBatchLine)

// readLine reads a line without its end; of one over the limit it gives the
// beginning and errLongLine.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if !long {
			line = append(line, part...)
		}
		if len(line) > maxBatchLine {
			line, long = line[:200], true
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(line) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, err
		case long:
			return line, errLongLine
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}

// parse turns a line into a call.
func (b *batch) parse(line []byte) (repo.Call, error) {
	bad := func(what string, args ...any) (repo.Call, error) {
		return repo.Call{}, fault.New("AG0491", "A line is {\"call\":\"bank.post\",\"args\":{…}}", what, args...)
	}
	if err := checkJSON(line); err != nil {
		return bad("the line is not a call: %w", err)
	}
	var l batchLine
	if err := json.Unmarshal(line, &l); err != nil {
		return bad("\"call\" is not a text")
	}
	if l.Call == "" {
		return bad("the line has no \"call\"")
	}
	f, ok := b.actions[l.Call]
	if !ok {
		_, f.action, f.err = b.a.findAction(b.r, b.branch, l.Call)
		b.actions[l.Call] = f
	}
	if f.err != nil {
		return repo.Call{}, f.err
	}
	args, err := repo.JSONArgs(f.action, l.Args)
	if err != nil {
		return repo.Call{}, err
	}
	contract, name, _ := strings.Cut(l.Call, ".")
	call := repo.Call{Contract: contract, Action: name, Args: args, Branch: b.branch}
	if b.keyed == "" {
		return call, nil
	}
	if v, ok := args[b.keyed]; ok && v != nil {
		call.IdempotencyKey = cell(v)
	} else {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(line, &fields); err != nil {
			return bad("the line is not JSON: %w", err)
		}
		var s string
		raw, ok := fields[b.keyed]
		if json.Unmarshal(raw, &s) == nil {
			call.IdempotencyKey = s
		} else if ok && string(raw) != "null" {
			call.IdempotencyKey = string(raw)
		}
	}
	if call.IdempotencyKey == "" {
		return bad("the line has no idempotency key %q, neither in args nor beside them", b.keyed)
	}
	return call, nil
}

// report is told by the Writer what became of a line.
func (b *batch) report(n int, res repo.Result, err error) {
	b.mu.Lock()
	line := b.sent[n]
	delete(b.sent, n)
	if err == nil {
		if res.Repeated {
			b.sum.Repeated++
		} else {
			b.sum.Applied++
			if res.Block != b.block {
				b.block = res.Block
				b.sum.Blocks++
			}
		}
		b.bar.add(1)
	}
	b.mu.Unlock()
	if err != nil {
		b.refuse(n, line, b.a.explained(err, b.seen[res.Transaction], b.caller))
		delete(b.seen, res.Transaction)
	}
}

// refuse writes a line to the file of refused lines.
func (b *batch) refuse(n int, line []byte, err error) {
	r := refusedLine{Line: n, Error: err.Error()}
	var why refused
	if errors.As(err, &why) && strings.TrimSpace(why.text) != "" {
		for _, l := range strings.Split(why.text, "\n") {
			r.Why = append(r.Why, strings.TrimPrefix(l, "  "))
		}
	}
	if f := fault.Of(err); f != nil {
		r.Code = f.ID
	}
	var l batchLine
	if json.Unmarshal(line, &l) == nil {
		r.Call, r.Args = l.Call, l.Args
	} else {
		r.Text = string(line)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sum.Refused == 0 && len(r.Why) > 0 {
		b.first = refused{fmt.Errorf("line %d: %w", n, err), why.why, why.text}
	}
	b.sum.Refused++
	b.bar.add(1)
	if e := b.refused.write(r); e != nil && b.failed == nil {
		b.failed = e
	}
}

// finish prints the sum and turns refused lines into the error of the command.
func (b *batch) finish(err error) error {
	if head, e := b.r.Resolve(b.branch); e == nil {
		b.sum.Head = id(head)
	}
	if b.sum.Refused > 0 {
		b.sum.File = b.refused.path
	}
	if b.a.json {
		if e := b.a.emit(b.sum); e != nil {
			return e
		}
	} else {
		line := fmt.Sprintf("%s applied in %s%s", plural(b.sum.Applied, "call"), plural(b.sum.Blocks, "block"), b.a.onBranch(b.branch))
		if b.sum.Repeated > 0 {
			line += fmt.Sprintf(", %d applied before and not again", b.sum.Repeated)
		}
		b.a.done("%s.", line)
	}
	switch {
	case err != nil:
		return fmt.Errorf("the batch ended after %s: %w", plural(b.sum.Applied+b.sum.Repeated+b.sum.Refused, "line"), err)
	case b.sum.Refused > 0:
		sum := fault.New("AG0490", "They stand with line number and error in "+b.refused.path, "%s of %d refused", plural(b.sum.Refused, "line"), b.sum.Lines)
		if b.first.error != nil {
			return refused{sum, b.first.why, "  first, " + b.first.Error() + "\n" + b.first.text}
		}
		return sum
	}
	return nil
}

// refusedFile is made when the first line is refused.
type refusedFile struct {
	path string
	file *os.File
	out  *bufio.Writer
}

func (f *refusedFile) write(r refusedLine) error {
	if f.file == nil {
		file, err := os.Create(f.path)
		if err != nil {
			return fault.New("AG0220", "aergo call --batch … --refused FILE", "refused lines cannot be written: %w", err)
		}
		f.file, f.out = file, bufio.NewWriter(file)
	}
	e := json.NewEncoder(f.out)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

func (f *refusedFile) close() error {
	if f.file == nil {
		return nil
	}
	return errors.Join(f.out.Flush(), f.file.Close())
}
