package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheCommandsOfTheReadme runs the shell and Python examples of README.md, in a folder with some files, and compares what
// they print with the text block that follows, if one does.
func TestTheCommandsOfTheReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```(sh|python)\n(.*?)^```(?:\n\n```text\n(.*?)^```)?")
	tried := 0
	for i, block := range blocks.FindAllStringSubmatch(string(text), -1) {
		language, code, want := block[1], block[2], block[3]
		if strings.HasPrefix(code, "make ") {
			continue // what runs this test
		}
		tried++
		t.Run(fmt.Sprintf("%s_%d", language, i+1), func(t *testing.T) {
			out := runExample(t, language, code)
			if want != "" && strings.TrimSpace(out) != strings.TrimSpace(want) {
				t.Errorf("want\n%s\ngot\n%s", want, out)
			}
		})
	}
	if tried < 3 {
		t.Errorf("only %d examples found", tried)
	}
}

func runExample(t *testing.T, language, code string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"a b.txt", "ä.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("text\n", 1000)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", code)
	if language == "python" {
		cmd = exec.Command("python3", "-c", code)
	}
	cmd.Dir = dir
	server, clients := serverOnPath(t), clientsFolder(t)
	cmd.Env = append(os.Environ(), "PATH="+server+":"+clients+"/shell:"+os.Getenv("PATH"), "LC_ALL=C.UTF-8",
		"EXPOOL_RPC="+server+"/expool-rpc", "PYTHONPATH="+clients+"/python/src")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func clientsFolder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../clients")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// serverOnPath gives a folder with a command expool-rpc.
func serverOnPath(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", serverVariable, self)
	if err := os.WriteFile(filepath.Join(dir, "expool-rpc"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
