package sqlcontract

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// SQLite has no checksums: it would execute transactions on a damaged file and
// give wrong results, for ever in a signed block. So a file that is closed gets
// a sum beside it, and is opened only with a good one. While it is open there is
// none: after a crash the file is made again.
//
// The sum is against accidents: 8 bytes of size and 4 of CRC-32C, big-endian.
// Who can write to the file can write the sum, too.
const sumSuffix = "-sum"

var errNoSum = errors.New("the file was changed since it was closed, or not closed at all")

// sum computes what stands in the sum file.
func sum(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	crc := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	n, err := io.CopyBuffer(struct{ io.Writer }{crc}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, uint64(n)), crc.Sum32()), nil
}

// leaveSum writes the sum of a closed file. It writes none while another
// connection keeps the log, since the file will change once more.
func leaveSum(path string) error {
	if _, err := os.Stat(path + "-wal"); err == nil {
		return nil
	}
	s, err := sum(path)
	if err == nil {
		err = os.WriteFile(path+sumSuffix, s, 0o600)
	}
	if err != nil {
		return fmt.Errorf("closing the working tree's file %s: %w", path, err)
	}
	return nil
}

// takeSum checks the sum of a file that is about to be opened, and removes it.
func takeSum(path string) error {
	want, err := os.ReadFile(path + sumSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return errNoSum
	}
	if err != nil {
		return err
	}
	got, err := sum(path)
	if err != nil {
		return err
	}
	if string(got) != string(want) {
		return errNoSum
	}
	return os.Remove(path + sumSuffix)
}

// copyGood copies a closed file with a good sum to a new path, with its sum. An
// error leaves nothing at to.
func copyGood(from, to string) (err error) {
	want, err := os.ReadFile(from + sumSuffix)
	if err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err == nil {
		var got []byte
		if got, err = sum(to); err == nil && string(got) != string(want) {
			err = errNoSum
		}
	}
	if err == nil {
		err = os.WriteFile(to+sumSuffix, want, 0o600)
	}
	if err != nil {
		return errors.Join(err, removeFile(to))
	}
	return nil
}
