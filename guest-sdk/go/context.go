package turgo

// Context is what an operator knows about where it runs.
type Context struct {
	instance *instance
}

func newContext(i *instance, request []byte) (*Context, error) {
	return &Context{instance: i}, nil
}
