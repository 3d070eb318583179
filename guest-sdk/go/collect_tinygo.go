//go:build tinygo

package turgo

// collector is empty: TinyGo collects when it allocates.
type collector struct{}

func (*collector) called(int) {}
