package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/objectstore"
	"github.com/aergo-git/aergo-git/repo"
)

type proofJSON struct {
	Kind        string `json:"kind"` // row, absent, transaction
	Ledger      string `json:"ledger"`
	LedgerKnown bool   `json:"ledger_known"` // false: compare the ledger id by another channel
	Branch      string `json:"branch"`
	BranchID    string `json:"branch_id"`
	Block       string `json:"block"`
	Number      uint64 `json:"number"`
	Time        string `json:"time"`
	Producer    string `json:"producer"`
	Statement   uint64 `json:"statement"`
	Published   string `json:"published"`
	Expires     string `json:"expires"` // of the statement
	Expired     bool   `json:"expired"`
	// Directory is the newest directory block by which it was judged.
	Directory       string         `json:"directory"`
	DirectoryNumber uint64         `json:"directory_number"`
	DirectoryTime   string         `json:"directory_time"`
	Notices         []noticeJSON   `json:"notices"`
	Origin          string         `json:"origin,omitempty"` // the ledger that this one went on from; it does not vouch for it here
	Contract        string         `json:"contract,omitempty"`
	Table           string         `json:"table,omitempty"`
	Key             []any          `json:"key,omitempty"`
	Row             map[string]any `json:"row,omitempty"`
	Values          []any          `json:"values,omitempty"` // of the row, where the columns' names are not in the proof
	Transaction     string         `json:"transaction,omitempty"`
	Call            string         `json:"call,omitempty"`
	Status          string         `json:"status,omitempty"`
	Code            string         `json:"code,omitempty"`
}

func (a *app) proofCommand() *ucli.Command {
	output := &ucli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the proof to `FILE`"}
	return &ucli.Command{
		Name: "proof", Usage: "prove a row or a transaction to somebody who has only the ledger id", Category: "trust",
		Subcommands: []*ucli.Command{
			{
				Name: "row", Usage: "prove that a row is there, or that it is not", ArgsUsage: "CONTRACT.TABLE KEY…",
				Flags: []ucli.Flag{output, &ucli.StringFlag{Name: "at", Usage: "at revision `REV`"}}, Action: a.proofRow,
			},
			{Name: "tx", Usage: "prove a transaction and its receipt", ArgsUsage: "ID", Flags: []ucli.Flag{output}, Action: a.proofTransaction},
			{
				Name: "verify", Usage: "check a proof", ArgsUsage: "FILE",
				Description: "A proof holds the directory as it was then: a key that was revoked later is known only by a newer\n" +
					"one. In a repository of its ledger that directory judges it, elsewhere the one of --directory.",
				Flags: []ucli.Flag{
					&ucli.StringFlag{Name: "ledger", Usage: "the proof must be of ledger `ID`; in a repository, of its ledger"},
					&ucli.StringFlag{Name: "directory", Usage: "judge it by the directory in `FILE`, which aergo dd export wrote"},
				},
				Action: a.proofVerify,
			},
		},
	}
}

func (a *app) proofRow(c *ucli.Context) error {
	if err := nargs(c, 2, -1, "proof row CONTRACT.TABLE KEY… -o FILE"); err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	name, table, ok := strings.Cut(c.Args().First(), ".")
	if !ok {
		return usage("AG0113", "aergo proof row CONTRACT.TABLE KEY… -o FILE", "%q is not the name of a table", c.Args().First())
	}
	key, err := a.rowKey(r, c.String("at"), name, table, c.Args().Tail())
	if err != nil {
		return err
	}
	signer, err := a.key()
	if err != nil {
		return err
	}
	proof, err := r.ProveRow(a.ctx, signer, c.String("at"), name, table, key)
	if err != nil {
		return err
	}
	return a.writeProof(proof, "row "+c.Args().First()+" "+strings.Join(c.Args().Tail(), " "))
}

// rowKey reads key values by the types of the table's key.
func (a *app) rowKey(r *repo.Repository, rev, contract, table string, text []string) ([]any, error) {
	return a.keyBegin(r, rev, contract, table, text, true)
}

