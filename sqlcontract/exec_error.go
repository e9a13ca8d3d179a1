package sqlcontract

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aergo-git/aergo-git/internal/sqlfunc"
	"github.com/aergo-git/aergo-git/internal/sqlite"
)

// failure is why a transaction failed: what its receipt says. It is the same on
// every node. Any other error of the executor is trouble of this machine, and
// ends the session instead.
type failure struct {
	code, text string
}

func (f *failure) Error() string { return f.code + " " + f.text }

func fail(code, text string) *failure { return &failure{code, clip(text)} }

// maxText is the length in bytes of a text in a receipt; longer ones are cut.
const maxText = 1024

// clip cuts a text to maxText at the end of a character, and empties what is no
// good text.
func clip(s string) string {
	if !goodText(s) {
		return ""
	}
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// failureOf turns an error of the engine into a failure where the same would
// happen on every node. The engine's messages are fixed by the engine number;
// still only the name inside them is kept.
func failureOf(err error) error {
	switch { // what our own functions say
	case errors.Is(err, sqlfunc.ErrTooBig):
		return tooLong
	case errors.Is(err, sqlfunc.ErrReal):
		return fail("AG0417", "")
	case errors.Is(err, sqlfunc.ErrPattern), errors.Is(err, sqlfunc.ErrEscape):
		return fail("AG0429", "")
	}
	var e *sqlite.Error
	if !errors.As(err, &e) || e.Err != nil {
		return err
	}
	switch e.Primary() {
	case sqlite.CodeConstraint:
		switch e.Code {
		case sqlite.CodeConstraintCheck:
			return fail("AG0411", after(e.Message, ": "))
		case sqlite.CodeConstraintUnique, sqlite.CodeConstraintPrimaryKey:
			return fail("AG0412", after(e.Message, ": "))
		case sqlite.CodeConstraintNotNull:
			return fail("AG0413", after(e.Message, ": "))
		case sqlite.CodeConstraintForeignKey:
			return fail("AG0414", "")
		case sqlite.CodeConstraintTrigger:
			return fail("AG0410", e.Message)
		case sqlite.CodeConstraintDatatype:
			return fail("AG0416", after(e.Message, " column "))
		}
		return fail("AG0429", "constraint")
	case sqlite.CodeMismatch:
		return fail("AG0416", "")
	case sqlite.CodeTooBig:
		return tooLong
	case sqlite.CodeInterrupt:
		return fail("AG0420", "")
	case sqlite.CodeError:
		if e.Message == "integer overflow" {
			return fail("AG0417", "")
		}
		return fail("AG0429", "")
	case sqlite.CodeRange, sqlite.CodeAuth:
		return fail("AG0429", "")
	}
	return fmt.Errorf("the working tree failed: %w", err)
}

func after(s, sep string) string {
	if _, rest, ok := strings.Cut(s, sep); ok {
		return rest
	}
	return ""
}
