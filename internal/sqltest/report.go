package sqltest

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Options choose what runs. The zero value runs everything.
type Options struct {
	Match *regexp.Regexp // only tests whose name it matches; nil: all
}

// File is what became of one test file.
type File struct {
	Name     string // "shop_test.sql"
	Contract string // "shop"
	Tests    []Test // those that ran, in order of the file
	Skipped  int    // tests that Options.Match left out
	Actions  []Action
	Err      error // why the file could not be run, or nil: its text, or a contract
}

// Test is one TEST. Err says at which line what was expected and what came.
type Test struct {
	Name string
	Line int
	Err  error // nil: passed
	Took time.Duration
}

// Action tells how often the tests called an action that can be called.
type Action struct {
	Contract, Name string
	Called         int // refused calls too
	Refused        int
}

// Passed and Failed count the tests of a file; a file that could not be run, or
// holds no test, counts as one that failed.
func (f File) Passed() (n int) {
	for _, t := range f.Tests {
		if t.Err == nil {
			n++
		}
	}
	return n
}

// Failed is the number of tests that did not pass.
func (f File) Failed() int {
	n := len(f.Tests) - f.Passed()
	if f.Err != nil {
		n++
	}
	return n
}

// Covered counts the actions that were called at least once.
func (f File) Covered() (n int) {
	for _, a := range f.Actions {
		if a.Called > 0 {
			n++
		}
	}
	return n
}

// add counts calls that another ledger of the file has seen.
func (f *File) add(list []Action) {
	for _, a := range list {
		i := slices.IndexFunc(f.Actions, func(b Action) bool { return a.Contract == b.Contract && a.Name == b.Name })
		if i < 0 {
			f.Actions = append(f.Actions, a)
			continue
		}
		f.Actions[i].Called += a.Called
		f.Actions[i].Refused += a.Refused
	}
	// One order, whichever ledger saw which contract first: the tested one, then by name.
	slices.SortStableFunc(f.Actions, func(a, b Action) int {
		switch {
		case a.Contract == b.Contract:
			return 0
		case a.Contract == f.Contract:
			return -1
		case b.Contract == f.Contract:
			return 1
		}
		return strings.Compare(a.Contract, b.Contract)
	})
}
