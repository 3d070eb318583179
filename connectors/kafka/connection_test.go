package kafka

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/connectors"
)

// Secrets are taken from where they are, and printed nowhere.
func TestPasswords(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "password"), []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "empty"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(connectors.SecretPrefix+"KAFKA", "from environment")
	for _, c := range []struct {
		settings saslSettings
		want     string
		field    string
	}{
		{saslSettings{Password: "plain"}, "plain", ""},
		{saslSettings{PasswordFile: "password"}, "from file", ""},
		{saslSettings{PasswordFile: filepath.Join(folder, "password")}, "from file", ""},
		{saslSettings{PasswordFile: "empty"}, "", "sasl.password_file"},
		{saslSettings{PasswordFile: "nowhere"}, "", "sasl.password_file"},
		{saslSettings{PasswordEnv: connectors.SecretPrefix + "KAFKA"}, "from environment", ""},
		{saslSettings{PasswordEnv: connectors.SecretPrefix + "NONE"}, "", "sasl.password_env"},
	} {
		got, err := c.settings.password(folder)
		var wrong *connectors.ConfigError
		if got != c.want || (c.field != "") != errors.As(err, &wrong) || wrong != nil && wrong.Field != c.field {
			t.Errorf("%+v: %q, %v", c.settings, got, err)
		}
	}
	settings, err := readSourceSettings(connectors.Config{Settings: json.RawMessage(
		`{"brokers":["b:1"],"topics":["in"],"sasl":{"mechanism":"plain","username":"u","password":"hunter2"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{string(text), fmt.Sprintf("%v %+v %#v %s", settings.SASL, *settings.SASL, *settings.SASL, settings.SASL.Password)} {
		if strings.Contains(printed, "hunter2") {
			t.Errorf("the password is in %s", printed)
		}
	}
}

// What comes again and again is logged once in a while, with its count.
func TestARareLog(t *testing.T) {
	var l rareLog
	now := time.Unix(0, 0)
	said := 0
	for range 1000 {
		if _, say := l.due("away", now); say {
			said++
		}
		now = now.Add(50 * time.Millisecond)
	}
	if said != 5 {
		t.Errorf("said %d times in 50 s", said)
	}
	if _, say := l.due("other", now); !say {
		t.Error("another text is kept quiet")
	}
	now = now.Add(repeatInterval)
	if quiet, say := l.due("away", now); !say || quiet == 0 {
		t.Errorf("after a while: %d kept quiet, said %v", quiet, say)
	}
}

func TestUnsafeSettingsAreWarnedOf(t *testing.T) {
	for settings, want := range map[string]string{
		`"sasl":{"mechanism":"plain","username":"u","password":"hunter2"}`: "in clear text",
		`"tls":{"insecure":true}`: "accepts any certificate",
		`"tls":{},"sasl":{"mechanism":"plain","username":"u","password":"hunter2"}`: "",
		`"sasl":{"mechanism":"scram_sha_512","username":"u","password":"hunter2"}`:  "",
	} {
		log := captureLog(t)
		openSource(t, connectors.Config{UID: "in", Settings: json.RawMessage(`{"brokers":["b:1"],"topics":["in"],` + settings + `}`)})
		if got := log.text.String(); want == "" && got != "" || !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: logged %q, want %q", settings, got, want)
		}
	}
}
