package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs commands in this process, in one folder with one key folder.
type shell struct {
	t   *testing.T
	dir string
}

func newShell(t *testing.T) *shell { return &shell{t, t.TempDir()} }

// run gives the exit status and what the command printed, errors included.
func (s *shell) run(in string, args ...string) (int, string) {
	var out bytes.Buffer
	code := Run(context.Background(), append([]string{"aergo", "-C", s.dir}, args...), strings.NewReader(in), &out, &out, func(name string) string {
		if name == "AERGO_KEYS" {
			return filepath.Join(s.dir, "keys")
		}
		return ""
	})
	return code, out.String()
}

// must runs commands that succeed.
func (s *shell) must(args ...string) string {
	s.t.Helper()
	code, out := s.run("", args...)
	if code != 0 {
		s.t.Fatalf("aergo %s: status %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// TestDamagedFiles flips a bit in each file that holds the ledger, at several
// places. Whatever it hits, no command crashes, and verify either finds the
// damage (6) or the bit did not matter (0).
func TestDamagedFiles(t *testing.T) {
	s := newShell(t)
	shop, err := filepath.Abs("templates/shop.sql")
	if err != nil {
		t.Fatal(err)
	}
	s.must("init", "--quiet")
	s.must("deploy", shop, "--yes")
	s.must("call", "shop.add_item", "sku=tea", "price=400", "stock=10")
	s.must("call", "shop.sell", "sku=tea", "n=8", "--branch", "eu", "-c")
	s.must("call", "shop.sell", "sku=tea", "n=5")
	s.must("merge", "eu")

	var files []string
	for _, pattern := range []string{"*", "*/*"} {
		found, _ := filepath.Glob(filepath.Join(s.dir, ".aergo", "db", pattern))
		files = append(files, found...)
	}
	tried, found := 0, 0
	for _, file := range files {
		whole, err := os.ReadFile(file)
		if err != nil || len(whole) == 0 {
			continue // a folder, or the lock
		}
		const places = 3
		for i := range places {
			broken := bytes.Clone(whole)
			broken[(2*i+1)*len(whole)/(2*places)] ^= 0x10
			work := newShell(t)
			if err := os.CopyFS(work.dir, os.DirFS(s.dir)); err != nil {
				t.Fatal(err)
			}
			rel, _ := filepath.Rel(s.dir, file)
			if err := os.WriteFile(filepath.Join(work.dir, rel), broken, 0o644); err != nil {
				t.Fatal(err)
			}
			tried++
			code, out := work.run("", "verify", "--full")
			if code == 6 {
				found++
			} else if code != 0 {
				t.Errorf("%s, place %d: verify ended with %d\n%s", rel, i, code, out)
			}
			if code, out := work.run("", "query", "SELECT * FROM shop.item"); code != 0 && code != 6 {
				t.Errorf("%s, place %d: query ended with %d\n%s", rel, i, code, out)
			}
			if code, out := work.run("", "log", "--json"); code != 0 && code != 6 {
				t.Errorf("%s, place %d: log ended with %d\n%s", rel, i, code, out)
			}
		}
	}
	if tried == 0 || found == 0 {
		t.Fatalf("damage found in %d of %d places: this test damages nothing", found, tried)
	}
	t.Logf("damage found in %d of %d places", found, tried)
}

// interruptingReader is a user who interrupts while the batch is being read.
type interruptingReader struct {
	io.Reader
	interrupt func()
}

func (r interruptingReader) Read(p []byte) (int, error) {
	r.interrupt()
	return r.Reader.Read(p)
}

// TestInterrupted: a batch that is interrupted ends with 130, and what it says
// was applied is there.
func TestInterrupted(t *testing.T) {
	s := newShell(t)
	bank, err := filepath.Abs("../../examples/bank")
	if err != nil {
		t.Fatal(err)
	}
	s.must("init", "--quiet")
	s.must("deploy", filepath.Join(bank, "bank.sql"), "--yes")
	ctx, cancel := context.WithCancel(context.Background())
	data, err := os.Open(filepath.Join(bank, "data.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = data.Close() }()
	var out bytes.Buffer
	args := []string{"aergo", "-C", s.dir, "call", "--batch", "-", "--refused", "refused"}
	code := Run(ctx, args, interruptingReader{data, cancel}, &out, &out, func(name string) string {
		if name == "AERGO_KEYS" {
			return filepath.Join(s.dir, "keys")
		}
		return ""
	})
	if code != 130 || !strings.Contains(out.String(), "0 calls applied") || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("status %d\n%s", code, out.String())
	}
	if out := s.must("query", "SELECT count(*) AS n FROM bank.account", "--format", "csv"); out != "n\n0\n" {
		t.Errorf("%s", out)
	}
	s.must("verify", "--full")
}
