package dd

import "testing"

// TestPatternsThatPretend: no text that looks like another pattern, climbs out of
// one or covers more than it says is a pattern.
func TestPatternsThatPretend(t *testing.T) {
	w := newWorld(t)
	for _, bad := range []string{
		"eu/../main", "eu//main", "eu/./main", "/eu", "eu/", "/*", "eu//*", "eu/../*",
		"EU/x", "Main", "еu/x", "mаin", "ma\u0131n", "eu\u2215x", "eu/\uff0a", "main\u200b", "eu/x ", "eu/\x00", "",
		"**", "eu*", "eu/*/x", "*/x", "eu/**", "eu/x*", "?", "eu/[a-z]", "eu\\*", "main.lock", "eu/.x",
	} {
		if CheckPattern(bad) == nil {
			t.Errorf("%q is a pattern", bad)
		}
		w.refused("AG0102", w.do("alice", Grant{Role: Writer, Pattern: bad, Account: account("bob")}))
		if Decide(w.head(), Question{Account: account("alice"), Right: RightAdmin, Name: bad}) == nil {
			t.Errorf("the owner is admin of %q", bad)
		}
	}
	// What a pattern covers, to the letter.
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "eu/*", Account: account("bob")}))
	w.ok(w.do("alice", Grant{Role: Admin, Pattern: "us", Account: account("bob")}))
	for name, want := range map[string]bool{
		"eu/x": true, "eu/x/y": true, "eu/x/*": true, "eu/*": true, "us": true,
		"eu": false, "eux": false, "eu-x": false, "e/x": false, "main": false, "us/x": false, "us/*": false, "*": false,
	} {
		if got := Decide(w.head(), Question{Account: account("bob"), Right: RightAdmin, Name: name}) == nil; got != want {
			t.Errorf("bob is admin of %s: %v", name, got)
		}
	}
}
