package repo

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/ledgertest"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/merge"
	"github.com/aergo-git/aergo-git/objectstore"
)

// FuzzOpenMerge writes bytes where an open merge and its choices are noted. They
// count as they are meant or are refused by a code; the branch stays as it is, and
// the merge can be given up and begun again.
func FuzzOpenMerge(f *testing.F) {
	ctx, key := context.Background(), ledgertest.Key("alice")
	r, err := InitOn(vfs.NewMem(), f.TempDir(), key, Options{})
	must := func(t testing.TB, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f, err)
	f.Cleanup(func() { _ = r.Close() })
	_, err = r.Deploy(ctx, key, "", "shop", shopByCells)
	must(f, err)
	call := func(branch, action string, args map[string]any) {
		f.Helper()
		_, err := r.Call(ctx, key, Call{Branch: branch, Contract: "shop", Action: action, Args: args})
		must(f, err)
	}
	call("main", "add", map[string]any{"sku": "tea", "price": int64(400), "stock": int64(10)})
	_, err = r.CreateBranch("eu", "main", key, false)
	must(f, err)
	call("eu", "reprice", map[string]any{"sku": "tea", "price": int64(500)})
	call("main", "reprice", map[string]any{"sku": "tea", "price": int64(450)})
	rec, err := r.branch("main")
	must(f, err)
	head, err := r.Resolve("main")
	must(f, err)
	source, err := r.Resolve("eu")
	must(f, err)
	row, err := wire.AppendKey(nil, "shop", "item", "tea")
	must(f, err)
	open, err := wire.Marshal(openMerge{Source: source})
	must(f, err)
	elsewhere, err := wire.Marshal(openMerge{Source: rec.ID}) // which is no block
	must(f, err)
	f.Add(open, []byte(nil), "")
	f.Add([]byte(nil), []byte(nil), "/x")
	f.Add([]byte("x"), []byte("y"), "/x")
	f.Add(elsewhere, []byte(nil), "")
	for _, c := range []merge.Choice{
		{Key: row, Column: "price", Take: merge.Theirs}, {Key: row, Column: "price", Take: merge.Value, Value: "text"},
		{Key: row, Column: "price", Take: merge.Value, Value: int64(-5)}, {Key: row, Column: "nothing", Take: merge.Value, Value: nil}, {Key: row, Take: merge.Ours},
	} {
		data, err := merge.EncodeChoices([]merge.Choice{c})
		must(f, err)
		f.Add(open, data, choiceRef(rec.ID, c)[len(openRef(rec.ID)):])
		f.Add(open, data, "/here")
		f.Add([]byte(nil), data, choiceRef(rec.ID, c)[len(openRef(rec.ID)):])
	}
	f.Fuzz(func(t *testing.T, record, choice []byte, name string) {
		refs := map[string][]byte{openRef(rec.ID): record}
		if name != "" && len(name) < 100 {
			refs[openRef(rec.ID)+"/"+name[1:]] = choice
		}
		err := r.update(func(b objectstore.Batch) error {
			for name, value := range refs {
				if len(value) > 0 {
					if err := r.replaceRef(b, name, value); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Skip("drawn bytes that no ref can be named by, so nothing is stored:", err)
		}
		status, err := r.Status()
		if err != nil && !fault.Is(err, "AG0714") {
			t.Errorf("status: %v", err)
		}
		m, err := r.Conflicts(ctx, key, "main")
		if err != nil && fault.Of(err) == nil {
			t.Errorf("an error without a code: %v", err)
		}
		if err == nil && status.Merging != source {
			t.Errorf("a merge of %s, not of %s", status.Merging, source)
		}
		if !m.Block.IsZero() {
			t.Errorf("looking at it made block %s", m.Block)
		}
		if err := r.AbortMerge("main"); err != nil && !fault.Is(err, "AG0712") {
			t.Errorf("it cannot be given up: %v", err)
		}
		if _, ok, err := r.OpenMerge("main"); ok || err != nil {
			t.Errorf("it was given up: %v %v", ok, err)
		}
		if m, err = r.Merge(ctx, key, "eu", MergeOptions{Into: "main", Consistent: true}); err != nil || len(m.Conflicts) != 1 {
			t.Errorf("begun again: %s %v", fmt.Sprint(m.Conflicts), err)
		}
		if err := r.AbortMerge("main"); err != nil {
			t.Error(err)
		}
		if now, err := r.Resolve("main"); err != nil || !bytes.Equal(now[:], head[:]) {
			t.Errorf("the branch moved: %v", err)
		}
	})
}
