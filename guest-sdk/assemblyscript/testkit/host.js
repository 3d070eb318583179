// The host's side of one operator in a test: it answers the functions of SPEC.md
// section 5. What breaks a rule is thrown, as it traps under the real host.
import { build, header, parse } from "./batch.js";
import { text } from "./store.js";

const NO_HAND = 0xffffffff;
const ACCUMULATORS = 0x80000000;
const GROUP_FIXED = 52;
const levels = ["debug", "info", "warn", "error"];

/** Broken is a rule that the operator broke. */
export class Broken extends Error {}

export class Host {
  constructor(description) {
    this.description = description;
    this.store = null;
    this.metrics = description.metrics.map(() => 0n);
    this.log = [];
    this.call = null; // {keys, now, undo, emitted, metrics, failure} while one runs
    this.refusal = null;
    this.exports = null;
    this.control = 0;
    this.random = 0n;
  }

  view() {
    return Buffer.from(this.exports.memory.buffer);
  }

  bytes(pointer, length) {
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    const memory = this.view();
    if (end > memory.length) throw new Broken(`bytes ${start} to ${end} are outside of the memory of ${memory.length} bytes`);
    return Buffer.from(memory.subarray(start, end));
  }

  /** hand is the index of the record in hand. */
  hand(name) {
    const index = this.view().readUInt32LE(this.control);
    if (index >= this.call.keys.length) throw new Broken(`${name}: no record is in hand`);
    return index;
  }

  /** running checks that a call runs in which the function is allowed. */
  running(name) {
    if (this.call === null) throw new Broken(`${name}: not allowed now`);
    return this.call;
  }

  declared(name, list, index) {
    if (index >>> 0 >= list.length) throw new Broken(`${name}: ${index >>> 0} is not declared`);
    return list[index >>> 0];
  }

  /** address is where the state of the key in hand is. */
  address(name, kind, state, more) {
    this.running(name);
    const declared = this.declared(name, this.description.states, state);
    if (kind !== null && declared.kind !== kind) throw new Broken(`${name}: ${declared.name} is a ${declared.kind} state`);
    return { state: state >>> 0, key: this.key(name), ...more };
  }

  key(name) {
    const key = this.call.keys[this.hand(name)];
    if (key === null) throw new Broken(`${name}: the record has a null key, and keyed state needs one`);
    return key;
  }

  put(address, data) {
    const { schema_version: version = 0, time_to_live_ms: life = 0 } = this.description.states[address.state];
    const expires = life > 0 ? this.call.now + BigInt(life) : null;
    this.call.undo.push(this.store.set(address, data, version, expires));
  }

  /** give copies an entry to the guest where it fits. */
  give(entry, pointer, capacity) {
    if (entry === null) return -1n;
    if (entry.data.length <= capacity >>> 0) this.view().set(entry.data, pointer >>> 0);
    return (BigInt(entry.version) << 32n) | BigInt(entry.data.length);
  }

  /** page writes as many whole entries as fit. */
  page(entries, headOf, pointer, capacity) {
    const parts = [];
    let used = 0;
    for (const entry of entries) {
      const whole = Buffer.concat([headOf(entry), entry.data]);
      if (used + whole.length > capacity >>> 0) {
        if (parts.length === 0) return BigInt(whole.length);
        break;
      }
      parts.push(whole);
      used += whole.length;
    }
    this.view().set(Buffer.concat(parts), pointer >>> 0);
    return (BigInt(parts.length) << 32n) | BigInt(used);
  }

  /** begin starts a call whose records have these keys. */
  begin(keys, watermark, now) {
    const memory = this.view();
    memory.writeUInt32LE(NO_HAND, this.control);
    memory.writeBigInt64LE(watermark, this.control + 8);
    memory.writeBigInt64LE(now, this.control + 16);
    this.random = now;
    this.call = { keys, now, undo: [], emitted: [], metrics: [...this.metrics], failure: null };
  }

