package connectors

import (
	"errors"
	"fmt"
	"testing"
)

func TestDecodeSettings(t *testing.T) {
	type settings struct {
		Name  string   `json:"name"`
		Count uint64   `json:"count"`
		List  []string `json:"list"`
		Inner struct {
			On bool `json:"on"`
		} `json:"inner"`
	}
	bad := []struct{ text, field, reason string }{
		{`{"nmae":"x"}`, "nmae", "unknown field"},
		{`{"name":5}`, "name", "number where a string is wanted"},
		{`{"count":-1}`, "count", "number -1 where a whole number in range is wanted"},
		{`{"list":"x"}`, "list", "string where a list is wanted"},
		{`{"inner":{"on":"yes"}}`, "inner.on", "string where a true or false is wanted"},
		{`{} {}`, "", "more than one JSON value"},
		{`{`, "", "unexpected EOF"},
	}
	for _, c := range bad {
		var into settings
		err := DecodeSettings(Config{Settings: []byte(c.text)}, &into)
		var config *ConfigError
		if !errors.As(err, &config) || config.Field != c.field || config.Reason != c.reason {
			t.Errorf("%s: %v, want %s: %s", c.text, err, c.field, c.reason)
		}
	}
	for _, text := range []string{"", " ", "null", "{}"} {
		into := settings{Name: "default"}
		if err := DecodeSettings(Config{Settings: []byte(text)}, &into); err != nil || into.Name != "default" {
			t.Errorf("%q: %v, %+v", text, err, into)
		}
	}
}

func TestRetryable(t *testing.T) {
	plain := errors.New("plain")
	retryable := fmt.Errorf("outer: %w", &RetryableError{Err: plain})
	if Retryable(plain) || Retryable(nil) || !Retryable(retryable) || !errors.Is(retryable, plain) {
		t.Error("what is retryable is not told apart")
	}
}
