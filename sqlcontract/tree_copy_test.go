package sqlcontract

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTreeBeginsAsACopy: a new branch's tree copies the closed files of another
// and moves them to its own state; a damaged one it does not take.
func TestTreeBeginsAsACopy(t *testing.T) {
	for _, damaged := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "main")
		w := newWorld(t, dir)
		w.deploy("owner", "shop", shop)
		w.good(w.tx("owner", "shop.add_item", args{"sku": "tea", "price": int64(4), "stock": int64(9)}))
		then := w.tree.Root()
		w.good(w.tx("owner", "shop.add_item", args{"sku": "cup", "price": int64(2), "stock": int64(1)}))
		if err := w.tree.Close(); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "shop-*.db"))
		if err != nil || len(files) != 1 {
			t.Fatalf("files %v, %v", files, err)
		}
		if damaged {
			b, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)-1] ^= 1
			if err := os.WriteFile(files[0], b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		tree, err := OpenTree(Options{Engine: w.engine, Dir: filepath.Join(t.TempDir(), "eu"), Ledger: w.ledger, Owner: w.person("owner").account, Root: then, Others: []string{dir}})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := tree.Query(t.Context(), "SELECT sku FROM shop.item")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			if n++; rows.Values()[0] != "tea" {
				t.Errorf("damaged %v: the copy holds %v, which its state does not", damaged, rows.Values())
			}
		}
		if err := rows.Err(); err != nil || n != 1 {
			t.Errorf("damaged %v: %d rows, %v", damaged, n, err)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(files[0] + sumSuffix); err != nil {
			t.Errorf("the file that was copied lost its sum: %v", err)
		}
	}
}
