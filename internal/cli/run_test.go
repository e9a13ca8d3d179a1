package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
)

// What the disk refuses has a code and a way on, however deep it is wrapped;
// an error that has a code keeps it.
func TestNamedErrorsOfTheDisk(t *testing.T) {
	wrap := func(err error) error {
		return fmt.Errorf("storing a block: %w", &fs.PathError{Op: "write", Path: "000018.log", Err: err})
	}
	for _, c := range []struct {
		err  error
		code string
		next string
	}{
		{wrap(syscall.ENOSPC), "AG0903", "Make room"},
		{wrap(syscall.EROFS), "AG0903", "copy it"},
		{wrap(syscall.EACCES), "AG0903", "user who owns"},
		{fmt.Errorf("reading: %w", objectstore.ErrNotFound), "AG0609", "backup"},
		{fault.New("AG0220", "", "no file: %w", wrap(syscall.EACCES)), "AG0220", ""},
	} {
		f := fault.Of(named(c.err))
		if f == nil || f.ID != c.code || !strings.Contains(f.Next, c.next) || f.What != c.err.Error() {
			t.Errorf("%v became %+v, want %s", c.err, f, c.code)
		}
	}
}

// What waits for a person, a lock or a disk ends with an interrupt.
func TestAwaitEndsWithAnInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	a := &app{ctx: ctx}
	if err := a.await(func() error { return nil }, nil); err != nil {
		t.Error(err)
	}
	stuck, undone := make(chan struct{}), make(chan struct{})
	err := a.await(func() error { cancel(); <-stuck; return nil }, func() { close(undone) })
	if !errors.Is(err, context.Canceled) || exitStatus(err) != 130 {
		t.Error(err)
	}
	close(stuck)
	<-undone // what succeeds too late is taken back
}

type writer struct{ err error }

func (w writer) Write([]byte) (int, error) { return 0, w.err }

// Output that is lost is a failure; a reader who has seen enough is none.
func TestOutputThatCannotBeWritten(t *testing.T) {
	for err, status := range map[error]int{syscall.ENOSPC: 70, syscall.EPIPE: 0, errors.New("gone"): 70} {
		var told strings.Builder
		got := Run(context.Background(), []string{"aergo", "version"}, strings.NewReader(""), writer{err}, &told, func(string) string { return "" })
		if got != status || (status != 0) != strings.Contains(told.String(), "AG0902") {
			t.Errorf("%v: status %d, not %d; told %q", err, got, status, told.String())
		}
	}
}
