package repo_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aergo-git/aergo-git/repo"
)

// stopping is a context that is cancelled when it has been asked n times.
type stopping struct {
	context.Context
	n int
}

func (c *stopping) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

// TestStoppedVerificationFindsNothing: wherever verification is stopped, in the
// middle of a merge too, it does not say that a block is bad.
func TestStoppedVerificationFindsNothing(t *testing.T) {
	s := begin(t, fixed(21))
	s.deploy("", "purse", purse)
	if _, err := s.CreateBranch("eu", "", s.key, false); err != nil {
		t.Fatal(err)
	}
	s.call("eu", "purse", "put", args{"id": int64(1), "n": int64(5)})
	s.call("eu", "purse", "put", args{"id": int64(2), "n": int64(5)})
	s.call("", "purse", "put", args{"id": int64(1), "n": int64(7)})
	if _, err := s.Merge(ctx, s.key, "eu", repo.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		_, err := s.Verify(&stopping{ctx, n}, repo.VerifyOptions{Full: true})
		if err == nil {
			if n < 10 {
				t.Errorf("it asked %d times only whether to stop", n)
			}
			return
		}
		if !errors.Is(err, context.Canceled) || code(err) != "" {
			t.Fatalf("stopped at question %d: %v", n, err)
		}
	}
}
