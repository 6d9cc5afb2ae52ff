// Package expool holds the policy of the repository: which package may import what, and that the scheduler is pure. The
// sources are parsed in-process, so that the test cache sees every change of them.
package expool

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	jsonrpc2 = "github.com/sourcegraph/jsonrpc2"
	unix     = "golang.org/x/sys/unix"
	gopsutil = "github.com/shirou/gopsutil/v3/mem"
)

// policy is what each package may import besides the harmless part of the standard library: packages of ours, those that
// are effects (see effects), and others'. What is not here may not exist.
var policy = map[string][]string{
	"pool/sched":            {},
	"pool/proc":             {"os", "os/signal", "syscall", "unsafe", unix},
	"pool":                  {"os", "expool/numa", "expool/pool/mem", "expool/pool/sched", "expool/pool/proc"},
	"pool/mem":              {"os", "unsafe", gopsutil, unix},
	"sim":                   {"os", "math/rand/v2", "expool/pool/sched"},
	"rpc/wire":              {"unsafe"},
	"rpc":                   {"syscall", "expool/pool", "expool/pool/proc", "expool/pool/sched", "expool/rpc/wire", "expool/numa", jsonrpc2},
	"numa":                  {"os", unix},
	"cmd/expool-rpc":        {"os", "os/signal", "syscall", "expool/pool", "expool/pool/proc", "expool/rpc", "expool/rpc/wire", "expool/numa"},
	"torture":               {"os", "os/exec", "syscall", "unsafe", "math/rand/v2", unix},
	"bench/spawn/go":        {"os", "os/exec"},
	"bench/spawn/guardians": {"os", "expool/pool/proc"},
	"examples/go":           {"os", "os/signal", "syscall", "expool/pool", "expool/pool/sched"},
}

// effects are the packages of the standard library that a package of ours imports only if its policy says so.
var effects = []string{"os", "os/exec", "os/signal", "syscall", "net", "net/http", "plugin", "log", "unsafe", "math/rand", "math/rand/v2", "testing"}

// pure is what the scheduler may import at all.
var pure = []string{"cmp", "container/heap", "fmt", "math", "slices", "time"}

// impure are functions of those packages that a pure package may not use.
var impure = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"fmt":  {"Print", "Println", "Printf", "Scan", "Scanln", "Scanf"},
}

// sources gives the non-test files of each package, by its folder.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "tools" || d.Name() == "node_modules" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return filepath.SkipDir
		case strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go"):
			dir := filepath.ToSlash(filepath.Dir(file))
			found[dir] = append(found[dir], file)
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no sources found: %v", err)
	}
	return found
}

func parse(t *testing.T, fset *token.FileSet, files []string) []*ast.File {
	t.Helper()
	var parsed []*ast.File
	for _, file := range files {
		f, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	return parsed
}

func TestImportsFollowThePolicy(t *testing.T) {
	found := sources(t)
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		allowed, known := policy[dir]
		if !known {
			t.Errorf("%s has no policy: add it to the table, and to CONTRIBUTING.md", dir)
			continue
		}
		fset := token.NewFileSet()
		for _, f := range parse(t, fset, found[dir]) {
			for _, spec := range f.Imports {
				name, _ := strconv.Unquote(spec.Path.Value)
				if restricted(dir, name) && !slices.Contains(allowed, name) {
					t.Errorf("%v: %s may not import %s", fset.Position(spec.Pos()), dir, name)
				}
			}
		}
	}
	for dir := range policy {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("the policy names %s: %v", dir, err)
		}
	}
}

// restricted says that a package may import name only if its policy says so.
func restricted(dir, name string) bool {
	standard := !strings.Contains(strings.Split(name, "/")[0], ".") && !strings.HasPrefix(name, "expool/")
	if dir == "pool/sched" {
		return !slices.Contains(pure, name)
	}
	return !standard || slices.Contains(effects, name)
}

// serverFiles are the files of pool/proc that only the server's side needs; everything else may run in a guardian.
var serverFiles = []string{"family.go", "peer.go", "runner.go", "watch.go"}

// needsMonitor says that something comes in time only if the monitor of the Go runtime wakes up: a timer, or the deadline of a file.
func needsMonitor(s *ast.SelectorExpr) bool {
	if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
		return slices.Contains([]string{"Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}, s.Sel.Name)
	}
	return slices.Contains([]string{"SetDeadline", "SetReadDeadline", "SetWriteDeadline"}, s.Sel.Name)
}

// The monitor of a guardian sleeps long, see pool/proc/monitor.go.
func TestGuardiansUseNoTimersOfTheRuntime(t *testing.T) {
	fset, seen := token.NewFileSet(), 0
	files := sources(t)["pool/proc"]
	for i, f := range parse(t, fset, files) {
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok || !needsMonitor(s) {
				return true
			}
			seen++
			if !slices.Contains(serverFiles, path.Base(filepath.ToSlash(files[i]))) {
				t.Errorf("%v: a guardian may not use %s", fset.Position(n.Pos()), s.Sel.Name)
			}
			return true
		})
	}
	if seen == 0 {
		t.Error("the server's side has no timer either: what is looked for can't be right")
	}
}

func TestEachPackageSaysWhatItIsFor(t *testing.T) {
	found := sources(t)
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		text := ""
		for _, f := range parse(t, token.NewFileSet(), found[dir]) {
			text += f.Doc.Text()
		}
		for _, must := range []string{"import", "goroutine"} {
			if !strings.Contains(text, must) && dir != "rpc/wire" || text == "" {
				t.Errorf("the comment of package %s must tell what it is for, what it imports and who owns its goroutines; %q is not in it", dir, must)
			}
		}
	}
}

func TestTheSchedulerIsPure(t *testing.T) {
	fset := token.NewFileSet()
	files := parse(t, fset, sources(t)["pool/sched"])
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	if _, err := config.Check("expool/pool/sched", fset, files, info); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if why := impurity(n, info); why != "" {
				t.Errorf("%v: the scheduler %s", fset.Position(n.Pos()), why)
			}
			return true
		})
	}
}

// impurity says what makes a node impure; empty if nothing does.
func impurity(n ast.Node, info *types.Info) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "starts a goroutine"
	case *ast.SendStmt, *ast.SelectStmt, *ast.ChanType:
		return "uses a channel"
	case *ast.RangeStmt:
		if _, isMap := info.Types[n.X].Type.Underlying().(*types.Map); isMap {
			return "ranges over a map"
		}
	case *ast.Ident:
		obj := info.Uses[n]
		if obj != nil && obj.Pkg() != nil && slices.Contains(impure[path.Base(obj.Pkg().Path())], obj.Name()) && obj.Parent() == obj.Pkg().Scope() {
			return "uses " + obj.Pkg().Path() + "." + obj.Name()
		}
	}
	return ""
}
