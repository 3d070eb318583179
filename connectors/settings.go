package connectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// SecretPrefix begins the names of the environment variables that built-in
// connectors get from the host, so that secrets need not stand in job files.
const SecretPrefix = "TURGO_SECRET_"

// DecodeSettings reads a step's settings into the struct that into points to.
// An unknown field, a wrong type or trailing text is a *ConfigError.
func DecodeSettings(config Config, into any) error {
	settings := config.Settings
	if len(bytes.TrimSpace(settings)) == 0 || bytes.Equal(bytes.TrimSpace(settings), []byte("null")) {
		settings = json.RawMessage("{}")
	}
	decoder := json.NewDecoder(bytes.NewReader(settings))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return settingsError(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return &ConfigError{Reason: "more than one JSON value"}
	}
	return nil
}

func settingsError(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return &ConfigError{Field: wrongType.Field, Reason: fmt.Sprintf("%s where a %s is wanted", wrongType.Value, plainType(wrongType.Type.Kind().String()))}
	}
	if field, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		return &ConfigError{Field: strings.Trim(field, `"`), Reason: "unknown field"}
	}
	return &ConfigError{Reason: err.Error()}
}

// plainType names a Go kind as an author of a job file would.
func plainType(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "whole number in range"
	case strings.HasPrefix(kind, "float"):
		return "number"
	case kind == "bool":
		return "true or false"
	case kind == "slice", kind == "array":
		return "list"
	case kind == "struct", kind == "map":
		return "mapping"
	}
	return kind
}
