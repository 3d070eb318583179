package localbroker

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Version is that of Apache Kafka. 4.3.0 and 4.3.1 are no good for tests that kill
// the broker: a transaction whose commit was under way then may stay open on its
// partitions for ever, though its coordinator calls it complete (KAFKA-20734).
const Version = "4.2.1"

//go:embed pom.xml
var pom []byte

const (
	installLimit    = 10 * time.Minute
	installAttempts = 3
	lockRetry       = 100 * time.Millisecond
)

// installation is what all brokers of this user share: the jars, an archive of
// loaded classes, and storage that is formatted already. It is never changed
// once it stands.
type installation struct {
	java      string
	libraries string // folder of the jars
	archive   string // empty = none
	formatted string // folder
}

const javaAdvice = "a broker of Apache Kafka needs Java 17 or later: apt-get install openjdk-17-jre-headless " +
	"(macOS: brew install openjdk), or name a broker of your own in " + AddressesVariable

const mavenAdvice = "the jars of Apache Kafka come by Maven: apt-get install maven " +
	"(macOS: brew install maven), or name a broker of your own in " + AddressesVariable

// install finds the installation in the user's cache folder, or makes it. Of
// several processes one makes it, and the others wait.
func install(ctx context.Context) (*installation, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("localbroker: java is not installed: %s", javaAdvice)
	}
	if java, err = filepath.EvalSymlinks(java); err != nil {
		return nil, fmt.Errorf("localbroker: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("localbroker: %w", err)
	}
	digest := sha256.Sum256(pom)
	folder := filepath.Join(cache, "turgo", "kafka-"+Version+"-"+hex.EncodeToString(digest[:4]))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("localbroker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, installLimit)
	defer cancel()
	lock, err := lockFile(ctx, filepath.Join(folder, "lock"))
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	in := &installation{java: java, libraries: filepath.Join(folder, "lib")}
	if err := onceAs(in.libraries, func(folder string) error { return fetchJars(ctx, folder) }); err != nil {
		return nil, err
	}
	prepared, err := preparedName(java)
	if err != nil {
		return nil, err
	}
	prepared = filepath.Join(folder, prepared)
	if err := onceAs(prepared, func(folder string) error { return prepare(ctx, in, folder) }); err != nil {
		return nil, err
	}
	in.formatted = filepath.Join(prepared, formattedName)
	if archive := filepath.Join(prepared, archiveName); exists(archive) {
		in.archive = archive
	}
	return in, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// lockFile takes the lock of a file, which ends with the file or the process.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("localbroker: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("localbroker: lock %s: %w", path, err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("localbroker: another process holds %s: %w", path, context.Cause(ctx)), file.Close())
		case <-time.After(lockRetry):
		}
	}
}

// onceAs makes a folder, whole or not at all; one that exists is left as it is.
func onceAs(folder string, make func(folder string) error) (err error) {
	if exists(folder) {
		return nil
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(folder), "unfinished-")
	if err != nil {
		return fmt.Errorf("localbroker: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(unfinished)) }()
	content := filepath.Join(unfinished, "content")
	if err := os.Mkdir(content, 0o755); err != nil {
		return fmt.Errorf("localbroker: %w", err)
	}
	if err := make(content); err != nil {
		return err
	}
	if err := os.Rename(content, folder); err != nil {
		return fmt.Errorf("localbroker: %w", err)
	}
	return nil
}

// fetchJars has Maven copy all jars into the folder.
func fetchJars(ctx context.Context, folder string) error {
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("localbroker: maven is not installed: %s", mavenAdvice)
	}
	project, err := os.MkdirTemp("", "turgo-kafka-pom-")
	if err != nil {
		return fmt.Errorf("localbroker: %w", err)
	}
	defer os.RemoveAll(project)
	file := filepath.Join(project, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return fmt.Errorf("localbroker: %w", err)
	}
	for attempt := 1; ; attempt++ {
		command := exec.CommandContext(ctx, maven, "-q", "-B", "-f", file, "dependency:copy-dependencies",
			"-DoutputDirectory="+folder, "-DincludeScope=runtime")
		command.WaitDelay = time.Second
		output, err := command.CombinedOutput()
		if err == nil {
			return nil
		}
		if attempt == installAttempts || ctx.Err() != nil {
			return fmt.Errorf("localbroker: fetch Apache Kafka %s: mvn: %w: %s", Version, err, lastLines(output))
		}
	}
}

// preparedName names what belongs to one Java: an archive of classes serves only
// the one that wrote it.
func preparedName(java string) (string, error) {
	info, err := os.Stat(java)
	if err != nil {
		return "", fmt.Errorf("localbroker: %w", err)
	}
	digest := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", java, info.Size(), info.ModTime().UnixNano()))
	return "prepared-" + hex.EncodeToString(digest[:4]), nil
}

const (
	archiveName   = "kafka.jsa"
	formattedName = "formatted"
)

// prepare formats storage, and runs one broker on it that leaves the archive of
// classes as it ends.
func prepare(ctx context.Context, in *installation, folder string) error {
	b, err := newBroker(Options{}, in)
	if err != nil {
		return err
	}
	b.archiveTo = filepath.Join(folder, archiveName)
	if err := b.format(ctx); err != nil {
		return errors.Join(err, b.Close())
	}
	if err := os.CopyFS(filepath.Join(folder, formattedName), os.DirFS(b.data())); err != nil {
		return errors.Join(fmt.Errorf("localbroker: %w", err), b.Close())
	}
	return errors.Join(b.run(ctx), b.Close())
}

// classPath names all jars, in one order: the archive of classes depends on it.
func (in *installation) classPath() (string, error) {
	jars, err := filepath.Glob(filepath.Join(in.libraries, "*.jar"))
	if err != nil || len(jars) == 0 {
		return "", errors.Join(fmt.Errorf("localbroker: no jars in %s: remove the folder, they are fetched again", in.libraries), err)
	}
	return strings.Join(jars, string(os.PathListSeparator)), nil
}

const tailLines = 20

// lastLines is the end of a log, for an error.
func lastLines(log []byte) string {
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-tailLines):], []byte("\n")))
}
