package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

// letterFileBytesMax bounds a file with one letter.
const letterFileBytesMax = 256 << 20

// readLetterFile reads the first letter of a file that "turgo dlq export" or
// "turgo dlq show --json" wrote.
func readLetterFile(path string) (*letter.Letter, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > letterFileBytesMax {
		err = fmt.Errorf("%s has %d bytes, at most %d are read", path, info.Size(), letterFileBytesMax)
	}
	if err != nil {
		return nil, badInput(fmt.Errorf("--letter: %w", err))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, badInput(fmt.Errorf("--letter: %w", err))
	}
	l, err := parseLetter(data)
	if err != nil {
		return nil, badInput(fmt.Errorf("--letter: %s is no letter as \"turgo dlq export\" writes it: %w", path, err))
	}
	return l, nil
}

// parseLetter reads the JSON of a letter. Any bytes give a letter or an error.
func parseLetter(data []byte) (*letter.Letter, error) {
	var view letterView
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&view); err != nil {
		return nil, err
	}
	l := &letter.Letter{
		ID: view.ID, UID: view.UID, Kind: view.Kind, Input: view.Input, Module: view.Module, Entry: view.Entry, Error: view.Error,
		Attempts: view.Attempts, FirstMS: view.FirstMS, LastMS: view.LastMS, Watermark: view.Watermark,
		ProcessingTimeMS: view.ProcessingTimeMS, Subtask: view.Subtask, Parallelism: view.Parallelism,
		StateIncomplete: view.StateIncomplete, Edits: view.Edits, Seed: view.Seed,
	}
	if view.Timer != nil {
		l.Timer = *view.Timer
	}
	var err error
	if l.Record, err = parseBatch(view.Batch); err != nil {
		return nil, err
	}
	if len(l.Edits) > 0 {
		if l.Edits[0].Original, err = parseBatch(view.OriginalBatch); err != nil {
			return nil, err
		}
	}
	for i, s := range view.State {
		e := letter.StateEntry{State: s.State, Kind: s.Kind, Version: s.Version, ExpiresMS: s.ExpiresMS}
		if e.Value, err = bytesFromJSON(s.Value); err == nil && s.Key != nil {
			e.Key, err = bytesFromJSON(s.Key)
		}
		if err != nil {
			return nil, fmt.Errorf("state %d: %w", i, err)
		}
		l.State = append(l.State, e)
	}
	return l, nil
}

func parseBatch(data []byte) (record.Batch, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("it has no field batch")
	}
	return record.Parse(data)
}

// bytesFromJSON is the opposite of bytesJSON.
func bytesFromJSON(value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	case map[string]any:
		if text, ok := v["base64"].(string); ok {
			return base64.StdEncoding.DecodeString(text)
		}
	}
	return nil, fmt.Errorf("%v is neither null, text nor {\"base64\": …}", value)
}
