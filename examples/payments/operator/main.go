// Command operator is the module of the payments example: dedup lets each
// payment pass once, balance adds it to its account's running balance.
package main

import turgo "github.com/turgo-stream/turgo/guest-sdk/go"

func init() {
	turgo.Register("dedup", func() turgo.Operator { return new(dedup) })
	turgo.Register("balance", func() turgo.Operator { return new(balance) })
}

func main() {}