// keyBegin is rowKey for all values of a key, or only the first ones.
func (a *app) keyBegin(r *repo.Repository, rev, contract, table string, text []string, whole bool) ([]any, error) {
	k, err := a.contract(r, rev, contract)
	if err != nil {
		return nil, err
	}
	t := k.Table(table)
	if t == nil {
		var names []string
		for _, t := range k.Tables {
			names = append(names, t.Name)
		}
		return nil, fault.New("AG0224", joinHints(didYouMean(table, names), "Its tables: "+strings.Join(names, ", ")), "contract %s has no table %s", contract, table)
	}
	var form []string
	for _, i := range t.Key {
		form = append(form, t.Columns[i].Name+" "+t.Columns[i].Type)
	}
	if len(text) > len(t.Key) || whole && len(text) < len(t.Key) {
		return nil, usage("AG0113", "Its key: "+strings.Join(form, ", "), "the key of %s.%s has %s, not %d", contract, table, plural(len(t.Key), "value"), len(text))
	}
	key := make([]any, len(text))
	for i, s := range text {
		switch t.Columns[t.Key[i]].Type {
		case "INTEGER":
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return nil, usage("AG0113", "Its key: "+strings.Join(form, ", "), "%q is no INTEGER", s)
			}
			key[i] = n
		case "BLOB":
			b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
			if err != nil || !strings.HasPrefix(s, "0x") {
				return nil, usage("AG0113", "Write it as 0x and hexadecimal digits.", "%q is no BLOB", s)
			}
			key[i] = b
		default:
			key[i] = s
		}
	}
	return key, nil
}

func (a *app) proofTransaction(c *ucli.Context) error {
	r, err := a.begin(c, 1, 1, "proof tx ID -o FILE")
	if err != nil {
		return err
	}
	signer, err := a.key()
	if err != nil {
		return err
	}
	proof, err := r.ProveTransaction(a.ctx, signer, c.Args().First())
	if err != nil {
		return err
	}
	return a.writeProof(proof, "transaction "+c.Args().First())
}

func (a *app) writeProof(proof []byte, what string) error {
	out := a.cmd.String("output")
	if out == "" || out == "-" {
		if a.outTerminal {
			return usage("AG0113", "aergo proof … -o FILE", "a proof is binary and would be printed on this terminal")
		}
		_, err := a.out.Write(proof)
		return err
	}
	if err := os.WriteFile(a.path(out), proof, 0o644); err != nil {
		return fault.New("AG0220", "", "the proof cannot be written: %w", err)
	}
	if a.json {
		return a.emit(map[string]any{"file": out, "bytes": len(proof), "ledger": id(a.repo.Ledger())})
	}
	a.done("Proof of %s in %s, %d bytes.", clean(what), out, len(proof))
	a.next("aergo proof verify %s --ledger %s", out, id(a.repo.Ledger()))
	return nil
}

func (a *app) proofVerify(c *ucli.Context) error {
	if err := nargs(c, 1, 1, "proof verify FILE [--ledger ID]"); err != nil {
		return err
	}
	file := c.Args().First()
	data, err := a.readText(file, maxProof)
	if err != nil {
		return err
	}
	ledger, err := a.expectedLedger(c)
	if err != nil {
		return err
	}
	p, err := a.judge(c, []byte(data), ledger)
	if err != nil {
		return err
	}
	if a.json {
		return a.emit(proofOf(p, ledger != nil))
	}
	a.done("%s", proofText(p))
	at := "block " + p.Block.Short() + " (number " + strconv.FormatUint(p.Number, 10) + ", " + date(p.Time) + ")"
	lines := [][]string{{"  at", at + " of branch " + clean(p.Branch)}, {"  made by", a.whoFull(p.Producer)},
		{"  published", "block " + p.Published.Short() + ", statement " + strconv.FormatUint(p.Statement, 10)}, {"  ledger", id(p.Ledger)}}
	if !p.Origin.IsZero() {
		lines = append(lines, []string{"  origin", "ledger " + id(p.Origin) + ", which does not vouch for it here"})
	}
	lines = append(lines, []string{"  judged by", fmt.Sprintf("directory block #%d %s, %s", p.DirectoryNumber, p.Directory.Short(), age(p.DirectoryTime))})
	a.columns(lines)
	for _, n := range p.Notices {
		a.say("  %s %s", a.paint("33", "!"), clean(strings.TrimSpace(n.Code+" "+n.Text)))
	}
	if len(p.Row) > 0 {
		columns := p.Columns
		for i := len(columns); i < len(p.Row); i++ {
			columns = append(columns, "column "+strconv.Itoa(i+1))
		}
		if err := a.printRows(columns, [][]any{p.Row}); err != nil {
			return err
		}
	}
	if ledger == nil {
		a.say("  Compare the ledger id by another channel, or give it: --ledger ID")
	}
	return nil
}

