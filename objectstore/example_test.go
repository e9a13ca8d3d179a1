package objectstore_test

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/objectstore"
)

func Example() {
	db, err := objectstore.Open("store", objectstore.Options{FS: vfs.NewMem()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	batch := db.NewBatch()
	defer batch.Close()
	id, err := batch.Put(objectstore.KindCode, []byte("CREATE TABLE item(sku TEXT PRIMARY KEY NOT NULL)"))
	if err := errors.Join(err, batch.SetRef("heads/main", nil, id[:]), batch.Commit()); err != nil {
		fmt.Println(err)
		return
	}

	kind, data, err := db.Get(id)
	fmt.Println(kind, string(data[:17]), err)

	// Somebody who has not seen the first write cannot undo it.
	late := db.NewBatch()
	defer late.Close()
	if err := late.SetRef("heads/main", nil, []byte("another")); err != nil {
		fmt.Println(err)
	}
	fmt.Println(late.Commit())
	// Output:
	// code CREATE TABLE item <nil>
	// heads/main was changed by somebody else meanwhile; nothing was written, read it again and retry
}
