package native_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/wire"
	"github.com/turgo-stream/turgo/host/native"
)

// roleVariable makes this test program a host of its own: one that prints
// through the stdout sink, or one that reads until it is killed.
const roleVariable = "TURGO_TEST_ROLE"

func playHost(role string) int {
	launcher := &native.Launcher{Builtins: served()}
	defer launcher.Close()
	play := map[string]func(*native.Launcher) error{"prints": playPrinter, "reads": playReader}[role]
	if err := play(launcher); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func playPrinter(launcher *native.Launcher) error {
	ctx := context.Background()
	sink, err := launcher.Sink(ctx, "stdout", native.PlacementProcess)
	if err != nil {
		return err
	}
	defer sink.Close()
	if _, err := sink.Open(ctx, connectors.Config{UID: "out", Settings: json.RawMessage(`{"format":"key_value"}`)}); err != nil {
		return err
	}
	writer, err := sink.OpenWriter(ctx, 0)
	if err != nil {
		return err
	}
	defer writer.Close()
	for range 1000 {
		if err := writer.Write(ctx, batchOf("hello", "world")); err != nil {
			return err
		}
	}
	_, err = writer.Prepare(ctx, 1)
	return err
}

func playReader(launcher *native.Launcher) error {
	ctx := context.Background()
	source, err := launcher.Source(ctx, "steps", native.PlacementProcess)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := source.Open(ctx, connectors.Config{}); err != nil {
		return err
	}
	reader, err := source.OpenReader(ctx, 0)
	if err != nil {
		return err
	}
	if err := reader.Assign(ctx, []connectors.Assignment{{Split: connectors.Split{ID: "only"}}}); err != nil {
		return err
	}
	for told := false; ; {
		pid, _, err := nextStep(reader)
		if err != nil {
			return err
		}
		if !told {
			fmt.Println(pid)
			told = true
		}
	}
}

func hostCommand(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path)
	command.Env = append(os.Environ(), roleVariable+"="+role)
	command.Stderr = os.Stderr
	return command
}

// What the stdout sink writes in its own process is the host's standard output.
func TestStdoutReachesTheHost(t *testing.T) {
	output, err := hostCommand(t, "prints").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("0\thello\n1\tworld\n", 1000); string(output) != want {
		t.Errorf("%d bytes, want %d: %.60q", len(output), len(want), output)
	}
}

// A host that is killed takes its connectors with it.
func TestNoOrphans(t *testing.T) {
	host := hostCommand(t, "reads")
	output, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(line, &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the connector's process %d: %v", pid, err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	host.Wait()
	eventually(t, "the connector's process ends", func() bool { return ended(pid) })
}

// ended reports whether a process is gone, or a corpse that nobody has buried.
func ended(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// The lifeline alone ends a connector's process, where the kernel does not.
func TestLifeline(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path)
	command.Env = []string{
		wire.Handshake.MagicCookieKey + "=" + wire.Handshake.MagicCookieValue,
		wire.EnvironmentName + "=steps", wire.EnvironmentLifeline + "=3", "PLUGIN_PROTOCOL_VERSIONS=1",
		"TMPDIR=" + t.TempDir(),
	}
	command.ExtraFiles = []*os.File{read}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	read.Close()
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "1|1|unix|") {
		t.Fatalf("handshake %q, %v", line, err)
	}
	if err := syscall.Kill(command.Process.Pid, syscall.SIGINT); err != nil { // Ctrl-C is the host's
		t.Fatal(err)
	}
	write.Close()
	done := make(chan error, 1)
	go func() { done <- command.Wait() }()
	select {
	case err := <-done:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		command.Process.Kill()
		t.Error("it outlives its host")
	}
}

// copyProgram makes this test program a connector of its own, in a plugin folder.
func copyProgram(t *testing.T, folder, name, environment string) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(folder, name, "bin", "program")
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, program, 0o700); err != nil {
		t.Fatal(err)
	}
	manifest := fmt.Sprintf(`{"name":%q,"version":"1","executable":"bin/program","sha256":%q,"source":true,"environment":[%q]}`, name, sha256Of(t, target), environment)
	if err := os.WriteFile(filepath.Join(folder, name, native.ManifestName), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
}

