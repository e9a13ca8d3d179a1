package sqlite

import (
	"errors"
	"runtime"
	"strings"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// The C side sees memory of its own allocator only: the Go heap is not known
// to it, and a Go stack may move during a call. Go objects that C hands back to
// us (user data of callbacks) are pinned as long as C holds their address.

var errNoMemory = errors.New("sqlite: out of memory")

// deref turns an address given by C into a pointer.
func deref[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// address of a pinned Go object, for user data.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// stringAddress of a text that is on the heap and kept alive by the caller.
func stringAddress(s string) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(s))) }

// pin makes p stay where it is until the Pinner is unpinned.
func pin[T any](pinner *runtime.Pinner, p *T) uintptr {
	pinner.Pin(p)
	return address(p)
}

// cFunc gives a declared function the form of a C function pointer. A Go func
// value is a pointer to a closure record; for a declared function that record
// is static read-only data, so its address is stable.
func cFunc[T any](f T) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f})) }

// cView shows n bytes of C memory without copying.
func cView(p uintptr, n int) []byte {
	if p == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice(deref[byte](p), n)
}

// cStringView shows a NUL-terminated C string without copying.
func cStringView(p uintptr) []byte {
	if p == 0 {
		return nil
	}
	n := 0
	for *deref[byte](p + uintptr(n)) != 0 {
		n++
	}
	return cView(p, n)
}

// cString copies a NUL-terminated C string; NULL gives "".
func cString(p uintptr) string { return string(cStringView(p)) }

// memory is a thread context of the C library with a small block for results
// that C returns through pointers.
type memory struct {
	tls *libc.TLS
	out uintptr // outSize bytes
}

const outSize = 64

func newMemory() (memory, error) {
	m := memory{tls: libc.NewTLS()}
	if m.out = m.malloc(outSize); m.out == 0 {
		m.tls.Close()
		return memory{}, errNoMemory
	}
	return m, nil
}

func (m *memory) close() {
	m.free(m.out)
	m.tls.Close()
	*m = memory{}
}

func (m *memory) malloc(n int) uintptr { return sqlite3.Xsqlite3_malloc64(m.tls, uint64(n)) }

func (m *memory) free(p uintptr) { sqlite3.Xsqlite3_free(m.tls, p) }

// newString copies s into C memory, with a NUL at its end; the caller frees
// it. A NUL inside s would hide what follows it, so it is refused.
func (m *memory) newString(s string) (uintptr, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return 0, misuse("NUL byte in %.40q", s)
	}
	p := m.malloc(len(s) + 1)
	if p == 0 {
		return 0, errNoMemory
	}
	b := cView(p, len(s)+1)
	copy(b, s)
	b[len(s)] = 0
	return p, nil
}

// newMessage is newString for texts of errors: it cuts at a NUL, and gives
// NULL when memory is short.
func newMessage(tls *libc.TLS, s string) uintptr {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	m := memory{tls: tls}
	p, err := m.newString(s)
	if err != nil {
		return 0
	}
	return p
}

// strings seen again and again (table and column names) are kept, so that
// callbacks need not allocate.
type interned map[string]string

func (t *interned) get(p uintptr) string {
	b := cStringView(p)
	if len(b) == 0 {
		return ""
	}
	if s, ok := (*t)[string(b)]; ok {
		return s
	}
	if *t == nil || len(*t) >= maxInterned {
		*t = make(interned)
	}
	s := string(b)
	(*t)[s] = s
	return s
}
