package rpc

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// envelope is the message that the library sees for each line. It is always
// the same, as what matters goes past the library. Decoding it takes the
// library longer than everything else that is done for a small call, so it is
// decoded once and copied from then on.
type envelope struct {
	decoded reflect.Value // of the library's own type, which is not exported
}

// putInto sets *v, a message of the library, to the envelope.
func (e *envelope) putInto(v any) error {
	to := reflect.ValueOf(v)
	if e.decoded.IsValid() && to.Type() == e.decoded.Addr().Type() {
		to.Elem().Set(e.decoded)
		return nil
	}
	if err := json.Unmarshal([]byte(`{"id":0,"method":"line"}`), v); err != nil {
		return fmt.Errorf("preparing the envelope of a line: %w", err)
	}
	e.decoded = reflect.New(to.Type().Elem()).Elem()
	e.decoded.Set(to.Elem())
	return nil
}
