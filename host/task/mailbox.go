package task

import "sync"

// Mailbox carries work from other goroutines to the one that owns a task or a
// job. What is posted runs there, in order. It holds at most a few entries for
// each worker and each checkpoint in flight, so it needs no bound of its own.
type Mailbox struct {
	mu struct {
		sync.Mutex
		posted []func()
	}
	spare []func()
	wake  func()
}

// NewMailbox makes a mailbox; wake is called after each post and never blocks.
func NewMailbox(wake func()) *Mailbox { return &Mailbox{wake: wake} }

// Post hands a function to the owner.
func (m *Mailbox) Post(f func()) {
	m.mu.Lock()
	m.mu.posted = append(m.mu.posted, f)
	m.mu.Unlock()
	m.wake()
}

// Run runs what was posted, on the owner's goroutine, and reports whether there
// was anything.
func (m *Mailbox) Run() bool {
	m.mu.Lock()
	posted := m.mu.posted
	m.mu.posted = m.spare[:0]
	m.mu.Unlock()
	for i, f := range posted {
		f()
		posted[i] = nil
	}
	m.spare = posted
	return len(posted) > 0
}

// Worker runs jobs one after the other, away from the owner's goroutine: there
// they may block. What a job returns is posted to the owner's mailbox. Submit
// never blocks; who submits bounds the number of jobs under way.
type Worker interface {
	Submit(job func() (done func()))
}
