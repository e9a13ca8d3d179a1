package slt

import (
	"fmt"
	"io"
	"strings"
)

// Record is one statement or query of a file that concerns the engine.
type Record struct {
	Line  int    // of its first word, from 1
	SQL   string // without the line end
	Fails bool   // of a statement: it must fail

	Query bool
	Types string   // of a query: a letter per column, I, R or T
	Sort  string   // nosort, rowsort or valuesort
	Label string   // queries of one label have equal answers; "" for none
	Want  []string // values, or one line of a hash
}

// Read gives the records that concern the engine named, in order, up to a halt.
func Read(r io.Reader, engine string) ([]Record, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading a sqllogictest file: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("reading a sqllogictest file: it is longer than %d bytes", maxFile)
	}
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	var list []Record
	skip := false // what a skipif or onlyif says of the next record
	for at := 0; at < len(lines); {
		words := strings.Fields(lines[at])
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			at++
			continue
		}
		if (words[0] == "skipif" || words[0] == "onlyif") && len(words) > 1 {
			skip = skip || (words[1] == engine) == (words[0] == "skipif")
			at++
			continue
		}
		end := at
		for end < len(lines) && strings.TrimSpace(lines[end]) != "" {
			end++
		}
		switch words[0] {
		case "halt":
			if !skip {
				return list, nil
			}
			end = at + 1
		case "hash-threshold":
			end = at + 1
		case "statement", "query":
			rec, err := record(words, lines[at+1:end])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", at+1, err)
			}
			if rec.Line = at + 1; !skip {
				list = append(list, rec)
			}
		default:
			return nil, fmt.Errorf("line %d: %.40q begins no record", at+1, words[0])
		}
		at, skip = end, false
	}
	return list, nil
}

// record reads one, from the words of its first line and the lines after it.
func record(words, lines []string) (Record, error) {
	rec := Record{Query: words[0] == "query"}
	words = words[1:]
	if i := commentAt(words); i >= 0 {
		words = words[:i]
	}
	sql := len(lines)
	for i, l := range lines {
		if strings.TrimSpace(l) == "----" {
			sql = i
			break
		}
	}
	rec.SQL = strings.Join(lines[:sql], "\n")
	if !rec.Query {
		if len(words) != 1 || words[0] != "ok" && words[0] != "error" {
			return rec, fmt.Errorf("a statement is ok or error, not %.40q", strings.Join(words, " "))
		}
		rec.Fails = words[0] == "error"
		return rec, nil
	}
	if len(words) == 0 || strings.Trim(words[0], "IRT") != "" {
		return rec, fmt.Errorf("the types of a query are I, R and T, not %.40q", strings.Join(words, " "))
	}
	rec.Types, rec.Sort = words[0], "nosort"
	if len(words) > 1 {
		rec.Sort = words[1]
	}
	switch rec.Sort {
	case "nosort", "rowsort", "valuesort":
	default:
		return rec, fmt.Errorf("a query is sorted by nosort, rowsort or valuesort, not %.40q", rec.Sort)
	}
	if len(words) > 2 {
		rec.Label = words[2]
	}
	if sql < len(lines) {
		rec.Want = lines[sql+1:]
	}
	return rec, nil
}

func commentAt(words []string) int {
	for i, w := range words {
		if strings.HasPrefix(w, "#") {
			return i
		}
	}
	return -1
}
