package repo

import (
	"context"
	"crypto"
	"errors"
	"sync"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// Writer loads many calls: each is a signed transaction of its own, a block
// holds up to its block size of them. It is used by one goroutine.
type Writer struct {
	r     *Repository
	key   crypto.Signer
	name  string
	size  int
	done  func(line int, res Result, err error)
	batch []pending

	work    chan []pending
	wait    sync.WaitGroup
	stopped chan struct{} // closed when a block could not be stored
	failure error         // set before stopped is closed
}

// pending is a call that waits for its block.
type pending struct {
	line int
	call Call
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
	w := &Writer{r: r, key: key, name: branch, size: blockSize, done: done, work: make(chan []pending, 1), stopped: make(chan struct{})}
	w.wait.Add(1)
	go w.run()
	return w, nil
}

// Add takes a call; line is the caller's name for it. An error means that the
// Writer has stopped: Close says why.
func (w *Writer) Add(ctx context.Context, line int, c Call) error {
	w.batch = append(w.batch, pending{line, c})
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
	case w.work <- w.batch:
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
	return errors.Join(err, w.failure)
}

// run makes blocks of what Add collected.
func (w *Writer) run() {
	defer w.wait.Done()
	for batch := range w.work {
		if w.failure != nil {
			continue // drain; Add has been told
		}
		if err := w.block(batch); err != nil {
			w.failure = err
			close(w.stopped)
		}
	}
}

type answer struct {
	line int
	res  Result
	err  error
}

// block makes one block and then reports its lines.
func (w *Writer) block(batch []pending) error {
	d, err := w.r.begin(w.key, w.name, false)
	if err != nil {
		return err
	}
	defer d.abandon()
	answers := make([]answer, len(batch))
	for i, p := range batch {
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
	a := answer{line: p.line}
	q, err := d.request(p.call)
	if err != nil {
		a.err = err
		return a, nil
	}
	var known bool
	if a.res, known, a.err = d.first(p.call, q.Salt); known || a.err != nil {
		return a, nil
	}
	t, err := d.sign(q)
	if err != nil {
		a.err = err
		return a, nil
	}
	a.res.Transaction, a.res.Branch = t.ID(), string(d.record.Name)
	if a.res.Receipt, a.err = d.session.Run(t); a.err != nil && !sqlcontract.NotAdmitted(a.err) {
		return a, a.err
	}
	if p.call.IdempotencyKey != "" {
		d.keyed[t.ID()] = p.call
	}
	return a, nil
}