  rollback() {
    for (const undo of this.call.undo.reverse()) undo();
    this.call = null;
  }

  /** commit makes the call's effects last and returns what it emitted. */
  commit() {
    const { emitted, metrics } = this.call;
    this.metrics = metrics;
    this.call = null;
    return emitted;
  }

  emit(output, pointer, length) {
    const call = this.running("emit");
    const { records, origins } = parse(this.bytes(pointer, length));
    const wrong = origins.find((origin) => origin >= call.keys.length);
    if (wrong !== undefined) throw new Broken(`emit: a record has the origin ${wrong}, the batch has ${call.keys.length} records`);
    if (output >>> 0 >= ACCUMULATORS) {
      this.accumulate((output >>> 0) - ACCUMULATORS, records, origins);
      return;
    }
    this.declared("emit", this.description.outputs, output);
    call.emitted.push({ output: output >>> 0, records });
  }

  accumulate(aggregation, records, origins) {
    this.declared("emit", this.description.aggregations, aggregation);
    const state = this.accumulators(aggregation);
    records.forEach((r, i) => {
      const address = { state, key: this.call.keys[origins[i]] };
      if (r.value === null) this.call.undo.push(this.store.set(address, null));
      else this.put(address, r.value);
    });
  }

  /** accumulators is the number of the state with an aggregation's accumulators. */
  accumulators(aggregation) {
    return this.description.states.length - this.description.aggregations.length + aggregation;
  }

  fail(code, pointer, length) {
    const words = this.bytes(pointer, Math.min(length >>> 0, 1024)).toString("utf8");
    if (this.call === null) {
      this.refusal ??= words;
      return;
    }
    this.call.failure ??= { hand: this.hand("fail"), code: code >>> 0, text: words, trap: false };
  }

  setTimer(name, timer, timestamp, isSet) {
    this.running(name);
    this.declared(name, this.description.timers, timer);
    this.call.undo.push(this.store.setTimer({ declaration: timer >>> 0, key: this.key(name), timestamp }, isSet));
  }

  metric(index, value) {
    const call = this.running("metric");
    const declared = this.declared("metric", this.description.metrics, index);
    call.metrics[index] = declared.kind === "counter" ? call.metrics[index] + value : value;
  }

  /** imports are the functions that the module imports. */
  imports() {
    return { turgo_v1: { ...this.effects(), ...this.states() }, wasi_snapshot_preview1: { random_get: (p, n) => this.fillRandom(p, n) } };
  }

  effects() {
    return {
      emit: (output, pointer, length) => this.emit(output, pointer, length),
      fail: (code, pointer, length) => this.fail(code, pointer, length),
      timer_set: (timer, timestamp) => this.setTimer("timer_set", timer, timestamp, true),
      timer_delete: (timer, timestamp) => this.setTimer("timer_delete", timer, timestamp, false),
      log: (level, pointer, length) => {
        this.log.push(`${levels[Math.min(level >>> 0, 3)]}: ${this.bytes(pointer, length).toString("utf8")}`);
      },
      metric: (index, value) => this.metric(index, value),
    };
  }

  states() {
    const now = () => this.call.now;
    return {
      state_get: (state, pointer, capacity) =>
        this.give(this.store.get(this.address("state_get", "value", state), now()), pointer, capacity),
      state_put: (state, pointer, length) => this.put(this.address("state_put", "value", state), this.bytes(pointer, length)),
      state_clear: (state) => {
        const { key } = this.address("state_clear", null, state);
        for (const e of this.store.of(state >>> 0, key, now())) this.call.undo.push(this.store.set(e, null));
      },
      list_append: (state, pointer, length) => {
        const address = this.address("list_append", "list", state, { cursor: ++this.store.cursor });
        this.put(address, this.bytes(pointer, length));
      },
      list_read: (state, from, pointer, capacity) => {
        const { key } = this.address("list_read", "list", state);
        const entries = this.store.of(state >>> 0, key, now()).filter((e) => e.cursor > BigInt.asUintN(64, from));
        return this.page(entries, listHead, pointer, capacity);
      },
      ...this.maps(now),
    };
  }

