package sqlcontract

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/objectstore"
)

// A revert is a patch transaction that is not a merge's: its signed arguments
// list cells with the values that it expects and the values that it sets. It
// applies only where all of them are as expected, and only by a signer who might
// set each to a value of his own (MaySet). No trigger fires, no foreign key
// acts, no action runs; CHECK, UNIQUE, NOT NULL, FOREIGN KEY and INVARIANT are
// checked as for a call.

// RowOp says what a patch does with a row. Values are part of the format.
type RowOp uint64

// What a patch does with a row.
const (
	RowUpdate RowOp = 1 // its Cells change
	RowInsert RowOp = 2 // there is none; columns without a Cell get their default
	RowDelete RowOp = 3 // it is as its Cells say, and in other columns as their defaults
)

// PatchCell is one column of a row: the value that it is expected to have, and
// the one that it gets. Cells hold nil, int64, string or []byte.
type PatchCell struct {
	_      struct{} `cbor:",toarray"`
	Column string   // neither of the key nor generated
	Old    any      // nil with RowInsert
	New    any      // nil with RowDelete
}

// PatchRow is one row of a patch.
type PatchRow struct {
	_     struct{} `cbor:",toarray"`
	Key   []byte   // in the state map
	Op    RowOp
	Cells []PatchCell // in order of column name, each once
}

// The arguments of a revert: the rows, and the ids of what it takes back, 32 bytes
// each, by which a merge by cell knows what both sides took back: the block or
// transaction that it names, then the transactions that came with it, ascending.
// So nobody needs the block, which may be on a branch that he has not.
const (
	PatchRowsArgument = "rows"
	PatchOfArgument   = "of"
)

// RevertArguments gives the arguments of a revert: rows in order of key, and what
// it takes back, [of] being what it names. More than MaxPatchRows rows, as many
// transactions, or 960 KiB are refused (AG0723).
func RevertArguments(rows []PatchRow, of []objectstore.Hash) (map[string]any, error) {
	data, err := EncodePatch(rows)
	if err != nil {
		return nil, err
	}
	if len(of) > 1+MaxPatchRows || len(data)+len(of)*objectstore.HashSize > maxPatch {
		return nil, fault.New("AG0723", tooLargeNext, "a patch of %d rows that takes back %d transactions: one transaction holds %d of each, and %d bytes",
			len(rows), len(of)-1, MaxPatchRows, maxPatch)
	}
	var ids []byte
	for _, id := range of {
		ids = append(ids, id[:]...)
	}
	return map[string]any{PatchRowsArgument: data, PatchOfArgument: ids}, nil
}

// EncodePatch gives the canonical form of rows, which are in order of key: a CBOR
// array. More than MaxPatchRows rows or 960 KiB are refused (AG0723).
func EncodePatch(rows []PatchRow) ([]byte, error) {
	if err := checkPatch(rows); err != nil {
		return nil, err
	}
	data, err := wire.Marshal(rows)
	if err == nil && len(data) > maxPatch {
		err = tooLarge(rows, len(data))
	}
	return data, err
}

const tooLargeNext = "Revert its transactions one by one: aergo revert REV --tx ID."

func tooLarge(rows []PatchRow, size int) error {
	return fault.New("AG0723", tooLargeNext,
		"a patch of %d rows, %d bytes: one transaction takes %d rows and %d bytes", len(rows), size, MaxPatchRows, maxPatch)
}

// DecodePatch reads the rows of a revert from foreign bytes, strictly.
func DecodePatch(data []byte) ([]PatchRow, error) {
	var rows []PatchRow
	if err := wire.UnmarshalLimit(data, &rows, maxPatch); err != nil {
		return nil, fmt.Errorf("the rows of a patch: %w", err)
	}
	if err := checkPatch(rows); err != nil {
		return nil, err
	}
	return rows, nil
}

