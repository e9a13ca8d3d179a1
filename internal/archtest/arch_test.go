// Package archtest holds the rules of the house as tests: which package may
// import which, and what an exported signature may name.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/aergo-git/aergo-git/"

// allowed lists, for each package, the packages of ours that it may import.
// internal/fault is open to all. A package that is not listed fails the test:
// a new room gets its place here first.
var allowed = map[string]string{
	"internal/fault":        "",
	"internal/wire":         "",
	"internal/sign":         "internal/wire",
	"objectstore":           "internal/wire",
	"objectstore/storetest": "objectstore internal/wire",
	"internal/prolly":       "internal/wire objectstore",
	"internal/sqlite":       "",
	"internal/aergosql":     "",
	"internal/sqlfunc":      "internal/sqlite",
	"internal/ledgertest":   "internal/sign",
	"internal/slt":          "",
	"branch":                "internal/wire internal/sign objectstore",
	"dd":                    "internal/wire internal/sign internal/prolly objectstore",
	"sqlcontract":           "internal/aergosql internal/sqlfunc internal/wire internal/prolly internal/sqlite internal/sign objectstore",
	"merge":                 "internal/wire internal/prolly sqlcontract branch objectstore",
	"repo":                  "merge branch sqlcontract dd internal/prolly internal/sign internal/wire objectstore",
	"internal/sqltest":      "repo sqlcontract internal/aergosql objectstore",
	"internal/importer":     "repo sqlcontract internal/aergosql internal/sqlite",
	"sqldriver":             "repo sqlcontract",
	"internal/cli":          "*",
	"cmd/aergo-git":         "internal/cli",
	"cmd/aergo":             "internal/cli",
	"bench":                 "*",
}

// files yields every Go file of the module that is not a test, with its
// package's path inside the module. It reads the tree in this process: a test
// that shells out would be cached over changes.
func files(t *testing.T) map[string][]*ast.File {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]*ast.File{}
	set := token.NewFileSet()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if name := d.Name(); rel != "." && (strings.HasPrefix(name, ".") || name == "testdata") || rel == "examples" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		found[dir] = append(found[dir], f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 5 {
		t.Fatalf("found %d packages only: this test reads the wrong tree", len(found))
	}
	return found
}

func TestImportDirection(t *testing.T) {
	for pkg, list := range files(t) {
		rule, ok := allowed[pkg]
		if !ok {
			t.Errorf("package %s has no place in the house yet: add it to allowed", pkg)
			continue
		}
		may := map[string]bool{"internal/fault": true}
		for _, p := range strings.Fields(rule) {
			may[p] = true
		}
		for _, f := range list {
			for _, imp := range f.Imports {
				path, err := strconv.Unquote(imp.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				if path == "C" {
					t.Errorf("%s imports C: the binary is free of cgo", pkg)
				}
				if rest, ours := strings.CutPrefix(path, module); ours && !may["*"] && !may[rest] {
					t.Errorf("%s imports %s, which the house does not allow", pkg, rest)
				}
			}
		}
	}
}

// TestExportedSignaturesNameNoInternalType holds that a program outside this
// module can name every type that the public packages hand out.
func TestExportedSignaturesNameNoInternalType(t *testing.T) {
	public := []string{"objectstore", "branch", "dd", "sqlcontract", "merge", "repo", "sqldriver"}
	all := files(t)
	for _, pkg := range public {
		for _, f := range all[pkg] {
			internal := map[string]string{}
			for _, imp := range f.Imports {
				path, _ := strconv.Unquote(imp.Path.Value)
				if rest, ok := strings.CutPrefix(path, module+"internal/"); ok {
					name := filepath.Base(rest)
					if imp.Name != nil {
						name = imp.Name.Name
					}
					internal[name] = rest
				}
			}
			report := func(what string, n ast.Node) {
				ast.Inspect(n, func(n ast.Node) bool {
					if sel, ok := n.(*ast.SelectorExpr); ok {
						if id, ok := sel.X.(*ast.Ident); ok && internal[id.Name] != "" && !excused[what] {
							t.Errorf("%s: %s names %s.%s of an internal package", pkg, what, id.Name, sel.Sel.Name)
						}
					}
					return true
				})
			}
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Name.IsExported() && exportedReceiver(d) {
						report(d.Name.Name, d.Type)
					}
				case *ast.GenDecl:
					for _, s := range d.Specs {
						ts, ok := s.(*ast.TypeSpec)
						if !ok || !ts.Name.IsExported() {
							continue
						}
						if st, ok := ts.Type.(*ast.StructType); ok {
							for _, field := range st.Fields.List {
								for _, n := range field.Names {
									if n.IsExported() {
										report(ts.Name.Name+"."+n.Name, field.Type)
									}
								}
							}
							continue
						}
						report(ts.Name.Name, ts.Type)
					}
				}
			}
		}
	}
}

// excused are fields whose internal type behaves as the plain map it is.
var excused = map[string]bool{"Header.Extensions": true, "Genesis.Extensions": true}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	name := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return ast.IsExported(name)
}

// TestSizes keeps rooms readable: a file over 600 lines is two ideas.
func TestSizes(t *testing.T) {
	root, _ := filepath.Abs("../..")
	var long []string
	for _, dir := range []string{"repo", "branch", "dd", "merge", "sqlcontract", "objectstore", "sqldriver", "internal", "cmd"} {
		_ = filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			b, err := os.ReadFile(path)
			if err == nil && strings.Count(string(b), "\n") > 600 {
				rel, _ := filepath.Rel(root, path)
				long = append(long, rel)
			}
			return nil
		})
	}
	sort.Strings(long)
	if len(long) > 0 {
		t.Errorf("files over 600 lines: %s", strings.Join(long, " "))
	}
}