// judge verifies a proof by what is known: the directory of --directory, else
// that of the repository we are in, if it is of the proof's ledger.
func (a *app) judge(c *ucli.Context, data []byte, ledger *objectstore.Hash) (repo.ProofReport, error) {
	o := repo.ProofOptions{Ledger: ledger, Now: time.Now()}
	if file := c.String("directory"); file != "" {
		text, err := a.readText(file, maxProof)
		if err != nil {
			return repo.ProofReport{}, err
		}
		o.Directory = []byte(text)
		return repo.JudgeProof(data, o)
	}
	if a.repo != nil && ledger != nil && a.repo.Ledger() == *ledger {
		return a.repo.JudgeProof(data)
	}
	return repo.JudgeProof(data, o)
}

// age says how long ago a time is, and the time.
func age(t time.Time) string {
	switch d := time.Since(t); {
	case d < 0:
		return "ahead of this machine's clock: " + date(t)
	case d < time.Hour:
		return "less than an hour old: " + date(t)
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour") + " old: " + date(t)
	default:
		return plural(int(d.Hours())/24, "day") + " old: " + date(t)
	}
}

// expectedLedger is --ledger, or the ledger of the repository we are in, or nil.
func (a *app) expectedLedger(c *ucli.Context) (*objectstore.Hash, error) {
	if text := c.String("ledger"); text != "" {
		h, err := objectstore.ParseHash(text)
		if err != nil {
			return nil, usage("AG0112", "A beginning proves nothing here: write all 64 digits. aergo status --json shows them.", "--ledger: %w", err)
		}
		return &h, nil
	}
	r, err := a.open()
	switch {
	case err == nil:
		h := r.Ledger()
		return &h, nil
	case exitStatus(err) == 3 || errors.Is(err, fs.ErrNotExist):
		return nil, nil
	}
	return nil, err
}

func proofOf(p repo.ProofReport, known bool) proofJSON {
	j := proofJSON{
		Kind: p.Kind, Ledger: id(p.Ledger), LedgerKnown: known, Branch: p.Branch, BranchID: id(p.BranchID), Block: id(p.Block),
		Number: p.Number, Time: timeJSON(p.Time), Producer: string(p.Producer), Statement: p.Statement, Published: id(p.Published), Origin: id(p.Origin),
		Expires: timeJSON(p.Expires), Expired: p.Expired, Notices: []noticeJSON{},
		Directory: id(p.Directory), DirectoryNumber: p.DirectoryNumber, DirectoryTime: timeJSON(p.DirectoryTime),
		Contract: p.Contract, Table: p.Table, Transaction: id(p.Transaction), Call: p.Call,
	}
	for _, n := range p.Notices {
		j.Notices = append(j.Notices, noticeJSON(n))
	}
	for _, v := range p.Key {
		j.Key = append(j.Key, cellJSON(v))
	}
	if len(p.Columns) == len(p.Row) {
		j.Row = object(p.Columns, p.Row)
	} else {
		for _, v := range p.Row {
			j.Values = append(j.Values, cellJSON(v))
		}
	}
	if p.Receipt != nil {
		j.Status, j.Code = p.Receipt.Status.String(), p.Receipt.Code
	}
	return j
}

func proofText(p repo.ProofReport) string {
	key := make([]string, len(p.Key))
	for i, v := range p.Key {
		key[i] = cell(v)
	}
	row := fmt.Sprintf("%s.%s %s", p.Contract, p.Table, strings.Join(key, " "))
	switch p.Kind {
	case "transaction":
		s := "Proven: transaction " + p.Transaction.Short()
		if p.Call != "" {
			s += ", " + clean(p.Call)
		}
		if p.Receipt != nil {
			s += ", " + p.Receipt.Status.String()
		}
		return s
	case "absent":
		return "Proven: there is no row " + row
	}
	return "Proven: row " + row
}
