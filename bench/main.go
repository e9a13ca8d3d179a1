// Command bench prints the figures of this project, each beside a named
// alternative that is measured in the same run on the same machine:
//
//	go run ./bench                   all
//	go run ./bench transfers start   some
//
// Medians of several runs. Nothing here is a test: the numbers are for people
// who compare. AERGO_TESTDATA names the folder with the real bank data; without
// it that part is left out, aloud.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type part struct {
	name string
	run  func(b *bench) error
}

var parts = []part{
	{"map", stateMap},
	{"transfers", transfers},
	{"berka", berka},
	{"import", importing},
	{"merge", merging},
	{"directory", directory},
	{"start", commands},
}

func main() {
	want := os.Args[1:]
	dir, err := os.MkdirTemp("", "aergo-bench")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 0
	for _, p := range parts {
		if len(want) > 0 && !slices.Contains(want, p.name) {
			continue
		}
		b := &bench{dir: filepath.Join(dir, p.name)}
		err := os.MkdirAll(b.dir, 0o700)
		if err == nil {
			fmt.Printf("\n%s\n%s\n", p.name, strings.Repeat("-", len(p.name)))
			err = p.run(b)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", p.name, err)
			code = 1
		}
		_ = os.RemoveAll(b.dir)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// bench is one part's place to work in.
type bench struct {
	dir string
	n   int
}

// fresh gives an empty folder.
func (b *bench) fresh() (string, error) {
	b.n++
	dir := filepath.Join(b.dir, fmt.Sprint(b.n))
	return dir, os.MkdirAll(dir, 0o700)
}

// figure prints one line: what, how much, and beside what.
func figure(what string, value any, beside string) {
	fmt.Printf("%-58s %14v   %s\n", what, value, beside)
}

func median(d []time.Duration) time.Duration {
	s := slices.Clone(d)
	slices.Sort(s)
	return s[len(s)/2]
}

// repeat runs fn n times and gives the median.
func repeat(n int, fn func() error) (time.Duration, error) {
	var all []time.Duration
	for range n {
		began := time.Now()
		if err := fn(); err != nil {
			return 0, err
		}
		all = append(all, time.Since(began))
	}
	return median(all), nil
}

// perSecond is a rate as people read it.
func perSecond(n int, d time.Duration) string {
	return fmt.Sprintf("%.0f/s", float64(n)/d.Seconds())
}

// size adds up the files below dir.
func size(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}
