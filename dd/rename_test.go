package dd

import "testing"

// TestARenameKeepsTheRuleOfProducers: naming the present producer again does not
// spare him the role under the new name.
func TestARenameKeepsTheRuleOfProducers(t *testing.T) {
	w := newWorld(t)
	w.ok(w.do("alice", Grant{Role: Producer, Pattern: "eu/*", Account: account("bob")}))
	c, id := w.branchOf("alice", "eu/x")
	c.Producer = account("bob")
	w.ok(w.do("alice", c))
	w.refused("AG0501", w.do("alice", UpdateBranch{ID: id, Name: "us/x"}))
	w.refused("AG0501", w.do("alice", UpdateBranch{ID: id, Name: "us/x", Producer: account("bob")}))
	w.ok(w.do("alice", UpdateBranch{ID: id, Name: "eu/y", Producer: account("bob")}))
}
