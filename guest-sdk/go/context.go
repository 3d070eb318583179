package turgo

// Context is what an operator knows about where it runs.
type Context struct {
	// UID is the operator's uid in the job.
	UID string
	// Subtask is this instance's number, from 0; Parallelism how many there are.
	Subtask, Parallelism int
	// Config is the operator's config in the job.
	Config *Config

	instance *instance
}

// newContext reads an open request.
func newContext(i *instance, request []byte) (*Context, error) {
	fields, err := parseObject(request)
	if err != nil {
		return nil, err
	}
	c := &Context{
		UID:         fields.String("uid", ""),
		Subtask:     int(fields.Int64("subtask", 0)),
		Parallelism: int(fields.Int64("parallelism", 1)),
		Config:      fields.Object("config"),
		instance:    i,
	}
	c.Config.path = ""
	return c, fields.err
}

// Debug writes a line to the operator's log.
func (c *Context) Debug(text string) { c.instance.host.Log(0, text) }

// Info writes a line to the operator's log.
func (c *Context) Info(text string) { c.instance.host.Log(1, text) }

// Warn writes a line to the operator's log.
func (c *Context) Warn(text string) { c.instance.host.Log(2, text) }

// Error writes a line to the operator's log.
func (c *Context) Error(text string) { c.instance.host.Log(3, text) }
