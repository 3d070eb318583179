package turgotest

import turgo "github.com/turgo-stream/turgo/guest-sdk/go"

// Upgraded is the harness with another version of the operator, on the state
// that this one left. States keep their meaning by their names.
func (h *Harness) Upgraded(create func() turgo.Operator) *Harness {
	h.Helper()
	next := &Harness{
		TB: h.TB, create: create, request: h.request, mode: h.mode, description: describe(h.TB, create),
		watermark: h.watermark, processingTime: h.processingTime,
	}
	next.outputs = make([]output, len(next.description.Outputs))
	next.host = newHost(next)
	h.instance.Close()
	next.host.store = h.host.store.renumbered(h.description, next.description)
	next.reopen()
	return next
}
