package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnitsAreExact(t *testing.T) {
	for in, want := range map[string]int64{
		"900.00": 90000, "0.1": 10, "-1234.5": -123450, "17": 1700, "-0.01": -1, "0.10000": 10, " 3.30 ": 330,
		"90071992547409.93": 9007199254740993,
	} {
		if got, err := units(in, options{point: ".", decimals: 2}); err != nil || got != want {
			t.Errorf("%q: %d %v, not %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "1.234", "1,5", "12 000", "1e3", "x", "1.-5", "99999999999999999999"} {
		if got, err := units(in, options{point: ".", decimals: 2}); err == nil {
			t.Errorf("%q passed as %d", in, got)
		}
	}
}

func TestThousands(t *testing.T) {
	o := options{point: ",", thousands: ".", decimals: 2}
	for in, want := range map[string]int64{"-1.234,56": -123456, "2.500,00": 250000, "1.000.000": 100000000, "5": 500} {
		if got, err := units(in, o); err != nil || got != want {
			t.Errorf("%q: %d %v, not %d", in, got, err, want)
		}
	}
	for _, in := range []string{"1.5", "1.2345,00", "1..234", "1,234.5"} {
		if got, err := units(in, o); err == nil {
			t.Errorf("%q passed as %d", in, got)
		}
	}
}

// Files of Windows programs begin with a mark; text of another code is refused,
// not bent.
func TestEncodings(t *testing.T) {
	o := options{sep: `\t`, id: "id", account: "account", day: "day", layout: "2006-01-02", amount: "amount", text: "text", point: ".", decimals: 2}
	var out bytes.Buffer
	if err := convert(strings.NewReader("\ufeffid\taccount\tday\tamount\ttext\n1\t2\t2026-01-31\t3\tfür\n"), &out, o); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"text":"für"`) {
		t.Error(out.String())
	}
	err := convert(strings.NewReader("id\taccount\tday\tamount\ttext\n1\t2\t2026-01-31\t3\tf\xfcr\n"), &out, o)
	if err == nil || !strings.Contains(err.Error(), "line 2 is not UTF-8") {
		t.Errorf("%v", err)
	}
}

func TestConvert(t *testing.T) {
	o := options{sep: ";", id: "nr", account: "konto", day: "datum", layout: "02.01.2006", amount: "betrag", point: ",",
		decimals: 2, debit: "art=Soll", text: "text", open: true, floor: -50000}
	var out bytes.Buffer
	in := "nr;konto;datum;art;betrag;text\n7;12;31.12.2026;Haben;10,50;\"Lohn; Dezember\"\n8;12;31.12.2026;Soll;0,5;\n"
	if err := convert(strings.NewReader(in), &out, o); err != nil {
		t.Fatal(err)
	}
	want := `{"call":"bank.open","args":{"floor":-50000,"id":12}}
{"call":"bank.post","args":{"account":12,"amount":1050,"day":"2026-12-31","id":"7","text":"Lohn; Dezember"}}
{"call":"bank.post","args":{"account":12,"amount":-50,"day":"2026-12-31","id":"8"}}
`
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
	for what, bad := range map[string]string{
		"no column":  "nr;konto\n",
		"line 3":     "nr;konto;datum;art;betrag;text\n7;12;31.12.2026;H;1,5;\n8;12;2026-12-31;H;1,5;\n",
		"no number":  "nr;konto;datum;art;betrag;text\n7;12;31.12.2026;H;1.5;\n",
		"head line":  "",
		"wrong numb": "nr;konto;datum;art;betrag;text\n7;12\n",
	} {
		if err := convert(strings.NewReader(bad), &bytes.Buffer{}, o); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestRealBank converts the postings of a real bank; their sum is known.
func TestRealBank(t *testing.T) {
	dir := os.Getenv("AERGO_TESTDATA")
	f, err := os.Open(filepath.Join(dir, "berka", "trans_test.csv"))
	if dir == "" || err != nil {
		t.Skip("set AERGO_TESTDATA to the folder that holds berka/trans_test.csv")
	}
	defer func() { _ = f.Close() }()
	var out bytes.Buffer
	err = convert(f, &out, options{sep: ";", id: "trans_id", account: "account_id", day: "date", layout: "060102", amount: "amount",
		point: ".", decimals: 2, debit: "type=withdrawal,withdrawal in cash", text: "operation"})
	if err != nil {
		t.Fatal(err)
	}
	lines, sum := 0, int64(0)
	for s := bufio.NewScanner(&out); s.Scan(); lines++ {
		var c struct{ Args struct{ Amount int64 } }
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		sum += c.Args.Amount
	}
	if lines != 30200 || sum != 1501284620 {
		t.Errorf("%d lines, sum %d", lines, sum)
	}
}
