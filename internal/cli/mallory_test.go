package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/repo"
)

// only runs a command with mallory's key, which must end with this status, say a
// code and change nothing, and then with the key of who may:
// only 4 alice tag v1
func only(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: only STATUS KEY VERB…")
	}
	before := shown(ts)
	exits(ts, false, append([]string{args[0], "aergo", "--key", "mallory"}, args[2:]...))
	if said := ts.ReadFile("stderr"); !regexp.MustCompile(`^✗ AG\d{4} .*\n  \S`).MatchString(said) {
		ts.Fatalf("no code, or no next step: %s", said)
	}
	if after := shown(ts); after != before {
		ts.Fatalf("mallory's %s changed something:\n%s\n%s", strings.Join(args[2:], " "), before, after)
	}
	exits(ts, false, append([]string{"0", "aergo", "--key", args[1]}, args[2:]...))
}

// shown is what the ledger of the current folder says of itself.
func shown(ts *testscript.TestScript) string {
	r, err := repo.Open(ts.MkAbs("."), repo.Options{ReadOnly: true})
	ts.Check(err)
	defer r.Close()
	branches, err := r.Branches()
	ts.Check(err)
	d, err := r.Directory()
	ts.Check(err)
	pending, err := r.Proposals()
	ts.Check(err)
	text, err := json.Marshal(branches)
	ts.Check(err)
	return fmt.Sprint(r.Current(), string(text), d.Block, len(pending))
}

// unguarded are the verbs that mallory's key is not tried with.
var unguarded = map[string]string{
	"they read what is in this folder, or nothing": `query sql status log show diff blame events contract_list contract_new contract_fmt
		contract_show contract_diff contract_abi test conflicts identity_list identity_show peers_list dd_show dd_log dd_watch
		dd_verify dd_pending verify proof_verify explain completion version help`,
	"they are about keys and ledgers of one's own":                                 `key_new key_list key_show key_export key_unlock demo dev`,
	"they take what proves itself, or forget a local copy: repo.TestMethodsMatrix": `dd_import dd_drop dd_submit branch_restore`,
	"what it signs is judged where it is submitted: repo.TestGive":                 `give`,
}

// TestEveryVerbIsTriedByMallory: each verb has a line in some script in which it
// is refused to mallory or a stranger, or a reason above.
func TestEveryVerbIsTriedByMallory(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tried := ""
	line := regexp.MustCompile(`(?m)^(?:only \d \S+|(?:exits [467]|!) (?:exec )?aergo(?: -C \S+| --key \S+)*) (.*)$`)
	for _, name := range scripts {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range line.FindAllStringSubmatch(string(data), -1) {
			if strings.HasPrefix(m[0], "only") || strings.Contains(m[0], "mallory") || strings.Contains(m[0], "stranger") {
				tried += "\n" + m[1] + " "
			}
		}
	}
	reasons := map[string]bool{}
	for _, list := range unguarded {
		for _, verb := range strings.Fields(list) {
			reasons[strings.ReplaceAll(verb, "_", " ")] = true
		}
	}
	var walk func(before string, list []*ucli.Command)
	walk = func(before string, list []*ucli.Command) {
		for _, c := range list {
			verb := before + c.Name
			if has := strings.Contains(tried, "\n"+verb+" "); !isFamily(c) && has == reasons[verb] {
				t.Errorf("aergo %s: tried by mallory: %v, with a reason why not: %v", verb, has, reasons[verb])
			}
			delete(reasons, verb)
			walk(verb+" ", c.Subcommands)
		}
	}
	walk("", (&app{}).commands())
	for verb := range reasons {
		t.Errorf("there is no verb %s", verb)
	}
}