// An executable of its own works as a built-in does, and gets no more of the
// host's environment than its manifest names.
func TestExternalConnector(t *testing.T) {
	t.Setenv("TURGO_TEST_WANTED", "wanted")
	t.Setenv("TURGO_TEST_SECRET", "secret")
	t.Setenv(connectors.SecretPrefix+"TEST", "secret")
	folder := t.TempDir()
	copyProgram(t, folder, "environment", "TURGO_TEST_WANTED")
	launcher := &native.Launcher{Folder: folder}
	t.Cleanup(func() { launcher.Close() })
	if names := launcher.Names(); !slices.Equal(names, []string{"environment"}) {
		t.Errorf("names: %q", names)
	}
	ctx := context.Background()
	source, err := launcher.Source(ctx, "environment", native.PlacementProcess)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if err := source.Open(ctx, connectors.Config{}); err != nil {
		t.Fatal(err)
	}
	splits, _, err := source.Discover(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, split := range splits {
		seen = append(seen, split.ID)
	}
	if !slices.Contains(seen, "TURGO_TEST_WANTED=wanted") {
		t.Errorf("the variable of the manifest is missing in %q", seen)
	}
	for _, variable := range seen {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "TURGO_CONNECTOR") && !strings.HasPrefix(name, "PLUGIN_") && !slices.Contains([]string{"TURGO_TEST_WANTED", "LANG", "TMPDIR", "TZ"}, name) {
			t.Errorf("the process sees %s", variable)
		}
	}
	if _, err := launcher.Source(ctx, "environment", native.PlacementHost); err == nil {
		t.Error("an executable was placed in the host")
	}
	if _, err := launcher.Sink(ctx, "environment", native.PlacementProcess); err == nil {
		t.Error("a source was taken for a sink")
	}
}

// A built-in connector gets the secrets that job files may name, and no more.
func TestBuiltinConnectorSeesSecrets(t *testing.T) {
	t.Setenv("TURGO_TEST_OTHER", "other")
	t.Setenv(connectors.SecretPrefix+"TEST", "secret")
	launcher := &native.Launcher{Builtins: served()}
	t.Cleanup(func() { launcher.Close() })
	ctx := context.Background()
	source, err := launcher.Source(ctx, "environment", native.PlacementProcess)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	splits, _, err := source.Discover(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, split := range splits {
		found = found || split.ID == connectors.SecretPrefix+"TEST=secret"
		if strings.HasPrefix(split.ID, "TURGO_TEST_OTHER") {
			t.Errorf("the process sees %s", split.ID)
		}
	}
	if !found {
		t.Error("the process does not see the secret")
	}
}

// environment is a source whose splits are what its process sees of the environment.
type environment struct{ steps }

func (e *environment) Discover(context.Context) ([]connectors.Split, bool, error) {
	var splits []connectors.Split
	for _, variable := range os.Environ() {
		splits = append(splits, connectors.Split{ID: variable})
	}
	return splits, true, nil
}

func TestBadManifests(t *testing.T) {
	sum := strings.Repeat("0", 64)
	cases := []struct{ manifest, want string }{
		{`{`, "unexpected EOF"},
		{`{"name":"x","colour":1}`, "colour"},
		{`{"name":"y","executable":"p","sha256":"` + sum + `","source":true}`, "is not the name of its folder"},
		{`{"name":"x","sha256":"` + sum + `","source":true}`, "executable"},
		{`{"name":"x","executable":"p","sha256":"12","source":true}`, "64 hex digits"},
		{`{"name":"x","executable":"p","sha256":"` + sum + `"}`, "source or sink"},
		{`{"name":"x","executable":"p","sha256":"` + sum + `","source":true}`, "no such file"},
		{`{"name":"` + strings.Repeat("x", 70<<10) + `"}`, "more than"},
	}
	for _, c := range cases {
		folder := t.TempDir()
		if err := os.Mkdir(filepath.Join(folder, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "x", native.ManifestName), []byte(c.manifest), 0o600); err != nil {
			t.Fatal(err)
		}
		launcher := &native.Launcher{Folder: folder}
		if _, err := launcher.Source(context.Background(), "x", native.PlacementProcess); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %v, want %q", c.manifest, err, c.want)
		}
	}
	launcher := &native.Launcher{Folder: t.TempDir()}
	var unknown *native.UnknownConnectorError
	for _, name := range []string{"", "../x", ".", "x/y"} {
		if _, err := launcher.Source(context.Background(), name, native.PlacementProcess); !errors.As(err, &unknown) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

// The connection is a socket in a folder that nobody else may enter.
func TestSocketIsPrivate(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	launcher := newLauncher(t)
	if _, err := launcher.Source(context.Background(), "steps", native.PlacementProcess); err != nil {
		t.Fatal(err)
	}
	sockets := 0
	err := filepath.WalkDir(temporary, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.Type()&os.ModeSocket == 0 {
			return err
		}
		sockets++
		info, err := os.Stat(filepath.Dir(path))
		if err == nil && info.Mode().Perm() != 0o700 {
			t.Errorf("folder of %s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil || sockets != 1 {
		t.Errorf("%d sockets, %v", sockets, err)
	}
	launcher.Close()
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A socket's path has room for few bytes: a folder for temporary files that is too
// deep does not stop a connector.
func TestSocketBelowADeepFolder(t *testing.T) {
	deep := filepath.Join(t.TempDir(), strings.Repeat("d", 100))
	if err := os.Mkdir(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", deep)
	if _, err := newLauncher(t).Source(context.Background(), "steps", native.PlacementProcess); err != nil {
		t.Fatal(err)
	}
}
