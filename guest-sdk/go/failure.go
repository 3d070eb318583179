package turgo

// Failure is an error with a code of the author's own.
type Failure struct {
	Code uint32
	Text string
}

func (f *Failure) Error() string { return f.Text }

// Each makes a handler of batches from a handler of records. An error fails the
// record, with the code of a *Failure or 0.
func Each(handle func(record *Batch) error) func(*Batch) {
	return func(batch *Batch) {
		for batch.Next() {
			err := handle(batch)
			if err == nil {
				continue
			}
			code := uint32(0)
			if failure, ok := err.(*Failure); ok {
				code = failure.Code
			}
			batch.Fail(code, err.Error())
		}
	}
}
