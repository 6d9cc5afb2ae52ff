package rpc

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	answeredTwice = func(c *Call) { panic(fmt.Sprintf("%s with id %s was answered twice", c.Method, c.id)) }
	goleak.VerifyTestMain(m)
}
