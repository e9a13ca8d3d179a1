package sqlcontract

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aergo-git/aergo-git/internal/aergosql"
	"github.com/aergo-git/aergo-git/internal/fault"
	"github.com/aergo-git/aergo-git/internal/sqlfunc"
)

// TestReference compiles every example of docs/reference/aergosql.md, tries
// every refusal, and compares its lists with the code.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("../docs/reference/aergosql.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	var contracts, refusals []string
	for _, m := range regexp.MustCompile("(?ms)^```sql( refused)?\n(.*?)^```").FindAllStringSubmatch(page, -1) {
		if m[1] == "" {
			contracts = append(contracts, m[2])
		} else {
			refusals = append(refusals, strings.Split(strings.TrimSpace(m[2]), "\n")...)
		}
	}
	if len(contracts) == 0 || len(refusals) == 0 {
		t.Fatal("the page has no examples")
	}
	for _, source := range contracts {
		if _, err := Compile("example", source); err != nil {
			t.Error(err)
		}
	}
	for _, line := range refusals {
		code, step, _ := strings.Cut(line, " ")
		source := contracts[0] + "CREATE ACTION step(:n INTEGER) PUBLIC RETURNS (x INTEGER) AS\nBEGIN\n" + step + "\nEND;\n"
		if _, err := Compile("example", source); !fault.Is(err, code) {
			t.Errorf("%s: %v", line, err)
		}
	}

	_, list, _ := strings.Cut(page, "## Functions")
	list, _, _ = strings.Cut(list, "\n\n`lower`")
	var listed []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(list, -1) {
		if !slices.Contains(listed, m[1]) {
			listed = append(listed, m[1])
		}
	}
	slices.Sort(listed)
	if want := sqlfunc.Names(); !slices.Equal(listed, want) {
		t.Errorf("the page lists the functions\n%v\nthe code allows\n%v", listed, want)
	}

	for _, n := range []int{aergosql.MaxSource >> 10, maxTables, maxColumns, maxObjects, maxActions, maxStatements, maxInvariants, maxRules, maxParams, maxRoles, maxUses, maxCalls, maxNesting, aergosql.MaxParens, sqlfunc.MaxValue >> 10} {
		if !strings.Contains(page[strings.Index(page, "## Limits"):], fmt.Sprint(n)) {
			t.Errorf("the limit %d is not on the page", n)
		}
	}
	for _, w := range aergosql.Reserved() {
		if !strings.Contains(page, "`"+w+"`") {
			t.Errorf("the reserved word %s is not on the page", w)
		}
	}
}
