package repo_test

import (
	"fmt"
	"testing"

	"github.com/aergo-git/aergo-git/repo"
)

// BenchmarkOpen opens ledgers of many branches; what grows is the pass over the
// heads.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1, 1000, 10_000} {
		b.Run(fmt.Sprint(n, " branches"), func(b *testing.B) {
			dir, key := b.TempDir(), keyOf("alice")
			r, err := repo.Init(dir, key, repo.Options{})
			if err != nil {
				b.Fatal(err)
			}
			for i := 1; i < n; i++ {
				if _, err := r.CreateBranch(fmt.Sprint("b/", i), "", key, false); err != nil {
					b.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
			for _, moved := range []bool{false, true} {
				b.Run(fmt.Sprint("unchecked ", moved), func(b *testing.B) {
					for b.Loop() {
						r, err := repo.Open(dir, repo.Options{Moved: moved})
						if err != nil {
							b.Fatal(err)
						}
						if err := r.Close(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
