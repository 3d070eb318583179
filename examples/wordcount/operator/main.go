// Command operator is the module of the word count: split cuts lines into words,
// count counts each word and tells the totals when the input has ended.
package main

import turgo "github.com/turgo-stream/turgo/guest-sdk/go"

func init() {
	turgo.Register("split", func() turgo.Operator { return new(split) })
	turgo.Register("count", func() turgo.Operator { return new(count) })
}

func main() {}
