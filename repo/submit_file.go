package repo

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/wire"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// A file of signed transactions is text, so that it can be mailed, looked at and
// put together with others: a line for each,
//
//	aergo-tx-v1 BASE64
//	aergo-op-v1 BASE64
//
// BASE64 being RFC 4648 with padding of the canonical CBOR array [header, seal,
// blind, arguments], or [operation, seal] of an operation of the directory; see
// docs/formats/transaction.md. Empty lines, and those that
// begin with #, say nothing; what waits for signatures (proposal.go) may stand among them.
const signedWord = "aergo-tx-v1 "

type signedForm struct {
	_         struct{} `cbor:",toarray"`
	Data      []byte
	Seal      []byte
	Blind     []byte
	Arguments []byte
}

// EncodeSigned is a transaction as a line of such a file, with its line end.
func EncodeSigned(t sqlcontract.Transaction) (string, error) {
	data, err := wire.Marshal(signedForm{Data: t.Data, Seal: t.Seal, Blind: t.Blind, Arguments: t.Arguments})
	if err != nil {
		return "", fmt.Errorf("writing transaction %s: %w", t.ID().Short(), err)
	}
	return signedWord + base64.StdEncoding.EncodeToString(data) + "\n", nil
}

// DecodeSigned reads a file of signed transactions from foreign bytes: at most
// MaxBlockSize, for they go into one block, and as many operations of the
// directory. Nothing in them is checked yet; Submit and
// SubmitOperation do.
func DecodeSigned(file []byte) (list []sqlcontract.Transaction, ops []dd.SignedOperation, err error) {
	n := 0
	for line := range bytes.Lines(file) {
		n++
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" || text[0] == '#' || strings.HasPrefix(text, proposalWord) || strings.HasPrefix(text, partialWord) {
			continue
		}
		bad := func(what string, args ...any) ([]sqlcontract.Transaction, []dd.SignedOperation, error) {
			return nil, nil, fault.New("AG0604", "Ask for the file again: aergo call … --sign-only -o FILE writes it.", "line %d is no signed transaction: "+what, append([]any{n}, args...)...)
		}
		if len(list) == MaxBlockSize || len(ops) == MaxBlockSize {
			return nil, nil, fault.New("AG0105", "Divide the file: its lines do not depend on each other's place in it.", "the file holds more than %d transactions or operations", MaxBlockSize)
		}
		if op, ok, err := decodeOperation(text); ok {
			if err != nil {
				return bad("%w", err)
			}
			ops = append(ops, op)
			continue
		}
		coded, ok := strings.CutPrefix(text, signedWord)
		if !ok {
			return bad("it does not begin with %q", signedWord)
		}
		data, err := base64.StdEncoding.Strict().DecodeString(coded)
		if err != nil {
			return bad("%w", err)
		}
		var f signedForm
		if err := wire.Unmarshal(data, &f); err != nil {
			return bad("%w", err)
		}
		list = append(list, sqlcontract.Transaction{Data: f.Data, Seal: f.Seal, Blind: f.Blind, Arguments: f.Arguments})
	}
	return list, ops, nil
}
