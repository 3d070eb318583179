package plan

// DeadLetters bounds the dead letters of a job that wait for a decision. At a
// bound the job stops: none is ever lost silently.
type DeadLetters struct {
	// LettersMax is the number of letters. Default: 1 million.
	LettersMax int
	// BytesMax is what they take in the checkpoint store. Default: 1 GiB.
	BytesMax int64
}

const (
	defaultLettersMax       = 1_000_000
	defaultBytesMax   int64 = 1 << 30
)

func (d *DeadLetters) setDefaults() {
	or(&d.LettersMax, defaultLettersMax)
	or(&d.BytesMax, defaultBytesMax)
}

func (r *reader) readDeadLetters(d *DeadLetters, path string, v *value) {
	r.readFields(path, "dead_letters", v, []setter{
		{"letters_max", r.positive(&d.LettersMax)},
		{"bytes_max", r.size(&d.BytesMax)},
	})
}

func (b *builder) checkDeadLetters(d *DeadLetters) {
	if d.LettersMax < 1 {
		b.add("dead_letters.letters_max", "letters_max is %d: it must be at least 1", d.LettersMax)
	}
	if d.BytesMax < 1 {
		b.add("dead_letters.bytes_max", "bytes_max is %d: it must be at least 1", d.BytesMax)
	}
}
