package objectstore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// haltFS makes the disk stop at the first write that fails, as if the machine
// had stopped there: nothing is written after it. What is on the disk is then a
// state from which the next Open recovers, exactly as after a crash.
//
// It is needed because the library panics when it cannot write or change its
// log, in part while it holds locks, which ends the process whatever we
// recover. So the log is told that all is well, its bytes are thrown away, and
// the commit that waits for it is told the truth by health. Other files get the
// error, which the library handles.
//
// A blob file keeps its errors to itself, too: when the last flush of one fails
// the library closes it twice and dereferences nil. The next write to any other
// file tells it.
//
// While Open runs errors pass as they are, since they end Open, but for those of
// blob files.
type haltFS struct {
	vfs.FS
	health *health
	// running is set when Open has succeeded.
	running atomic.Bool
	// scratch takes what is written to the log after the halt.
	scratch vfs.FS
}

func newHaltFS(fs vfs.FS, health *health) *haltFS {
	return &haltFS{FS: fs, health: health, scratch: vfs.NewMem()}
}

// retryPause slows the library down, which tries a failed flush again at once
// and for ever, until the store is closed.
const retryPause = 20 * time.Millisecond

// write does a write unless the disk has halted, and halts it if that fails.
func (f *haltFS) write(do func() error) error {
	if err := f.health.broken(); err != nil {
		return err
	}
	err := do()
	if err != nil && f.running.Load() {
		f.health.Fatalf("write to disk: %w", err)
	}
	return err
}

// isLog reports whether the library would panic on an error of this file.
func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// isBlob reports whether the library would panic on a late error of this file.
func isBlob(name string) bool { return strings.HasSuffix(name, ".blob") }

// create opens a file for writing.
func (f *haltFS) create(name string, open func() (vfs.File, error)) (vfs.File, error) {
	var file vfs.File
	err := f.write(func() (err error) {
		file, err = open()
		return err
	})
	if err == nil {
		return &haltFile{File: file, fs: f, quiet: isLog(name), blob: isBlob(name)}, nil
	}
	if !f.running.Load() {
		return nil, err
	}
	if !isLog(name) {
		time.Sleep(retryPause)
		return nil, err
	}
	return f.scratch.Create("log", vfs.WriteCategoryUnspecified)
}

// Create implements vfs.FS. A marker file's name says which manifest is the
// current one; the library syncs the directory once for both, so a crash between
// can keep the marker and lose the manifest. The manifest goes first here.
func (f *haltFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(f.PathBase(name), "marker.") {
		if err := f.syncDir(f.PathDir(name)); err != nil {
			return nil, err
		}
	}
	return f.create(name, func() (vfs.File, error) { return f.FS.Create(name, c) })
}

func (f *haltFS) syncDir(name string) error {
	return f.write(func() error {
		dir, err := f.FS.OpenDir(name)
		if err != nil {
			return err
		}
		return errors.Join(dir.Sync(), dir.Close())
	})
}

// ReuseForWrite implements vfs.FS.
func (f *haltFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.create(to, func() (vfs.File, error) { return f.FS.ReuseForWrite(from, to, c) })
}

// Open implements vfs.FS. A blob file is checked here, because the library
// panics when it finds one missing or with a bad footer, be it in a goroutine of
// its own that nobody can recover.
func (f *haltFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.Open(name, o...)
	if !isBlob(name) {
		return file, err
	}
	if err == nil {
		if err = checkBlobFooter(file); err == nil {
			return file, nil
		}
		_ = file.Close()
	}
	// Without the cause's type, by which the library would know it as damage.
	return nil, &CorruptError{File: name, Err: errors.New(err.Error())}
}

// checkBlobFooter checks the last 38 bytes of a blob file (sstable/blob/doc.go
// of the library): a masked CRC-32C and what it covers, the magic number at the
// end included.
func checkBlobFooter(file vfs.File) error {
	const size, magic = 38, "\xf0\x9f\xaa\xb3\xf0\x9f\xa6\x80"
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < size {
		return errors.New("blob file is too short")
	}
	var footer [size]byte
	if _, err := file.ReadAt(footer[:], info.Size()-size); err != nil {
		return err
	}
	sum := crc32.Checksum(footer[4:], crc32.MakeTable(crc32.Castagnoli))
	masked := (sum>>15 | sum<<17) + 0xa282ead8
	if binary.LittleEndian.Uint32(footer[:]) != masked || string(footer[size-len(magic):]) != magic {
		return errors.New("blob file has a bad footer")
	}
	return nil
}

// OpenReadWrite implements vfs.FS.
func (f *haltFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return f.create(name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, c, o...) })
}

// OpenDir implements vfs.FS. A directory is synced for the log, too.
func (f *haltFS) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &haltFile{File: file, fs: f, quiet: true}, nil
}

// Link implements vfs.FS.
func (f *haltFS) Link(from, to string) error {
	return f.write(func() error { return f.FS.Link(from, to) })
}

// Rename implements vfs.FS.
func (f *haltFS) Rename(from, to string) error {
	return f.write(func() error { return f.FS.Rename(from, to) })
}

// Remove implements vfs.FS. A file that stays is harmless and no reason to
// halt, but after the halt nothing may go.
func (f *haltFS) Remove(name string) error {
	if err := f.health.broken(); err != nil && f.running.Load() {
		return err
	}
	return f.FS.Remove(name)
}

// MkdirAll implements vfs.FS.
func (f *haltFS) MkdirAll(dir string, perm os.FileMode) error {
	return f.write(func() error { return f.FS.MkdirAll(dir, perm) })
}

// Unwrap implements vfs.FS.
func (f *haltFS) Unwrap() vfs.FS { return f.FS }

// haltFile is a file of a haltFS. If it is quiet its errors are kept from the
// library, and only health tells.
type haltFile struct {
	vfs.File
	fs    *haltFS
	quiet bool
	blob  bool // quiet while Open runs, too
}

func (f *haltFile) write(do func() error) error {
	err := f.fs.write(do)
	if f.blob {
		if err != nil {
			f.fs.health.Fatalf("write to disk: %w", err)
		}
		return nil
	}
	if f.quiet && f.fs.running.Load() {
		return nil
	}
	return err
}

// Write implements vfs.File.
func (f *haltFile) Write(p []byte) (n int, err error) {
	err = f.write(func() (err error) {
		n, err = f.File.Write(p)
		return err
	})
	if err == nil {
		n = len(p)
	}
	return n, err
}

// WriteAt implements vfs.File.
func (f *haltFile) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.write(func() (err error) {
		n, err = f.File.WriteAt(p, at)
		return err
	})
	if err == nil {
		n = len(p)
	}
	return n, err
}

// Sync implements vfs.File.
func (f *haltFile) Sync() error { return f.write(f.File.Sync) }

// SyncData implements vfs.File.
func (f *haltFile) SyncData() error { return f.write(f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *haltFile) SyncTo(length int64) (full bool, err error) {
	err = f.write(func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

// Stat implements vfs.File. The library asks for the size of a log it reuses.
func (f *haltFile) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	if err == nil || !f.quiet || !f.fs.running.Load() {
		return info, err
	}
	f.fs.health.Fatalf("write to disk: %w", err)
	empty, err := f.fs.scratch.Create("log", vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	defer empty.Close()
	return empty.Stat()
}

// Close implements vfs.File. The file is closed after a halt, too.
func (f *haltFile) Close() error {
	err := f.File.Close()
	if err != nil && (f.blob || f.fs.running.Load() && f.quiet) {
		f.fs.health.Fatalf("write to disk: %w", err)
		return nil
	}
	return err
}
