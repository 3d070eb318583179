package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// schemaField holds a JSON Schema, whose fields are its own.
const schemaField = "config_schema"

// knownFields are the fields of a description, by the field that holds the object.
var knownFields = map[string][]string{
	"":             {"abi", "sdk", "language", "requires", "operators"},
	"operators":    {"name", "inputs", "outputs", "states", "aggregations", "timers", "metrics", "assigns_timestamps", schemaField},
	"inputs":       {"name", "changes", "aggregation"},
	"outputs":      {"name"},
	"states":       {"name", "kind", "time_to_live_ms", "schema_version", "prefetch"},
	"aggregations": {"name", "time_to_live_ms", "schema_version"},
	"timers":       {"name", "domain"},
	"metrics":      {"name", "kind"},
}

// checkFields checks what decoding is lenient about: that the description is UTF-8,
// each field stands there once under exactly its name, and config_schema is an
// object. Reading it to the end has bounded how deep it is nested.
func checkFields(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("description is not UTF-8")
	}
	return exactObject(json.NewDecoder(bytes.NewReader(text)), "", "")
}

// exactObject reads a value. Where it is an object, or a list of them, their fields
// are those that the field holder has.
func exactObject(decoder *json.Decoder, holder, path string) error {
	open, err := decoder.Token()
	if err != nil {
		return err
	}
	switch open {
	case json.Delim('['):
		for decoder.More() {
			if err := exactObject(decoder, holder, path); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		if err := exactFields(decoder, holder, path); err != nil {
			return err
		}
	default:
		return nil
	}
	_, err = decoder.Token()
	return err
}

func exactFields(decoder *json.Decoder, holder, path string) error {
	known, seen := knownFields[holder], map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		at := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case seen[name]:
			return fmt.Errorf("field %s is there twice", cut(at))
		case !slices.Contains(known, name):
			return fmt.Errorf("field %s is not known: there are %q, written so", cut(at), known)
		}
		seen[name] = true
		if name == schemaField {
			err = isObject(decoder)
		} else {
			err = exactObject(decoder, name, at)
		}
		if err != nil {
			return err
		}
	}
	if holder == "operators" && (!seen["inputs"] || !seen["outputs"]) {
		return fmt.Errorf("one of the operators lacks inputs or outputs: both must be there, if only as an empty list of outputs")
	}
	return nil
}

func isObject(decoder *json.Decoder) error {
	var schema json.RawMessage
	if err := decoder.Decode(&schema); err != nil {
		return err
	}
	if len(schema) == 0 || schema[0] != '{' {
		return fmt.Errorf("%s is not an object: it is a JSON Schema", schemaField)
	}
	return nil
}
