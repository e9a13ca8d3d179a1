package cli

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aergo-git/aergo-git/dd"
	"github.com/aergo-git/aergo-git/repo"
)

func TestWhatStandsFirst(t *testing.T) {
	var grants []dd.RoleRecord
	for i := range 20 {
		grants = append(grants, dd.RoleRecord{Role: dd.Writer, Pattern: fmt.Sprint("r", i), Since: int64(i)})
	}
	grants[7] = dd.RoleRecord{Role: dd.Producer, Pattern: "eu/*"}
	grants[9] = dd.RoleRecord{Role: dd.Admin, Pattern: "eu/*"}
	grants[3] = dd.RoleRecord{Role: dd.Admin, Pattern: "*"}
	if got := foremost(grants, false, rankGrant); !slices.Equal(got, []int{3, 7, 9, 19}) {
		t.Errorf("grants %v", got)
	}
	if got := foremost(grants, true, rankGrant); len(got) != 20 {
		t.Errorf("all: %v", got)
	}
	if got := foremost(grants[:screenful], false, rankGrant); len(got) != screenful {
		t.Errorf("few: %v", got)
	}
	branches := make([]repo.DirectoryBranch, 20)
	for i := range branches {
		branches[i].Name, branches[i].Registered = fmt.Sprint("b", i), int64(i)
	}
	branches[4].Local = "b4"
	branches[11].Protection = &dd.Protection{}
	branches[15].Name = "main"
	if got := foremost(branches, false, rankBranch); !slices.Equal(got, []int{4, 11, 15, 19}) {
		t.Errorf("branches %v", got)
	}
}

func TestLongListsOnATerminal(t *testing.T) {
	list := make([]int, 3*longList)
	for i := range list {
		list[i] = i
	}
	app := &app{outTerminal: true}
	shown, left := fewer(app, nil, list[:longList], nil)
	if len(shown) != longList || left != 0 {
		t.Errorf("%d shown, %d left", len(shown), left)
	}
	app.outTerminal = false
	if shown, left = fewer(app, nil, list, nil); len(shown) != len(list) || left != 0 {
		t.Errorf("not on a terminal: %d shown, %d left", len(shown), left)
	}
}
