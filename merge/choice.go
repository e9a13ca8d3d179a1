package merge

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
)

// Side says what a Choice takes.
type Side uint64

// The sides. Values are part of the format.
const (
	Ours   Side = 1
	Theirs Side = 2
	Value  Side = 3 // neither: the Choice's own
)

// String is the word that the command uses.
func (s Side) String() string {
	switch s {
	case Ours:
		return "ours"
	case Theirs:
		return "theirs"
	case Value:
		return "set"
	}
	return fmt.Sprintf("unknown side %d", uint64(s))
}

// A Choice settles one conflict: of a cell, or of a whole row.
type Choice struct {
	_      struct{} `cbor:",toarray"`
	Key    []byte   // of the row in the state map
	Column string   // "" for a conflict of the whole row, which has no Value
	Take   Side
	Value  any // nil, int64, string or []byte
}

// MaxChoices is how many choices one merge takes: their patch is one
// transaction, of at most 1 MiB.
const MaxChoices = 10_000

// maxChoices bounds the encoded list.
const maxChoices = 1 << 20

// EncodeChoices gives the canonical form of choices, the argument "choices" of a
// merge's patch: a CBOR array in order of key and column, each once.
func EncodeChoices(list []Choice) ([]byte, error) {
	list = slices.Clone(list)
	slices.SortFunc(list, compareChoices)
	if err := checkChoices(list); err != nil {
		return nil, err
	}
	return wire.Marshal(list)
}

// DecodeChoices reads choices from foreign bytes, strictly.
func DecodeChoices(data []byte) ([]Choice, error) {
	var list []Choice
	if err := wire.UnmarshalLimit(data, &list, maxChoices); err != nil {
		return nil, fmt.Errorf("the choices of a merge: %w", err)
	}
	if err := checkChoices(list); err != nil {
		return nil, err
	}
	return list, nil
}

func compareChoices(a, b Choice) int {
	if c := bytes.Compare(a.Key, b.Key); c != 0 {
		return c
	}
	return bytes.Compare([]byte(a.Column), []byte(b.Column))
}

func checkChoices(list []Choice) error {
	if len(list) > MaxChoices {
		return fmt.Errorf("%d choices, one merge takes %d", len(list), MaxChoices)
	}
	for i, c := range list {
		if i > 0 && compareChoices(list[i-1], c) >= 0 {
			return errors.New("the choices of a merge do not ascend by key and column")
		}
		if _, _, err := tableOf(c.Key); err != nil {
			return fmt.Errorf("the choices of a merge: %w", err)
		}
		switch c.Value.(type) {
		case nil, int64, string, []byte:
		default:
			return errors.New("the value of a choice is neither INTEGER, TEXT, BLOB nor NULL")
		}
		if c.Take < Ours || c.Take > Value || c.Take != Value && c.Value != nil || c.Take == Value && c.Column == "" {
			return errors.New("a choice of a merge is none of ours, theirs, or a value for a column")
		}
	}
	return nil
}

// choices are Choices by key and column, and which of them have been used.
type choices struct {
	by   map[cellName]Choice
	used map[cellName]bool
}

type cellName struct{ key, column string }

func (c Choice) name() cellName { return cellName{string(c.Key), c.Column} }

func indexChoices(list []Choice) *choices {
	c := &choices{by: map[cellName]Choice{}, used: map[cellName]bool{}}
	for _, x := range list {
		c.by[x.name()] = x
	}
	return c
}

// settle applies the choices to the conflicts of a row and keeps those that are
// left.
func (c *choices) settle(r *Row, l *layout) error {
	if len(c.by) == 0 {
		return nil
	}
	var left []Conflict
	for _, x := range r.Conflicts {
		column := ""
		if x.Column != WholeRow {
			column = l.Columns[l.Values[x.Column]].Name
		}
		choice, ok := c.by[cellName{string(r.Key), column}]
		if !ok {
			left = append(left, x)
			continue
		}
		c.used[choice.name()] = true
		switch {
		case choice.Take == Ours:
		case x.Column == WholeRow:
			r.Merged = r.Theirs
		case choice.Take == Theirs:
			r.Merged[x.Column] = r.Theirs[x.Column]
		case !l.fits(x.Column, choice.Value):
			return fault.New("AG0403", "Choose a value that the column can hold.", "%s.%s.%s cannot be set to %v", l.contract, l.Name, column, choice.Value)
		default:
			r.Merged[x.Column] = choice.Value
		}
	}
	r.Conflicts = left
	return nil
}

// unused gives the choices that no conflict asked for.
func (c *choices) unused(list []Choice) []Choice {
	return slices.DeleteFunc(slices.Clone(list), func(x Choice) bool { return c.used[x.name()] })
}
