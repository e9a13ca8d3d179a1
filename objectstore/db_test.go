package objectstore_test

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/objectstore/storetest"
)

func open(fs vfs.FS) (storetest.Store, error) {
	db, err := objectstore.Open("store", objectstore.Options{FS: fs, NodeHash: storetest.NodeHash})
	if err != nil {
		return nil, err
	}
	return db, nil
}

func TestDB(t *testing.T) { storetest.Run(t, open) }

func TestOpenTwiceIsLocked(t *testing.T) {
	dir := t.TempDir()
	db, err := objectstore.Open(dir, objectstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := objectstore.Open(dir, objectstore.Options{}); !errors.Is(err, objectstore.ErrLocked) {
		t.Errorf("%v, want ErrLocked", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err = objectstore.Open(dir, objectstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
