package turgo

import (
	"errors"
	"strconv"
)

// Config reads a JSON object. Each getter takes what to return where the field
// is missing. What is wrong, and fields that nobody asked for, Err tells at the
// end, so that an operator checks once:
//
//	limit := c.Config.Int64("limit", 10)
//	return c.Config.Err()
type Config struct {
	path   string // of this object within the whole, with a dot at the end
	fields []configField
	parts  []*Config
	err    error
}

type configField struct {
	name  string
	value []byte // JSON
	asked bool
}

// parseObject reads the fields of a JSON object.
func parseObject(data []byte) (*Config, error) {
	c := &Config{}
	p := jsonReader{data: data}
	err := p.object(func(name string, value []byte) {
		c.fields = append(c.fields, configField{name: name, value: value})
	})
	if err == nil {
		err = p.end()
	}
	return c, err
}

// JSON is the field's value as JSON, nil where it is missing.
func (c *Config) JSON(name string) []byte {
	for i := range c.fields {
		if f := &c.fields[i]; f.name == name {
			f.asked = true
			if string(f.value) == "null" {
				return nil
			}
			return f.value
		}
	}
	return nil
}

// String is a field that holds text.
func (c *Config) String(name, missing string) string {
	value := c.JSON(name)
	if value == nil {
		return missing
	}
	text, err := readString(value)
	c.check(name, "text", err)
	return text
}

// Strings is a field that holds a list of texts.
func (c *Config) Strings(name string, missing ...string) []string {
	value := c.JSON(name)
	if value == nil {
		return missing
	}
	var texts []string
	p := jsonReader{data: value}
	err := p.array(func(element []byte) error {
		text, err := readString(element)
		texts = append(texts, text)
		return err
	})
	c.check(name, "a list of texts", err)
	return texts
}

// Int64 is a field that holds a whole number.
func (c *Config) Int64(name string, missing int64) int64 {
	value := c.JSON(name)
	if value == nil {
		return missing
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	c.check(name, "a whole number", err)
	return n
}

// Float64 is a field that holds a number.
func (c *Config) Float64(name string, missing float64) float64 {
	value := c.JSON(name)
	if value == nil {
		return missing
	}
	n, err := strconv.ParseFloat(string(value), 64)
	c.check(name, "a number", err)
	return n
}

// Bool is a field that is true or false.
func (c *Config) Bool(name string, missing bool) bool {
	switch value := c.JSON(name); {
	case value == nil:
		return missing
	case string(value) == "true":
		return true
	case string(value) != "false":
		c.check(name, "true or false", errJSON)
	}
	return false
}

// Object is a field that holds an object; empty where it is missing.
func (c *Config) Object(name string) *Config {
	part := &Config{}
	if value := c.JSON(name); value != nil {
		object, err := parseObject(value)
		c.check(name, "an object", err)
		part = object
	}
	part.path = c.path + name + "."
	c.parts = append(c.parts, part)
	return part
}

func (c *Config) check(name, want string, err error) {
	if err != nil && c.err == nil {
		c.err = errors.New("config: " + c.path + name + " must be " + want)
	}
}

// Err is the first thing that is wrong: a value of another type, or a field
// that was not asked for.
func (c *Config) Err() error {
	if c.err != nil {
		return c.err
	}
	for i := range c.fields {
		if f := &c.fields[i]; !f.asked {
			return errors.New("config: " + c.path + f.name + " is not known")
		}
	}
	for _, part := range c.parts {
		if err := part.Err(); err != nil {
			return err
		}
	}
	return nil
}
