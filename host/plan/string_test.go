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

// An excerpt of the job file shows no secret, and its caret stays in place.
func TestExcerptsShowNoSecrets(t *testing.T) {
	for line, want := range map[string]string{
		`sasl: {username: u, password: "hunt\"er2", more: 1}`: `sasl: {username: u, password: ***********, more: 1}`,
		`password: hunter2`:                `password: *******`,
		`  api_token: 'hunter2' # note`:    `  api_token: ********* # note`,
		`{"Password":"hunter2"}`:           `{"Password":*********}`,
		`password_file: /run/secrets/file`: `password_file: /run/secrets/file`,
		`password: "hunter2`:               `password: ********`,
	} {
		if got := maskSecrets(line); got != want {
			t.Errorf("%s is shown as %s, want %s", line, got, want)
		}
	}
}
