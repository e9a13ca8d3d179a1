package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

// screenful is how many lines each list of dd show has at most, so that all of
// them fit on one screen; unless there are no more than fitting in all of them.
const (
	screenful = 5
	fitting   = 20
)

func (a *app) directoryShow(c *ucli.Context) error {
	r, err := a.begin(c, 0, 0, "dd show")
	if err != nil {
		return err
	}
	d, err := r.Directory()
	if err != nil {
		return err
	}
	if a.json {
		return a.emit(directoryOf(d))
	}
	access := "private"
	if d.Public {
		access = "public: anybody may read"
	}
	producer := "the owner"
	if d.Producer != d.Owner {
		producer = a.whoFull(d.Producer)
	}
	a.columns([][]string{
		{"ledger", id(d.Ledger)},
		{"owner", a.whoFull(d.Owner)},
		{"producer", producer},
		{"directory", fmt.Sprintf("block #%d %s, %s, engine %d", d.Number, d.Block.Short(), date(d.Time), d.Engine)},
		{"rules", access + "; " + rule(d.Threshold)},
	})
	all := c.Bool("all") || len(d.Identities)+len(d.Grants)+len(d.Branches)+len(d.Tags)+len(d.Peers) <= fitting
	show := section{a, all, "SELECT * FROM dd."}
	show.list("identities", foremost(d.Identities, all, func(i dd.Identity) []int64 { return []int64{-i.Added} }), len(d.Identities), func(n int) ([]string, string) {
		i := d.Identities[n]
		return []string{clean(i.Name), string(i.Account)}, ""
	})
	show.list("grants", foremost(d.Grants, all, rankGrant), len(d.Grants), func(n int) ([]string, string) {
		g := d.Grants[n]
		return []string{a.who(g.Account), string(g.Role), clean(g.Pattern), "by " + a.who(g.By), date(timeOf(g.Since))}, ""
	})
	show.list("branches", foremost(d.Branches, all, rankBranch), len(d.Branches), func(n int) ([]string, string) {
		return a.directoryBranch(d.Branches[n])
	})
	show.list("tags", foremost(d.Tags, all, func(t repo.Tag) []int64 { return []int64{-t.Time.UnixMilli()} }), len(d.Tags), func(n int) ([]string, string) {
		t := d.Tags[n]
		return []string{clean(t.Name), t.Block.Short(), a.who(t.Tagger), date(t.Time), clean(t.Message)}, ""
	})
	show.list("peers", foremost(d.Peers, all, func(p dd.Peer) []int64 { return []int64{-p.Since} }), len(d.Peers), func(n int) ([]string, string) {
		return a.peerLine(d.Peers[n]), ""
	})
	a.unusual(d.Notices, c.Bool("all"))
	return nil
}

func rule(threshold uint64) string {
	if threshold == 1 {
		return "1 admin decides root matters"
	}
	return strconv.FormatUint(threshold, 10) + " admins decide root matters"
}

// foremost gives the places of the first lines of a list by rank, lowest first,
// in the order of the list; of all of them where they are few.
func foremost[T any](list []T, all bool, rank func(T) []int64) []int {
	places := make([]int, len(list))
	for i := range places {
		places[i] = i
	}
	if all || len(list) <= screenful {
		return places
	}
	slices.SortStableFunc(places, func(x, y int) int { return slices.Compare(rank(list[x]), rank(list[y])) })
	places = places[:screenful-1]
	slices.Sort(places)
	return places
}

// rankGrant puts who rules first, then the mightier role, the wider pattern and
// what is new.
func rankGrant(g dd.RoleRecord) []int64 {
	role := slices.Index([]dd.Role{dd.Admin, dd.Producer, dd.Writer, dd.Reader}, g.Role)
	wide := cmp.Compare(1, len(g.Pattern)) // "*" before all others
	return []int64{int64(-wide), int64(role), -g.Since}
}

// rankBranch puts main first, then what is protected, what is here, and what was
// published or registered last.
func rankBranch(b repo.DirectoryBranch) []int64 {
	last := b.Registered
	if b.Statement != nil {
		last = max(last, b.Statement.Time)
	}
	no := func(is bool) int64 {
		if is {
			return 0
		}
		return 1
	}
	return []int64{no(b.Name == "main"), no(b.Protection != nil), no(b.Local != ""), no(b.Statement != nil), -last}
}

// section prints lists under headings.
type section struct {
	*app
	all   bool
	query string // that gives all of a list, up to the list's name
}

// list prints the lines at some places of a list of n, each with what stands
// below it, and how many there are besides.
func (s section) list(title string, places []int, n int, line func(i int) (cells []string, below string)) {
	if n == 0 {
		return
	}
	s.say("%s", title)
	lines, below := make([][]string, len(places)), map[int]string{}
	for i, place := range places {
		lines[i], below[i] = line(place)
		lines[i][0] = "  " + lines[i][0]
	}
	s.columnsAnd(lines, below)
	if left := n - len(places); left > 0 {
		s.say("  … and %s more: aergo query \"%s%s\"", grouped(left), s.query, title)
	}
}

func (a *app) directoryBranch(b repo.DirectoryBranch) (cells []string, below string) {
	head := "not here"
	if b.Local != "" {
		head = b.Head.Short() + "  #" + strconv.FormatUint(b.Number, 10)
	}
	state := "not published yet"
	if st := b.Statement; st != nil {
		state = fmt.Sprintf("published %s as %d until %s", st.Block.Short(), st.Sequence, date(timeOf(st.Expiry)))
	}
	if p := repo.ProtectionOf(b.Branch); p != nil {
		below = "protected: " + strings.TrimSuffix(a.protection(repo.Branch{Policy: b.Policy, Protection: p}), ", producer "+a.who(b.Producer))
	}
	return []string{clean(b.Name), head, "producer " + a.who(b.Producer), state}, below
}

// unusual prints what somebody should look at.
func (a *app) unusual(list []repo.Notice, all bool) {
	if len(list) == 0 {
		return
	}
	a.say("unusual")
	left := 0
	if !all && len(list) > screenful {
		left = len(list) - screenful + 1
		list = list[:screenful-1]
	}
	for _, n := range list {
		code := ""
		if n.Code != "" {
			code = n.Code + " "
		}
		a.say("  %s %s%s", a.paint("33", "!"), code, clean(n.Text))
		if n.Next != "" {
			a.say("    %s", clean(n.Next))
		}
	}
	if left > 0 {
		a.say("  … and %s more: aergo dd show --all", grouped(left))
	}
}
