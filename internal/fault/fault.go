// Package fault is the one shape of an error that a person reads: what
// happened, why, and what to do next, under a stable code.
//
// A package makes one with New where it knows the reason and the way on; the
// packages above only wrap it (fmt.Errorf with %w), so that Of still finds it.
// The command maps the code's first two digits to its exit status:
//
//	01 usage          2      06 verification    6
//	02 not found      3      07 conflict        1
//	03 contract text  7      08 network         5
//	04 contract refused 7    09 storage, bug   70
//	05 denied         4
//
// Codes are never reused for another meaning.
package fault

import (
	"errors"
	"fmt"
)

// Error is an error for people. Its text is one sentence that says what
// happened and why; Next, when set, is the sentence or command that leads on.
type Error struct {
	ID   string // "AG0301"
	What string
	Next string
	Err  error // the cause, already worded into What where it helps
}

// New makes an error with a code, what happened (a format with arguments, in
// which %w keeps a cause reachable) and what to do next (may be empty).
func New(id, next, what string, args ...any) *Error {
	e := fmt.Errorf(what, args...)
	return &Error{ID: id, What: e.Error(), Next: next, Err: errors.Unwrap(e)}
}

func (e *Error) Error() string { return e.What }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Code is the stable code; programs outside this module reach it through
// interface{ Code() string }.
func (e *Error) Code() string { return e.ID }

// Hint is what to do next.
func (e *Error) Hint() string { return e.Next }

// Of finds the fault in err's chain, or nil.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// Is tells whether err carries the given code.
func Is(err error, id string) bool {
	e := Of(err)
	return e != nil && e.ID == id
}
