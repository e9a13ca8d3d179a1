package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aergo-git/aergo-git/internal/importer"
	"github.com/aergo-git/aergo-git/repo"
)

// importing starts a contract from a CSV of a million rows, against sqlite3
// importing the same file.
func importing(b *bench) error {
	const rows = 1_000_000
	path := filepath.Join(b.dir, "orders.csv")
	if err := writeOrders(path, rows); err != nil {
		return err
	}
	dir, err := b.fresh()
	if err != nil {
		return err
	}
	key, err := repo.NewKey(nil)
	if err != nil {
		return err
	}
	r, err := repo.Init(dir, key, repo.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	ctx := context.Background()
	began, cpu := time.Now(), processTime()
	f, err := importer.Open(ctx, path, importer.Options{})
	if err != nil {
		return err
	}
	defer f.Close()
	drafted, draftCPU := time.Since(began), processTime()-cpu
	began, cpu = time.Now(), processTime()
	loaded, err := f.Load(ctx, r, importer.LoadOptions{Key: key})
	if err != nil || loaded.Rows != rows {
		return errors.Join(err, fmt.Errorf("%d rows loaded", loaded.Rows))
	}
	load, loadCPU := time.Since(began), processTime()-cpu
	plain, sqliteErr := repeat(1, func() error {
		return exec.Command("sqlite3", filepath.Join(b.dir, "plain.db"), "-cmd", ".mode csv", ".import "+path+" orders").Run()
	})
	figure("import: draft of a CSV of 1M rows, 4 columns", drafted.Round(10*time.Millisecond), fmt.Sprintf("%.1f s of CPU", draftCPU.Seconds()))
	figure("import: load of its rows", load.Round(10*time.Millisecond), fmt.Sprintf("%s, %.1f s of CPU, %d calls in %d blocks", perSecond(rows, load), loadCPU.Seconds(), loaded.Calls, loaded.Blocks))
	figure("import: sqlite3 .import of the file", plain.Round(10*time.Millisecond), fmt.Sprint(orOK(sqliteErr)))
	figure("import: Pebble on disk", fmt.Sprintf("%.1f MB", float64(size(filepath.Join(dir, ".aergo", "db")))/1e6), "")
	figure("peak memory of this process so far", peak(), "")
	return nil
}

func orOK(err error) string {
	if err != nil {
		return err.Error()
	}
	return "one transaction, nothing signed"
}

// writeOrders writes rows that are the same every time.
func writeOrders(path string, rows int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "id,customer,day,amount")
	seed := uint64(1)
	for i := range rows {
		seed = seed*6364136223846793005 + 1442695040888963407
		x := seed >> 20
		fmt.Fprintf(w, "%d,customer %05d,2026-%02d-%02d,%d.%02d\n", i+1, x%50000, x%12+1, x%28+1, x%100000, x%100)
	}
	return errors.Join(w.Flush(), f.Close())
}
