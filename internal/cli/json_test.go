package cli

import "testing"

func TestCheckJSON(t *testing.T) {
	for _, good := range []string{`{}`, ` {"a":1,"b":[{"a":1},{"a":2},[],{}],"c":{"a":"b"}} `, `{"a":1e999,"b":["a","a"]}`} {
		if err := checkJSON([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		``, `null`, `[]`, `1`, `"a"`, `{`, `{"a":1} {}`, `{"a":1,"a":1}`, `{"b":{"a":1,"a":1}}`, `{"b":[1,{"a":1,"a":1}]}`,
		`{"b":{},"b":[]}`, `{"a":1,"\u0061":2}`, "{\"a\":\"\xff\"}",
	} {
		if checkJSON([]byte(bad)) == nil {
			t.Errorf("%s passed", bad)
		}
	}
}
