package repo

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/sqlcontract"
)

// ParseArgs turns text arguments (name=value of a command) into the types that
// the action declares: INTEGER in decimal, TEXT as it is, BLOB as 0x and hex.
func ParseArgs(a *sqlcontract.Action, text map[string]string) (map[string]any, error) {
	args := make(map[string]any, len(text))
	for name, v := range text {
		p, err := param(a, name)
		if err != nil {
			return nil, err
		}
		switch p.Type {
		case "TEXT":
			args[name] = v
		case "INTEGER":
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil, badArgument(a, p, v)
			}
			args[name] = n
		case "BLOB":
			b, err := parseBlob(v)
			if err != nil {
				return nil, badArgument(a, p, v)
			}
			args[name] = b
		}
	}
	return args, complete(a, args)
}

// JSONArgs does the same for a JSON object: numbers must be integers of 64 bits,
// BLOB is a string of 0x and hex, null is NULL where that is the default.
func JSONArgs(a *sqlcontract.Action, raw json.RawMessage) (map[string]any, error) {
	args := map[string]any{}
	if len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&args); err != nil {
			return nil, fault.New("AG0403", "Arguments are a JSON object, for example {\"sku\": \"tea\"}.", "the arguments of %s cannot be read: %w", a.Name, err)
		}
	}
	for name, v := range args {
		p, err := param(a, name)
		if err != nil {
			return nil, err
		}
		switch x := v.(type) {
		case nil:
			if !p.HasDefault || p.Default != nil {
				return nil, badArgument(a, p, "null")
			}
		case json.Number:
			n, err := strconv.ParseInt(x.String(), 10, 64)
			if err != nil || p.Type != "INTEGER" {
				return nil, badArgument(a, p, x.String())
			}
			args[name] = n
		case string:
			switch p.Type {
			case "BLOB":
				b, err := parseBlob(x)
				if err != nil {
					return nil, badArgument(a, p, x)
				}
				args[name] = b
			case "INTEGER":
				return nil, badArgument(a, p, x)
			}
		default:
			return nil, badArgument(a, p, fmt.Sprint(v))
		}
	}
	return args, complete(a, args)
}

// CheckArgs does the same for arguments that are values already: nil, int64,
// string or []byte.
func CheckArgs(a *sqlcontract.Action, args map[string]any) error {
	for name, v := range args {
		p, err := param(a, name)
		if err != nil {
			return err
		}
		fits := false
		switch v.(type) {
		case nil:
			fits = p.HasDefault && p.Default == nil
		case int64:
			fits = p.Type == "INTEGER"
		case string:
			fits = p.Type == "TEXT"
		case []byte:
			fits = p.Type == "BLOB"
		}
		if !fits {
			return badArgument(a, p, fmt.Sprint(v))
		}
	}
	return complete(a, args)
}

func param(a *sqlcontract.Action, name string) (sqlcontract.Param, error) {
	names := make([]string, 0, len(a.Params))
	for _, p := range a.Params {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return sqlcontract.Param{}, fault.New("AG0403", "", "%s has no argument %q; it takes: %s", a.Name, name, list(names))
}

// complete tells early, and in full, what the executor would refuse later.
func complete(a *sqlcontract.Action, args map[string]any) error {
	var missing []string
	for _, p := range a.Params {
		if _, ok := args[p.Name]; !ok && !p.HasDefault {
			missing = append(missing, p.Name+"=…")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fault.New("AG0403", "", "%s needs %s", a.Name, strings.Join(missing, " "))
}

func badArgument(a *sqlcontract.Action, p sqlcontract.Param, v string) error {
	form := map[string]string{"INTEGER": "a whole number of 64 bits", "BLOB": "0x and hexadecimal digits", "TEXT": "text"}[p.Type]
	return fault.New("AG0403", "", "argument %s of %s is %s (%s), not %q", p.Name, a.Name, p.Type, form, v)
}

func parseBlob(s string) ([]byte, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok {
		return nil, fmt.Errorf("no 0x")
	}
	return hex.DecodeString(digits)
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// callText is a call as people write it, arguments in the action's order where
// it is known, else by name.
func callText(contract, action string, a *sqlcontract.Action, args map[string]any) string {
	var names []string
	if a != nil {
		for _, p := range a.Params {
			if _, ok := args[p.Name]; ok {
				names = append(names, p.Name)
			}
		}
	}
	if len(names) != len(args) {
		names = names[:0]
		for n := range args {
			names = append(names, n)
		}
		sort.Strings(names)
	}
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = n + "=" + cellText(args[n])
	}
	return contract + "." + action + "(" + strings.Join(parts, ", ") + ")"
}

// cellText is a cell in one line, cut where it is long.
func cellText(v any) string {
	const most = 40
	switch x := v.(type) {
	case nil:
		return "NULL"
	case int64:
		return strconv.FormatInt(x, 10)
	case string:
		if r := []rune(x); len(r) > most {
			x = string(r[:most]) + "…"
		}
		if strings.ContainsFunc(x, func(c rune) bool { return !unicode.IsPrint(c) }) {
			return strconv.Quote(x) // nothing that a ledger holds may steer a terminal
		}
		return x
	case []byte:
		if len(x) > most/2 {
			return "0x" + hex.EncodeToString(x[:most/2]) + "…"
		}
		return "0x" + hex.EncodeToString(x)
	}
	return fmt.Sprint(v)
}
