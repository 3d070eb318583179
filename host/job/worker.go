package job

import (
	"sync"

	"github.com/turgo-stream/turgo/host/task"
)

// workerJobsMax bounds what waits for one worker. The tasks bound it lower
// themselves, so a full queue is a mistake of this program.
const workerJobsMax = 1024

// workers are the goroutines of one attempt that may block.
type workers struct {
	group sync.WaitGroup
	mu    struct {
		sync.Mutex
		closed bool
		queues []chan func() func()
	}
}

// start makes a worker that posts to the mailbox.
func (w *workers) start(_ string, mailbox *task.Mailbox) task.Worker {
	queue := make(chan func() func(), workerJobsMax)
	w.mu.Lock()
	w.mu.queues = append(w.mu.queues, queue)
	w.mu.Unlock()
	w.group.Go(func() {
		for job := range queue {
			if done := job(); done != nil {
				mailbox.Post(done)
			}
		}
	})
	return &worker{owner: w, queue: queue}
}

// stop ends all workers after what they have begun. Jobs that wait still run:
// their context is cancelled by then, so they end at once.
func (w *workers) stop() {
	w.mu.Lock()
	if !w.mu.closed {
		w.mu.closed = true
		for _, queue := range w.mu.queues {
			close(queue)
		}
	}
	w.mu.Unlock()
	w.group.Wait()
}

type worker struct {
	owner *workers
	queue chan func() func()
}

// Submit is called by goroutines that end before stop.
func (w *worker) Submit(job func() func()) {
	select {
	case w.queue <- job:
	default:
		panic("job: a worker's queue is full: its owner did not bound what it submits")
	}
}
