package cli

import "testing"

// Every example belongs to a code, and a code may be written as people do.
func TestExplainExamples(t *testing.T) {
	codes := explanations()
	for code := range examples() {
		if _, ok := codes[code]; !ok {
			t.Errorf("an example of %s, which is not explained", code)
		}
	}
	for typed, want := range map[string]string{"AG0410": "AG0410", "ag410": "AG0410", "410": "AG0410", "[AG0410]": "AG0410", "0410": "AG0410", "AGO410": "AGO410", "": ""} {
		if got := fullCode(typed); got != want {
			t.Errorf("%q is %q", typed, got)
		}
	}
}
