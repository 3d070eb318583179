package turgotest

import "math"

// What is written for a key. Each write remembers how to undo it.

// set writes or, where e is nil, removes one entry.
func (h *host) set(a address, e *entry) {
	was, found := h.store.entries[a]
	h.undo = append(h.undo, func() {
		if found {
			h.store.entries[a] = was
		} else {
			delete(h.store.entries, a)
		}
	})
	if e == nil {
		delete(h.store.entries, a)
	} else {
		h.store.entries[a] = *e
	}
}

func (h *host) put(a address, data []byte) {
	declared := h.harness.description.States[a.state]
	e := entry{data: string(data), version: declared.SchemaVersion}
	if now := h.harness.processingTime; declared.TimeToLiveMS > 0 && now <= math.MaxInt64-declared.TimeToLiveMS {
		e.expires = now + declared.TimeToLiveMS
	}
	h.set(a, &e)
}

func (h *host) get(a address, buffer []byte) int64 {
	e, found := h.store.entries[a]
	return give(buffer, e, found && !e.expired(h.harness.processingTime))
}

// StateGet reads a value.
func (h *host) StateGet(state uint32, buffer []byte) int64 {
	return h.get(address{state: state, key: h.key("state_get")}, buffer)
}

// StatePut writes a value.
func (h *host) StatePut(state uint32, data []byte) {
	h.put(address{state: state, key: h.key("state_put")}, data)
}

// StateClear removes all that a state has for the key.
func (h *host) StateClear(state uint32) {
	for _, a := range h.store.of(state, h.key("state_clear"), h.harness.processingTime) {
		h.set(a, nil)
	}
}

// ListAppend adds an element.
func (h *host) ListAppend(state uint32, data []byte) {
	h.store.cursor++
	h.put(address{state: state, key: h.key("list_append"), cursor: h.store.cursor}, data)
}

// ListRead writes the elements after a cursor.
func (h *host) ListRead(state uint32, from uint64, buffer []byte) int64 {
	w := writer{buffer: buffer[:0]}
	for _, a := range h.store.of(state, h.key("list_read"), h.harness.processingTime) {
		if a.cursor <= from {
			continue
		}
		e := h.store.entries[a]
		head := order.AppendUint64(nil, a.cursor)
		head = order.AppendUint32(head, uint32(len(e.data)))
		head = order.AppendUint32(head, uint32(e.version))
		if !w.write(head, e.data) {
			break
		}
	}
	return w.result()
}

// MapGet reads one entry.
func (h *host) MapGet(state uint32, key, buffer []byte) int64 {
	return h.get(address{state: state, key: h.key("map_get"), sub: string(key)}, buffer)
}

// MapPut writes one entry.
func (h *host) MapPut(state uint32, key, data []byte) {
	h.put(address{state: state, key: h.key("map_put"), sub: string(key)}, data)
}

// MapDelete removes one entry.
func (h *host) MapDelete(state uint32, key []byte) {
	h.set(address{state: state, key: h.key("map_delete"), sub: string(key)}, nil)
}

// MapScan writes the entries after a key, or from the first.
func (h *host) MapScan(state uint32, after []byte, first bool, buffer []byte) int64 {
	w := writer{buffer: buffer[:0]}
	for _, a := range h.store.of(state, h.key("map_scan"), h.harness.processingTime) {
		if !first && a.sub <= string(after) {
			continue
		}
		e := h.store.entries[a]
		head := order.AppendUint32(nil, uint32(len(a.sub)))
		head = order.AppendUint32(head, uint32(len(e.data)))
		head = order.AppendUint32(head, uint32(e.version))
		if !w.write(append(head, a.sub...), e.data) {
			break
		}
	}
	return w.result()
}

// writer fills a buffer with whole entries, up to its capacity.
type writer struct {
	buffer []byte
	count  int64
	need   int64 // of the entry that did not fit, if it was the first
}

func (w *writer) write(head []byte, data string) bool {
	if n := len(head) + len(data); len(w.buffer)+n > cap(w.buffer) {
		if w.count == 0 {
			w.need = int64(n)
		}
		return false
	}
	w.buffer = append(append(w.buffer, head...), data...)
	w.count++
	return true
}

func (w *writer) result() int64 {
	if w.count == 0 {
		return w.need
	}
	return w.count<<32 | int64(len(w.buffer))
}
