package job

// Point names a moment in the life of a checkpoint at which a crash leaves the
// world in a state of its own. Tests kill the process there.
type Point string

// The points, in the order in which an attempt passes them.
const (
	DuringRestore Point = "during_restore" // claimed; some tasks are open, others not
	BeforePrepare Point = "before_prepare" // the barrier is about to be sent
	AfterPrepare  Point = "after_prepare"  // all tasks have saved, no manifest yet
	AfterManifest Point = "after_manifest" // durable, no commit yet
	InCommits     Point = "in_commits"     // one committable of several is committed
	AfterCommits  Point = "after_commits"  // all are committed, nothing records it yet
	// InResubmission comes by for each dead letter that was tried again, when no
	// checkpoint holds what came of it.
	InResubmission Point = "in_resubmission"
)

// Points lists all points.
var Points = []Point{DuringRestore, BeforePrepare, AfterPrepare, AfterManifest, InCommits, AfterCommits, InResubmission}

// reached tells whoever observes that the attempt is at a point.
func (a *Attempt) reached(p Point) {
	if a.config.Observe != nil {
		a.config.Observe(p)
	}
}
