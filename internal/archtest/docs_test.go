package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// documents yields the text of every page for people, by its path from the root
// of the module.
func documents(t *testing.T) map[string]string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	read := func(rel string) {
		b, err := os.ReadFile(filepath.Join(root, rel))
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.ToSlash(rel)] = string(b)
	}
	read("README.md")
	read("CHANGELOG.md")
	for _, dir := range []string{"docs", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".md") {
				rel, _ := filepath.Rel(root, path)
				read(rel)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 20 {
		t.Fatalf("found %d pages only: this test reads the wrong tree", len(found))
	}
	return found
}

var (
	codeBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```[ \t]*$")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	pageLink  = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
)

// TestLinksResolve holds that what a page links to inside this repository is
// there: the file or folder, and the heading if the link names one.
func TestLinksResolve(t *testing.T) {
	pages := documents(t)
	links := 0
	for page, text := range pages {
		text = codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(text, ""), "")
		for _, m := range pageLink.FindAllStringSubmatch(text, -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: the link %s cannot be read: %v", page, m[1], err)
				continue
			}
			if u.IsAbs() {
				continue
			}
			links++
			target := page
			if u.Path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(page), filepath.FromSlash(u.Path)))
			}
			if strings.HasPrefix(target, "../") || strings.HasPrefix(u.Path, "/") {
				t.Errorf("%s: the link %s leaves the repository", page, m[1])
				continue
			}
			if _, err := os.Stat(filepath.Join("../..", filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
				continue
			}
			if u.Fragment != "" && !hasHeading(pages[target], u.Fragment) {
				t.Errorf("%s: the link %s names a heading that is not there", page, m[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("found %d links only: this test misreads the pages", links)
	}
}

// hasHeading tells whether a page has a heading with this anchor, made as the
// usual viewers make it: small letters, digits, '-' and '_'; a blank is a '-'.
func hasHeading(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		got := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		if got == anchor {
			return true
		}
	}
	return false
}

// namedFile is a file of this module as pages name it, perhaps with a pattern.
var namedFile = regexp.MustCompile("`([a-z][a-z0-9_]*(?:/[A-Za-z0-9_*-]+)+\\.(?:go|txtar|json|sql|md))`")

// TestNamedFilesExist: a page that names a file names one that is there.
func TestNamedFilesExist(t *testing.T) {
	named := 0
	for page, text := range documents(t) {
		for _, m := range namedFile.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			named++
			found := false
			for _, from := range []string{"../..", "../../internal", filepath.Join("../..", filepath.Dir(page))} {
				list, err := filepath.Glob(filepath.Join(from, filepath.FromSlash(m[1])))
				found = found || err == nil && len(list) > 0
			}
			if !found {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("found %d names only: this test misreads the pages", named)
	}
}

// foreign are words of the workshop, not of the house: a page is for strangers,
// who have neither the machine it was written on nor the tracker.
var foreign = regexp.MustCompile(`(?i)` + strings.Join([]string{
	`(^|[^a-z0-9.])/(work|farm|root|home)\b`, `\bsessions?\b($|[^.]|\.( |$))`, `\bissue #`, `\bissue \d`,
	`\b(todo|fixme|tbd)\b`, `\b(chatgpt|copilot|claude|gemini|llms?|openai|anthropic|gpt-?\d*)\b`, `\bAI\b`,
}, "|"))

func TestPagesAreForStrangers(t *testing.T) {
	for page, text := range documents(t) {
		for i, line := range strings.Split(text, "\n") {
			if word := foreign.FindString(line); word != "" {
				t.Errorf("%s:%d: %q does not belong on a page for strangers", page, i+1, strings.TrimSpace(word))
			}
		}
	}
	for _, bad := range []string{"see /" + "work/x", "in this session,", "Issue #12", "made with ChatGPT"} {
		if !foreign.MatchString(bad) {
			t.Errorf("%q passes", bad)
		}
	}
	for _, good := range []string{"`.aergo/work/`", "`sqlcontract/session.go`", "obsession", "the framework/working tree"} {
		if foreign.MatchString(good) {
			t.Errorf("%q does not pass", good)
		}
	}
}

// TestPackagesAreDocumented holds that each package says in one comment what it
// is: "Package x …", for a program "Command x …".
func TestPackagesAreDocumented(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string][]string{} // folder -> comments
	names := map[string]string{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if name := d.Name(); rel != "." && strings.HasPrefix(name, ".") || name == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		var f *ast.File
		if f, err = parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments); err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		names[dir] = f.Name.Name
		if f.Doc != nil {
			docs[dir] = append(docs[dir], f.Doc.Text())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, name := range names {
		want := "Package " + name + " "
		if name == "main" {
			want = "Command " + filepath.Base(dir) + " "
		}
		switch list := docs[dir]; {
		case len(list) == 0:
			t.Errorf("%s has no package comment", dir)
		case len(list) > 1:
			t.Errorf("%s has %d package comments; one file says what it is", dir, len(list))
		case !strings.HasPrefix(list[0], want):
			t.Errorf("the comment of %s does not begin with %q", dir, want)
		}
	}
}
