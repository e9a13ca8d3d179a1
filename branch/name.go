package branch

import (
	"strings"

	"github.com/aergo-git/aergo-git/internal/fault"
)

// Name is the name of a branch. A local name says nothing to others: until the
// directory registers a branch it is known by its ID.
type Name string

// Main is the branch that every ledger has from its genesis on.
const Main Name = "main"

// ParseName checks a name: 1 to MaxName characters of a-z 0-9 . _ / -, the first
// a letter or digit, no empty, hidden or ".." part, not ending in "/", "." or
// ".lock". So a name is also a path and a git branch name, and no revision
// syntax (~ ^ @ # : ..) can be part of one.
func ParseName(s string) (Name, error) {
	bad := func(why string) (Name, error) {
		return "", fault.New("AG0101", "choose a name like eu, eu/berlin or prices-2027",
			"%q is no branch name: %s", s, why)
	}
	if s == "" {
		return bad("it is empty")
	}
	if len(s) > MaxName {
		return bad("it has more than 100 characters")
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("._/-", c) >= 0) {
			return bad("only a-z, 0-9 and . _ / - are allowed")
		}
	}
	for part := range strings.SplitSeq(s, "/") {
		switch {
		case part == "":
			return bad("it has an empty part; a slash stands between two parts")
		case part[0] == '.' || part[0] == '-' || part[0] == '_':
			return bad("a part begins with a letter or digit")
		case strings.Contains(part, ".."):
			return bad(`".." means a range of revisions`)
		case strings.HasSuffix(part, "."), strings.HasSuffix(part, ".lock"):
			return bad(`a part does not end in "." or ".lock"`)
		}
	}
	return Name(s), nil
}
