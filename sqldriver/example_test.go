package sqldriver_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/aergo-git/aergo-git/repo"
	"github.com/aergo-git/aergo-git/sqldriver"
)

// A program that writes by calls reads through database/sql, with all that
// understands a *sql.DB.
func Example() {
	ctx := context.Background()
	key, err := repo.NewKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	r, err := repo.InMemory(key, repo.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Deploy(ctx, key, "", "books", books); err != nil {
		log.Fatal(err)
	}
	for id, name := range []string{"tea", "coffee"} {
		call := repo.Call{Contract: "books", Action: "put", Args: map[string]any{"id": int64(id), "b": name}}
		if _, err := r.Call(ctx, key, call); err != nil {
			log.Fatal(err)
		}
	}

	db := sql.OpenDB(sqldriver.Connector(r, sqldriver.Options{}))
	defer db.Close()
	tx, err := db.Begin() // one state for all that follows
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback()
	rows, err := tx.Query("SELECT b, length(b) FROM books.t WHERE id >= :from ORDER BY b", sql.Named("from", 0))
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var letters int
		if err := rows.Scan(&name, &letters); err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, letters)
	}
	if _, err := db.Exec("DELETE FROM books.t"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// coffee 6
	// tea 3
	// this driver only reads
}

func ExampleConnector() {
	key, err := repo.NewKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	r, err := repo.InMemory(key, repo.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	db := sql.OpenDB(sqldriver.Connector(r, sqldriver.Options{Branch: "main", At: "#0"}))
	defer db.Close()
	var blocks int
	if err := db.QueryRow("SELECT count(*) FROM log()").Scan(&blocks); err != nil {
		log.Fatal(err)
	}
	fmt.Println(blocks)
	// Output: 1
}
