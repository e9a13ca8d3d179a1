package repo

import (
	"context"
	"crypto"
	"slices"
	"sync"
	"time"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Writer loads many calls: each is a signed transaction of its own, a block
// holds up to its block size of them. It is used by one goroutine, which signs;
// another executes and stores the block before.
type Writer struct {
	r      *Repository
	signer signer
	size   int
	done   func(line int, res Result, err error)
	batch  []pending

	work    chan load
	wait    sync.WaitGroup
	stopped chan struct{} // closed when a block could not be stored
	failure error         // set before stopped is closed
}

// pending is a call that waits for its block.
type pending struct {
	line int
	call Call
	tx   sqlcontract.VerifiedTransaction
	err  error // it could not be signed
}

// load is what goes into one block, and when it was handed over: the block's
// time, so that the caller's goroutine alone asks the clock.
type load struct {
	batch []pending
	at    time.Time
}

// NewWriter loads into a branch (empty: the current one). done is called for
// each line, in order, when its block is durable, or when the line was refused;
// it runs on another goroutine than Add's. blockSize 0 means 1000.
func (r *Repository) NewWriter(key crypto.Signer, branch string, blockSize int, done func(line int, res Result, err error)) (*Writer, error) {
	if blockSize <= 0 {
		blockSize = DefaultBlockSize
	}
	if blockSize > MaxBlockSize {
		return nil, fault.New("AG0105", "", "a block of %d transactions is over the limit of %d", blockSize, MaxBlockSize)
	}
	signer, err := r.signer(key, branch)
	if err != nil {
		return nil, err
	}
	w := &Writer{r: r, signer: signer, size: blockSize, done: done, work: make(chan load, 1), stopped: make(chan struct{})}
	w.wait.Add(1)
	go w.run()
	return w, nil
}

// Add takes a call; line is the caller's name for it. An error means that the
// Writer has stopped, and Close says why; or that the signer, not the call, is in
// trouble (AG0518 to AG0520, AG0531): the call is left out, and what came before it
// is kept.
func (w *Writer) Add(ctx context.Context, line int, c Call) error {
	p := pending{line: line, call: c}
	var q sqlcontract.Request
	if q, p.err = w.r.request(c); p.err == nil {
		p.tx, p.err = w.signer.sign(q)
	}
	if noSigner(p.err) {
		return p.err
	}
	w.batch = append(w.batch, p)
	if len(w.batch) < w.size {
		return nil
	}
	return w.flush(ctx)
}

func (w *Writer) flush(ctx context.Context) error {
	if len(w.batch) == 0 {
		return nil
	}
	select {
	case w.work <- load{w.batch, w.r.now()}:
		w.batch = make([]pending, 0, w.size)
		return nil
	case <-w.stopped:
		return w.failure
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close stores what is left and waits until everything is durable.
func (w *Writer) Close(ctx context.Context) error {
	err := w.flush(ctx)
	close(w.work)
	w.wait.Wait()
	if w.failure != nil {
		return w.failure // flush gave the same
	}
	return err
}

// run makes blocks of what Add collected.
func (w *Writer) run() {
	defer w.wait.Done()
	for l := range w.work {
		if w.failure != nil {
			continue // drain; Add has been told
		}
		if err := w.block(l); err != nil {
			w.failure = err
			close(w.stopped)
		}
	}
}

// noSigner tells whether the signer is in trouble: it would refuse the next line as
// well, or ask a person once for each.
func noSigner(err error) bool {
	f := fault.Of(err)
	return f != nil && slices.Contains([]string{"AG0518", "AG0519", "AG0520", "AG0531"}, f.ID)
}

type answer struct {
	line int
	res  Result
	err  error
}

// block makes one block and then reports its lines.
func (w *Writer) block(l load) error {
	d, err := w.r.begin(w.signer, l.at, ordinary)
	if err != nil {
		return err
	}
	defer d.abandon()
	answers := make([]answer, len(l.batch))
	for i, p := range l.batch {
		if answers[i], err = d.line(p); err != nil {
			return err
		}
	}
	if d.session.Len() > 0 {
		block, err := d.finish(context.Background(), nil)
		if err != nil {
			return err
		}
		for i := range answers {
			if a := &answers[i]; a.err == nil && !a.res.Repeated { // Changes are left out: nobody reads a million of them
				a.res.Block = block.ID
				a.err = refusal(a.res.Receipt)
			}
		}
	}
	d.abandon()
	for _, a := range answers {
		w.done(a.line, a.res, a.err)
	}
	return nil
}

// line runs one call of a block. The error is trouble of this machine; what is
// wrong with the call is in the answer.
func (d *draft) line(p pending) (answer, error) {
	a := answer{line: p.line, err: p.err}
	if p.err != nil {
		return a, nil
	}
	var known bool
	if a.res, known, a.err = d.first(p.call, p.tx.Header().Salt); known || a.err != nil {
		return a, nil
	}
	a.res.Transaction, a.res.Branch = p.tx.ID(), string(d.record.Name)
	if a.res.Receipt, a.err = d.session.Run(p.tx); a.err != nil && !sqlcontract.NotAdmitted(a.err) {
		return a, a.err
	}
	if p.call.IdempotencyKey != "" {
		d.keyed[p.tx.ID()] = p.call
	}
	return a, nil
}
