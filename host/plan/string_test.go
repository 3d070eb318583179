package plan

import "testing"

func TestSecretsAreNotShown(t *testing.T) {
	for config, want := range map[string]string{
		`{"b":1,"a":2}`: `{"b":1,"a":2}`,
		`{"sasl":{"username":"u","password":"hunter2"},"list":[{"api_token":"t"}]}`: `{"list":[{"api_token":"(hidden)"}],"sasl":{"password":"(hidden)","username":"u"}}`,
		`{"password_file":"p","password_env":"E"}`:                                  `{"password_file":"p","password_env":"E"}`,
	} {
		if got := string(hideSecrets([]byte(config))); got != want {
			t.Errorf("%s is shown as %s, want %s", config, got, want)
		}
	}
}
