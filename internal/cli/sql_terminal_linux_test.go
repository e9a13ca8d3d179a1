package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal is a pseudo-terminal with a program on it.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	mu     sync.Mutex // guards seen
	seen   bytes.Buffer
	read   int // how much of seen was waited for
}

func onTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("the shell is typed at through a pseudo-terminal, and this machine gives none; runs where /dev/ptmx can be opened: %v", err)
	}
	ioctl := func(f *os.File, request uintptr, p unsafe.Pointer) {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(p)); e != 0 {
			t.Fatal(e)
		}
	}
	var unlock, n int32
	ioctl(master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	ioctl(master, syscall.TIOCGPTN, unsafe.Pointer(&n))
	size := [4]uint16{24, 100}
	ioctl(master, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	x := &terminal{t: t, master: master, cmd: cmd}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			x.mu.Lock()
			x.seen.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = master.Close() })
	return x
}

// await waits until the program has printed text after what was waited for last.
func (x *terminal) await(text string) {
	x.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		x.mu.Lock()
		all := x.seen.String()
		x.mu.Unlock()
		if i := strings.Index(all[x.read:], text); i >= 0 {
			x.read += i + len(text)
			return
		}
		if time.Now().After(end) {
			x.t.Fatalf("the terminal never showed %q; it shows\n%q", text, all)
		}
	}
}

func (x *terminal) typed(keys string) {
	x.t.Helper()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// ends waits for the end of the program and gives its exit status.
func (x *terminal) ends() int {
	_ = x.cmd.Wait()
	return x.cmd.ProcessState.ExitCode()
}

// TestShellOnATerminal types at the shell: completion, history, Ctrl-C while a
// query runs and while nothing does, and the ledger is free in between.
func TestShellOnATerminal(t *testing.T) {
	home, dir := shopOnDisk(t)
	x := onTerminal(t, aergo(t, home, "-C", dir, "sql"))
	x.await("shop main> ")
	x.typed("SEL\t * FROM\r")
	x.await("...> ")
	x.typed("shop.it\t WHERE stock = 1\x7f10;\r")
	x.await("sku")
	x.await("tea    400     10")
	x.await("shop main> ")
	x.typed("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n;\r")
	x.await("FROM n;\r\n")
	time.Sleep(100 * time.Millisecond) // typed too early the terminal keeps it for the editor; both must work
	x.typed("\x03")
	x.await("interrupted")
	x.await("shop main> ")
	x.typed("half a statement\x03")
	x.await("shop main> ")
	if out, err := aergo(t, home, "-C", dir, "call", "shop.sell", "sku=tea", "n=1").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	x.typed("CALL shop.sel\t'tea', n => 2);\r")
	x.await("✓ shop.sell")
	x.await("shop main> ")
	x.typed("\x1b[A\r") // the call again
	x.await("✓ shop.sell")
	x.await("shop main> ")
	x.typed(".bra\t\x7f\r")
	x.await("main")
	x.await("shop main> ")
	x.typed("SELECT 'stock ' || stock FROM item;\r")
	x.await("stock 5")
	x.await("shop main> ")
	x.typed("\x04")
	if status := x.ends(); status != 0 {
		t.Errorf("status %d", status)
	}
	file := filepath.Join(home, ".local/state/aergo-git/sql_history")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	history, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(history), "SELECT * FROM shop.item WHERE stock = 10;\n") || strings.Contains(string(history), "half") {
		t.Errorf("%v\n%s", err, history)
	}
}

// A dumb terminal gets no control characters and the same shell.
func TestShellOnADumbTerminal(t *testing.T) {
	home, dir := shopOnDisk(t)
	c := aergo(t, home, "-C", dir, "sql")
	c.Env = append(c.Env, "TERM=dumb")
	x := onTerminal(t, c)
	x.await("shop main> ")
	x.typed("SELECT stock FROM\nitem;\n")
	x.await("   10")
	x.await("shop main> ")
	x.typed("SELECT 'dropped' \x03")
	x.await("the line is dropped")
	x.typed("SELECT 'kept';\n")
	x.await("\r\nkept\r\n")
	x.await("shop main> ")
	x.typed(".quit\n")
	if status := x.ends(); status != 0 {
		t.Errorf("status %d", status)
	}
	if strings.Contains(x.seen.String(), "\x1b") {
		t.Errorf("%q", x.seen.String())
	}
}
