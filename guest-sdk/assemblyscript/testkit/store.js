// Keyed state and timers of one operator, in memory. All that a test needs is
// small, so entries are looked through one by one.

/** text is bytes as a string of the same order. */
export function text(bytes) {
  return Buffer.from(bytes).toString("latin1");
}

/**
 * Store holds entries by their addresses {state, key, cursor, sub}: the value of a
 * key, one element of a list (by its cursor), or one entry of a map (by its sub-key).
 */
export class Store {
  constructor() {
    this.entries = new Map();
    this.timers = new Map();
    this.cursor = 0n;
  }

  /** copy is the store as a restore from a snapshot makes it. */
  copy() {
    const next = new Store();
    next.cursor = this.cursor;
    next.entries = new Map(this.entries);
    next.timers = new Map(this.timers);
    return next;
  }

  /** of lists the entries of one state of a key, in order, without those that expired. */
  of(state, key, now) {
    return [...this.entries.values()]
      .filter((e) => e.state === state && e.key === key && !expired(e, now))
      .sort((a, b) => compare(a.cursor, b.cursor) || compare(a.sub, b.sub));
  }

  get(address, now) {
    const entry = this.entries.get(nameOf(address));
    return entry !== undefined && !expired(entry, now) ? entry : null;
  }

  /** set writes or, where data is null, removes an entry, and returns what undoes it. */
  set(address, data, version = 0, expires = null) {
    const name = nameOf(address);
    const was = this.entries.get(name);
    if (data === null) this.entries.delete(name);
    else this.entries.set(name, { ...address, data, version, expires });
    return () => (was === undefined ? this.entries.delete(name) : this.entries.set(name, was));
  }

  /** setTimer sets or removes a timer {declaration, key, timestamp}, and returns what undoes it. */
  setTimer(timer, isSet) {
    const name = JSON.stringify([timer.declaration, timer.key, String(timer.timestamp)]);
    const was = this.timers.get(name);
    if (isSet) this.timers.set(name, timer);
    else this.timers.delete(name);
    return () => (was === undefined ? this.timers.delete(name) : this.timers.set(name, was));
  }

  /** due lists the timers for which reached(timer) holds, in the order in which they fire. */
  due(reached) {
    return [...this.timers.values()]
      .filter(reached)
      .sort((a, b) => compare(a.timestamp, b.timestamp) || a.declaration - b.declaration || compare(a.key, b.key));
  }

  /** renumbered is a copy for another description, whose states and timers have the same names. */
  renumbered(from, to) {
    const next = new Store();
    next.cursor = this.cursor;
    for (const e of this.entries.values()) {
      const { name, kind } = from.states[e.state];
      const state = to.states.findIndex((s) => s.name === name && s.kind === kind);
      if (state >= 0) next.entries.set(nameOf({ ...e, state }), { ...e, state });
    }
    for (const timer of this.timers.values()) {
      const declaration = to.timers.findIndex((t) => t.name === from.timers[timer.declaration].name);
      if (declaration >= 0) next.setTimer({ ...timer, declaration }, true);
    }
    return next;
  }
}

function nameOf({ state, key, cursor = 0n, sub = "" }) {
  return JSON.stringify([state, key, String(cursor), sub]);
}

function expired(entry, now) {
  return entry.expires !== null && entry.expires <= now;
}

function compare(a, b) {
  if (a === b || a === undefined) return 0;
  return a < b ? -1 : 1;
}
