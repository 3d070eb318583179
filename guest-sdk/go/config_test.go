package turgo

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestAConfigIsReadByType(t *testing.T) {
	c, err := parseObject([]byte(` {"text": "a\u00e9\ud83d\ude00\n\"", "n": -7, "f": 1.5e3, "yes": true, "none": null,
		"list": ["x", "y\/z"], "in": {"deep": {"er": 3}}, "raw": [1, {"a": [true]}]} `))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.String("text", ""); got != "a\u00e9\U0001F600\n\"" {
		t.Errorf("text is %q", got)
	}
	if got := c.Int64("n", 0); got != -7 {
		t.Errorf("n is %d", got)
	}
	if got := c.Float64("f", 0); got != 1500 {
		t.Errorf("f is %v", got)
	}
	if !c.Bool("yes", false) || !c.Bool("none", true) || c.Int64("missing", 5) != 5 {
		t.Error("yes, none or missing is wrong")
	}
	if got := c.Strings("list"); !slices.Equal(got, []string{"x", "y/z"}) {
		t.Errorf("list is %q", got)
	}
	if got := c.Object("in").Object("deep").Int64("er", 0); got != 3 {
		t.Errorf("in.deep.er is %d", got)
	}
	if got := string(c.JSON("raw")); got != `[1, {"a": [true]}]` {
		t.Errorf("raw is %s", got)
	}
	if err := c.Err(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongInAConfigIsNamed(t *testing.T) {
	for config, want := range map[string]string{
		`{"n": "7"}`:               "n must be a whole number",
		`{"n": 1.5}`:               "n must be a whole number",
		`{"m": 1}`:                 "m is not known",
		`{"in": []}`:               "in must be an object",
		`{"in": {"er": true}}`:     "in.er must be text",
		`{"in": {"x": 1}, "n": 1}`: "in.x is not known",
	} {
		c, err := parseObject([]byte(config))
		if err != nil {
			t.Fatal(err)
		}
		c.Int64("n", 0)
		in := c.Object("in")
		in.String("er", "")
		err = c.Err()
		if err == nil {
			err = in.Err()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", config, err, want)
		}
	}
}

// Whatever encoding/json accepts as an object, the SDK's reader accepts, with
// the same texts; and it never panics.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":"b"}`, `{"a":[1,2,{"b":null}],"c":"\u0041\ud800"}`, `{"a":1,}`, `{"a" 1}`, `{"\"":"\\"}`, `[`, `{"a":"`, `{"a":-}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseObject(data)
		var want map[string]json.RawMessage
		if json.Unmarshal(data, &want) != nil || want == nil {
			return
		}
		if err != nil {
			if strings.Count(string(data), "[")+strings.Count(string(data), "{") < jsonDepthMax {
				t.Fatalf("%q is refused: %v", data, err)
			}
			return
		}
		for name, value := range want {
			var text string
			if json.Unmarshal(value, &text) != nil || string(value) == "null" {
				continue
			}
			// The last of fields with one name counts there, the first here.
			if got := c.String(name, ""); got != text && strings.Count(string(data), ":") <= 1 && isPlain(data) {
				t.Fatalf("%q: %s is %q, want %q", data, name, got, text)
			}
		}
	})
}

// isPlain tells that the data has no bytes that encoding/json replaces.
func isPlain(data []byte) bool {
	for _, c := range data {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