  maps(now) {
    const at = (name, state, pointer, length) =>
      this.address(name, "map", state, { sub: text(this.bytes(pointer, length)) });
    return {
      map_get: (state, key, keyLength, pointer, capacity) =>
        this.give(this.store.get(at("map_get", state, key, keyLength), now()), pointer, capacity),
      map_put: (state, key, keyLength, pointer, length) =>
        this.put(at("map_put", state, key, keyLength), this.bytes(pointer, length)),
      map_delete: (state, key, keyLength) => {
        this.call.undo.push(this.store.set(at("map_delete", state, key, keyLength), null));
      },
      map_scan: (state, after, afterLength, pointer, capacity) => {
        const { key } = this.address("map_scan", "map", state);
        const last = afterLength >>> 0 === 0xffffffff ? null : text(this.bytes(after, afterLength));
        const entries = this.store.of(state >>> 0, key, now()).filter((e) => last === null || e.sub > last);
        return this.page(entries, mapHead, pointer, capacity);
      },
    };
  }

  /** fillRandom gives numbers that follow from the call and the record in hand. */
  fillRandom(pointer, length) {
    const hand = this.call === null ? 0 : this.view().readUInt32LE(this.control);
    for (let i = 0; i < length >>> 0; i++) {
      this.random = BigInt.asUintN(64, (this.random + BigInt(hand) + 1n) * 6364136223846793005n + 1442695040888963407n);
      this.view()[(pointer >>> 0) + i] = Number(this.random >> 56n);
    }
    return 0;
  }

  /** groups is the argument of turgo_aggregate for groups of records, each of one key. */
  groups(aggregation, groups, now) {
    const state = this.accumulators(aggregation);
    const parts = groups.map((records) => groupOf(records, this.store.get({ state, key: text(records[0].key) }, now)));
    const first = Buffer.concat([header(groups.length, GROUP_FIXED, parts), ...parts]);
    const slack = Buffer.alloc((8 - (first.length % 8)) % 8);
    return Buffer.concat([first, slack, build(groups.flat())]);
  }
}

function groupOf(records, entry) {
  const fixed = Buffer.alloc(GROUP_FIXED);
  const key = records[0].key;
  const data = entry?.data ?? Buffer.alloc(0);
  const latest = records.reduce((most, r) => (r.timestamp !== null && r.timestamp > most ? r.timestamp : most), -(2n ** 63n));
  fixed.writeUInt32LE(GROUP_FIXED + key.length + data.length, 0);
  fixed[4] = entry === null ? 2 : 0;
  fixed.writeBigInt64LE(latest, 8);
  fixed.writeUInt32LE(records.length, 16);
  fixed.writeUInt32LE(key.length, 20);
  fixed.writeUInt32LE(data.length, 24);
  fixed.writeBigInt64LE(-(2n ** 63n), 28);
  fixed.writeBigInt64LE(-(2n ** 63n), 36);
  fixed.writeUInt16LE(entry?.version ?? 0, 44);
  fixed.writeUInt32LE(build(records).length - 24, 48);
  return Buffer.concat([fixed, key, data]);
}

function listHead(entry) {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(entry.cursor, 0);
  head.writeUInt32LE(entry.data.length, 8);
  head.writeUInt16LE(entry.version, 12);
  return head;
}

function mapHead(entry) {
  const sub = Buffer.from(entry.sub, "latin1");
  const head = Buffer.alloc(12);
  head.writeUInt32LE(sub.length, 0);
  head.writeUInt32LE(entry.data.length, 4);
  head.writeUInt16LE(entry.version, 8);
  return Buffer.concat([head, sub]);
}
