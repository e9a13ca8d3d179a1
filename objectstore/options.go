package objectstore

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options say how a DB is opened. The zero value is a store on disk that cannot
// read nodes of the state map.
type Options struct {
	// FS is the file system; nil is the disk.
	FS vfs.FS
	// NodeHash checks the stored bytes of a KindLeaf or KindInner object and
	// gives its id. It must be safe for concurrent use.
	NodeHash func(kind Kind, stored []byte) (Hash, error)
	// CacheBytes is the memory for blocks read from disk; 0 means 64 MiB.
	CacheBytes int64
	// ReadOnly refuses writes. The directory is locked all the same.
	ReadOnly bool
}

const (
	defaultCacheBytes = 64 << 20
	memTableBytes     = 64 << 20
	targetFileBytes   = 32 << 20

	// separateFrom is the size from which a value lives in a blob file, where
	// compactions of keys leave it alone. Nodes (2 KB) are above, refs and
	// index entries below.
	separateFrom = 512

	// formatVersion is pinned so that a newer library writes files that this
	// one reads. FormatValueSeparation is the first with blob files.
	formatVersion = pebble.FormatValueSeparation
)

// pebbleOptions gives the options measured for a ledger's writes: mostly new
// keys with values of some KB, in synced batches. With the library's defaults
// the same load has six times the write IO and stalls of a quarter second.
func pebbleOptions(o Options, fs vfs.FS, health *health) *pebble.Options {
	cache := o.CacheBytes
	if cache <= 0 {
		cache = defaultCacheBytes
	}
	p := &pebble.Options{
		FS:                          fs,
		CacheSize:                   cache,
		FormatMajorVersion:          formatVersion,
		Logger:                      health,
		EventListener:               health.listener(),
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: 4,
		ReadOnly:                    o.ReadOnly,
		CompactionConcurrencyRange:  func() (int, int) { return 1, max(1, runtime.GOMAXPROCS(0)/2) },
	}
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		p.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.MinLZCompression }
		p.TargetFileSizes[i] = targetFileBytes
	}
	p.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           separateFrom,
			MaxBlobReferenceDepth: 10,
			RewriteMinimumAge:     5 * time.Minute,
			TargetGarbageRatio:    0.3,
		}
	}
	return p
}

// health is what the library reports of itself: it would log, and on a fatal
// error end the process. We keep the error and refuse further work.
type health struct {
	// fatal is the first error after which the library's state cannot be
	// trusted. Invariant: once set it is never cleared.
	fatal atomic.Pointer[error]
	// background is the last error of a flush or compaction, nil after one that
	// succeeded. Until then writes are refused, since they would pile up in
	// memory and then block for ever.
	background atomic.Pointer[error]
	// failing has the first such error, for Open, which would wait for ever.
	failing chan error
}

func newHealth() *health { return &health{failing: make(chan error, 1)} }

// Infof implements pebble.Logger: a library is silent.
func (h *health) Infof(string, ...any) {}

// Errorf implements pebble.Logger. What it says also comes as an event.
func (h *health) Errorf(string, ...any) {}

// Fatalf implements pebble.Logger. The library expects it not to return; each
// of its callers was read to see what follows when it does: the failed
// operation's error is returned, or, at a commit, lost, so Commit looks here.
func (h *health) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	h.fatal.CompareAndSwap(nil, &err)
}

func (h *health) listener() *pebble.EventListener {
	note := func(err error) {
		switch {
		case err == nil || err.Error() == flushedNothing:
			h.background.Store(nil)
		case !errors.Is(err, pebble.ErrCancelledCompaction): // that one is tried again
			h.background.Store(&err)
			select {
			case h.failing <- err:
			default:
			}
		}
	}
	return &pebble.EventListener{
		BackgroundError: func(error) {},
		// Damage found by a read is returned by that read; one rotten file must
		// not stop the repair of others.
		DataCorruption: func(pebble.DataCorruptionInfo) {},
		FlushEnd:       func(i pebble.FlushInfo) { note(i.Err) },
		CompactionEnd:  func(i pebble.CompactionInfo) { note(i.Err) },
	}
}

// flushedNothing is what the library calls the flush of a log without records, a
// success. It has no exported name for it.
const flushedNothing = "pebble: empty table"

// broken gives the error that every call fails with after a fatal one.
func (h *health) broken() error {
	if p := h.fatal.Load(); p != nil {
		return fmt.Errorf("%w (%w)", ErrStateUnknown, *p)
	}
	return nil
}

// stalled gives the error that writes fail with while flushes or compactions do.
func (h *health) stalled() error {
	if p := h.background.Load(); p != nil {
		return fmt.Errorf("nothing was written: the store cannot tidy its files, check the disk: %w", damage(Hash{}, *p))
	}
	return nil
}

// isLocked recognises a directory lock that somebody holds: another process by
// the system's error, this one by the library's text, for which it has no type.
func isLocked(err error) bool {
	const windowsSharingViolation = syscall.Errno(32)
	return errors.Is(err, syscall.EAGAIN) ||
		runtime.GOOS == "windows" && errors.Is(err, windowsSharingViolation) ||
		strings.Contains(err.Error(), "lock held by current process")
}
