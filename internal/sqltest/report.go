package sqltest

import (
	"regexp"
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
	Err      error  // why the file could not be run, or nil: its text, or a contract

	// What the tests reach of the tested contract, in its order.
	Actions    []Action
	Conditions []Condition
}

// Test is one TEST. Err says at which line what was expected and what came.
type Test struct {
	Name string
	Line int
	Err  error // nil: passed
	Took time.Duration

	// Warning, where not empty, says at which line a passed test depends on an
	// order of rows that nobody decided.
	Warning string
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

// Requires counts the REQUIREs that were seen to hold and seen not to, and all.
func (f File) Requires() (covered, total int) { return f.count("REQUIRE") }

// Ifs counts the IFs that went both ways, and all.
func (f File) Ifs() (covered, total int) { return f.count("IF") }

func (f File) count(kind string) (covered, total int) {
	for _, c := range f.Conditions {
		if c.Kind != kind {
			continue
		}
		if total++; c.Covered() {
			covered++
		}
	}
	return covered, total
}
