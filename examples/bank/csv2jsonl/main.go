// Command csv2jsonl turns a bank's CSV of postings into calls of bank.post, one
// JSON object a line, for aergo call --batch.
//
//	csv2jsonl -id trans_id -account account_id -day date -amount amount < trans.csv > trans.jsonl
//
// Amounts are decimal text and become integers of the smallest unit exactly: no
// floating point is involved. docs/how-to/load-bank-csv.md walks through it.
package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// options say which column holds what.
type options struct {
	sep                            string
	id, account, day, amount, text string
	layout                         string // of the day, as package time writes it
	point                          string // the decimal point of amounts
	thousands                      string // what groups the digits of an amount, or ""
	decimals                       int    // digits of the smallest unit
	debit                          string // "column=value,value": lines whose amount goes out
	open                           bool   // open each account before its first posting
	floor                          int64  // the lowest balance of accounts so opened
}

func main() {
	var o options
	flag.StringVar(&o.sep, "sep", ",", "what separates columns; \\t is a tab")
	flag.StringVar(&o.id, "id", "id", "column of the posting's id")
	flag.StringVar(&o.account, "account", "account", "column of the account's number")
	flag.StringVar(&o.day, "day", "day", "column of the day")
	flag.StringVar(&o.layout, "layout", "2006-01-02", "how the day is written: 2 January 2006 in that form")
	flag.StringVar(&o.amount, "amount", "amount", "column of the amount")
	flag.StringVar(&o.point, "point", ".", "the decimal point of amounts")
	flag.StringVar(&o.thousands, "thousands", "", "what groups the digits of amounts, like the . in 1.234,56")
	flag.IntVar(&o.decimals, "decimals", 2, "digits of the smallest unit: 2 for cents")
	flag.StringVar(&o.debit, "debit", "", "`COLUMN=VALUE,VALUE`: on such lines the amount goes out")
	flag.StringVar(&o.text, "text", "", "column of a text, if there is one")
	flag.BoolVar(&o.open, "open", false, "open each account before its first posting")
	flag.Int64Var(&o.floor, "floor", 0, "with -open: the lowest balance allowed, in the smallest unit")
	flag.Parse()
	out := bufio.NewWriter(os.Stdout)
	err := convert(os.Stdin, out, o)
	if e := out.Flush(); err == nil {
		err = e
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "csv2jsonl:", err)
		os.Exit(1)
	}
}

type call struct {
	Call string         `json:"call"`
	Args map[string]any `json:"args"`
}

// convert reads CSV with a head line and writes a call a line. It stops at the
// first line that it does not understand and names it.
func convert(in io.Reader, out io.Writer, o options) error {
	r := csv.NewReader(in)
	if o.sep == `\t` {
		o.sep = "\t"
	}
	if len([]rune(o.sep)) != 1 {
		return fmt.Errorf("-sep is one character, not %q", o.sep)
	}
	r.Comma = []rune(o.sep)[0]
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("reading the head line: %w", err)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff") // the mark that Windows programs put before a text
	at := map[string]int{}
	for i, name := range head {
		at[strings.TrimSpace(name)] = i
	}
	debitColumn, debitValues, _ := strings.Cut(o.debit, "=")
	for _, name := range []string{o.id, o.account, o.day, o.amount, o.text, debitColumn} {
		if _, ok := at[name]; !ok && name != "" {
			return fmt.Errorf("there is no column %q; the columns are: %s", name, strings.Join(head, ", "))
		}
	}
	goesOut := map[string]bool{}
	for _, v := range strings.Split(debitValues, ",") {
		goesOut[v] = debitColumn != ""
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	opened := map[int64]bool{}
	for {
		record, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := r.FieldPos(0)
		field := func(name string) string { return record[at[name]] }
		if !utf8.ValidString(strings.Join(record, "")) {
			return fmt.Errorf("line %d is not UTF-8: convert the file first, for example with iconv -f WINDOWS-1252 -t UTF-8", line)
		}
		account, err := strconv.ParseInt(field(o.account), 10, 64)
		if err != nil {
			return fmt.Errorf("line %d: account %q is no number", line, field(o.account))
		}
		day, err := time.Parse(o.layout, field(o.day))
		if err != nil {
			return fmt.Errorf("line %d: day %q is not written like %s", line, field(o.day), o.layout)
		}
		amount, err := units(field(o.amount), o)
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if debitColumn != "" && goesOut[field(debitColumn)] {
			amount = -amount
		}
		if o.open && !opened[account] {
			opened[account] = true
			if err := e.Encode(call{"bank.open", map[string]any{"id": account, "floor": o.floor}}); err != nil {
				return err
			}
		}
		args := map[string]any{"id": field(o.id), "account": account, "day": day.Format("2006-01-02"), "amount": amount}
		if o.text != "" && field(o.text) != "" {
			args["text"] = field(o.text)
		}
		if err := e.Encode(call{"bank.post", args}); err != nil {
			return err
		}
	}
}

// units reads decimal text as an integer of the smallest unit: "-1234.5" with
// two decimals is -123450. More digits than the unit has are refused, not
// rounded.
func units(s string, o options) (int64, error) {
	point, decimals := o.point, o.decimals
	whole, fraction, _ := strings.Cut(strings.TrimSpace(s), point)
	if o.thousands != "" {
		groups := strings.Split(whole, o.thousands)
		for _, g := range groups[1:] {
			if len(g) != 3 {
				return 0, fmt.Errorf("amount %q is not grouped in thousands by %q", s, o.thousands)
			}
		}
		whole = strings.Join(groups, "")
	}
	fraction = strings.TrimRight(fraction, "0")
	if strings.Trim(s, " +-"+point) == "" {
		return 0, fmt.Errorf("the amount is missing: %q", s)
	}
	if len(fraction) > decimals || strings.ContainsAny(fraction, "+-") {
		return 0, fmt.Errorf("amount %q has more than %d decimals", s, decimals)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("amount %q is no number with decimal point %q", s, point)
	}
	return n, nil
}
