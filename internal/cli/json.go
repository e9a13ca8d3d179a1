package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// checkJSON says why data is not one JSON object, in UTF-8, in which every name
// stands once. What is signed must not depend on which of two values a decoder takes.
func checkJSON(data []byte) error {
	if !utf8.Valid(data) { // a decoder would put other characters there, in silence
		return errors.New("it is not UTF-8; iconv -f WINDOWS-1252 -t UTF-8 turns a file of that code into it")
	}
	var object map[string]json.RawMessage
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal(data, &object); errors.As(err, &wrong) || err == nil && object == nil {
		return errors.New("it is JSON, but not an object {…}")
	} else if err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()              // a number may be larger than a float
	var open []map[string]bool // the names of each object that is open; nil: an array
	name := false              // a name comes next, not a value
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is not JSON: %w", err)
		}
		switch t {
		case json.Delim('{'):
			open, name = append(open, map[string]bool{}), true
			continue
		case json.Delim('['):
			open, name = append(open, nil), false
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		default:
			if name {
				s, _ := t.(string)
				if open[len(open)-1][s] {
					return fmt.Errorf("it has %q twice", s)
				}
				open[len(open)-1][s], name = true, false
				continue
			}
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
}