func checkPatch(rows []PatchRow) error {
	bad := func(i int, what string, args ...any) error {
		return fmt.Errorf("row %d of a patch: "+what, append([]any{i}, args...)...)
	}
	if len(rows) > MaxPatchRows {
		return tooLarge(rows, 0)
	}
	if len(rows) == 0 {
		return errors.New("a patch without rows")
	}
	for i, r := range rows {
		contract, _, err := relationOf(r.Key)
		switch {
		case err != nil:
			return bad(i, "%w", err)
		case i > 0 && bytes.Compare(rows[i-1].Key, r.Key) >= 0:
			return bad(i, "its key does not follow the one before")
		case strings.HasPrefix(contract, systemPrefix):
			return bad(i, "it is of %s, which no patch changes", contract)
		case r.Op < RowUpdate || r.Op > RowDelete:
			return bad(i, "what to do is unknown: %d", r.Op)
		case r.Op == RowUpdate && len(r.Cells) == 0:
			return bad(i, "it changes no cell")
		}
		for j, c := range r.Cells {
			if err := checkCells([]any{c.Old, c.New}); err != nil {
				return bad(i, "%w", err)
			}
			switch {
			case c.Column == "" || len(c.Column) > maxPatchName || j > 0 && r.Cells[j-1].Column >= c.Column:
				return bad(i, "its columns do not ascend")
			case r.Op == RowUpdate && equalCells(c.Old, c.New):
				return bad(i, "column %s keeps its value", c.Column)
			case r.Op == RowInsert && c.Old != nil, r.Op == RowDelete && c.New != nil:
				return bad(i, "column %s has a value on a side where there is no row", c.Column)
			}
		}
	}
	return nil
}

// relationOf reads contract and table of a state key.
func relationOf(key []byte) (contract, table string, err error) {
	k, err := wire.DecodeKey(key)
	if err != nil || len(k) < 3 {
		return "", "", errors.Join(err, errors.New("its key is none of a row"))
	}
	contract, ok1 := k[0].(string)
	table, ok2 := k[1].(string)
	if !ok1 || !ok2 {
		return "", "", errors.New("its key does not begin with contract and table")
	}
	return contract, table, nil
}

// PatchOf reads what a revert's arguments say: its rows, and what it takes back,
// nil if it does not say; of[0] is the block or transaction that it names.
func PatchOf(args map[string]any) (rows []PatchRow, of []objectstore.Hash, err error) {
	data, ok := args[PatchRowsArgument].([]byte)
	if !ok {
		return nil, nil, errors.New("a patch has the argument rows")
	}
	if v, ok := args[PatchOfArgument]; ok {
		ids, is := v.([]byte)
		if !is || len(ids) == 0 || len(ids)%objectstore.HashSize != 0 || len(ids) > (1+MaxPatchRows)*objectstore.HashSize || len(ids)+len(data) > maxPatch {
			return nil, nil, errors.New("the argument of of a patch is no list of hashes, or too long")
		}
		for id := range slices.Chunk(ids, objectstore.HashSize) {
			of = append(of, objectstore.Hash(id))
		}
		for i, id := range of {
			if id.IsZero() || i > 0 && id == of[0] || i > 1 && bytes.Compare(of[i-1][:], id[:]) >= 0 {
				return nil, nil, errors.New("what a patch takes back does not ascend")
			}
		}
	}
	if len(args) > 1 && of == nil || len(args) > 2 {
		return nil, nil, errors.New("a patch has the arguments rows and of")
	}
	rows, err = DecodePatch(data)
	return rows, of, err
}

// checkRevert is what a revert must be before any state is asked: rows that can
// be read, in the contract that its header names.
func (h Header) checkRevert(args map[string]any) error {
	rows, _, err := PatchOf(args)
	if err != nil {
		return err
	}
	if first, _, err := relationOf(rows[0].Key); err != nil || first != h.Contract {
		return fmt.Errorf("its first row is not of contract %s: %w", h.Contract, err)
	}
	return nil
}
