package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParamsKeepTheirMeaning holds what must be true of params that a decoder takes: the same members in another order and
// without white space mean the same, and one member more or the same member twice is refused by its name.
func FuzzParamsKeepTheirMeaning(f *testing.F) {
	for _, text := range paramsCorpus {
		f.Add([]byte(text))
	}
	for _, text := range []string{
		`{"timeout":1e-9,"name":"\u0061","args":["\ud800"],"size":0.1,"memlim":9007199254740993}`,
		`{"jobs":[{"args":[""," "],"name":" ","params":{"b": 1,"a" :[ ]}}]}`,
		`{"protocol":1.0,"latency":1E2,"grace":null,"name":"<&>\u2028"}`,
		`{"limit":10e-1,"after":9223372036854775807,"category":"c","name":"n","reason":"oom","state":null,"task":4}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var members map[string]json.RawMessage
		if !utf8.Valid(data) || json.Unmarshal(data, &members) != nil || members == nil {
			return
		}
		for method, decode := range decoders {
			if value, err := decode(data); err == nil {
				checkMeaning(t, method, data, members, value)
			}
		}
	})
}

func checkMeaning(t *testing.T, method string, data []byte, members map[string]json.RawMessage, value any) {
	t.Helper()
	sorted := encodeMembers(t, members)
	again, err := decoders[method](sorted)
	if err != nil || !reflect.DeepEqual(value, again) {
		t.Fatalf("%s: %q is %+v, but %q is %+v, %v", method, data, value, sorted, again, err)
	}
	const unknown = `"unknown to all":0`
	refuse(t, method, withMember(sorted, unknown), "unknown to all")
	for name, raw := range members {
		key, _ := json.Marshal(name)
		refuse(t, method, withMember(sorted, string(key)+":"+string(raw)), name)
	}
}

// encodeMembers gives them in the order of their names.
func encodeMembers(t *testing.T, members map[string]json.RawMessage) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(members); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// withMember puts a member at the end of an object.
func withMember(object []byte, member string) []byte {
	if open := bytes.TrimSuffix(object, []byte("}")); len(open) > 1 {
		return append(append(bytes.Clone(open), ','), member+"}"...)
	}
	return []byte("{" + member + "}")
}

// refuse wants an error about the named field.
func refuse(t *testing.T, method string, data []byte, field string) {
	t.Helper()
	_, err := decoders[method](data)
	if err == nil || err.Code != CodeInvalidParams || !strings.HasSuffix(err.Field, field) {
		t.Fatalf("%s: %q gives %+v, not an error about %s", method, data, err, field)
	}
}
