// One operator under test.
import assert from "node:assert/strict";
import { Record, build } from "./batch.js";
import { Broken, Host } from "./host.js";
import { Store, text } from "./store.js";

export const WATERMARK_MIN = -(2n ** 63n);
export const WATERMARK_MAX = 2n ** 63n - 1n;

/**
 * modes are how a harness runs an operator: batches as they are sent, in one
 * instance; with a new instance and a copy of the state before every call, so that
 * only what is in state lasts; with each record in a call of its own.
 */
export const modes = ["whole", "restored", "single records"];

const ROUNDS_MAX = 10_000;

/** Harness drives one operator in one mode. Most tests call run instead. */
export class Harness {
  constructor(module, mode, options = {}) {
    const refused = this.#prepare(module, mode, options);
    if (options.mayRefuse) this.refused = refused;
    else assert.equal(refused, null, `the operator refuses to open: ${refused}`);
  }

  /** Makes the first instance and returns why the operator refuses. */
  #prepare(module, mode, options) {
    const { index, description } = module.operator(options.operator);
    const { config = {}, processingTime = 0, subtask = 0, parallelism = 1 } = options;
    this.module = module;
    this.options = options;
    this.mode = mode;
    this.index = index;
    this.description = description;
    this.request = Buffer.from(JSON.stringify({ uid: "test", subtask, parallelism, config }));
    this.watermark = WATERMARK_MIN;
    this.processingTime = BigInt(processingTime);
    this.outputs = description.outputs.map(() => ({ unread: [], all: [] }));
    this.failed = [];
    this.host = new Host(description);
    this.host.store = new Store();
    return this.#open();
  }

  /** Makes an instance and returns why the operator refuses. */
  #open() {
    const host = this.host;
    host.call = null;
    host.refusal = null;
    this.instance = new WebAssembly.Instance(this.module.compiled, host.imports());
    host.exports = this.instance.exports;
    this.buffer = { pointer: 0, length: 0 };
    this.exports._initialize?.();
    const pointer = this.#lend(this.request);
    const control = this.exports.turgo_open(this.index, pointer, this.request.length) >>> 0;
    if (control === 0) return host.refusal ?? "(it did not say why)";
    assert.equal(host.refusal, null, "the operator said why it refuses, and opened");
    host.control = control;
    return null;
  }

  get exports() {
    return this.instance.exports;
  }

  /** The size of the instance's memory. */
  get memoryBytes() {
    return this.exports.memory.buffer.byteLength;
  }

  #lend(bytes) {
    if (bytes.length > this.buffer.length) {
      const pointer = this.exports.turgo_buffer(bytes.length) >>> 0;
      assert.notEqual(pointer, 0, "turgo_buffer is out of memory");
      this.buffer = { pointer, length: bytes.length };
    }
    this.host.view().set(bytes, this.buffer.pointer);
    return this.buffer.pointer;
  }

  /** send gives one batch to an input. */
  send(input, ...records) {
    const index = this.#find("inputs", input);
    const { aggregation } = this.description.inputs[index];
    while (records.length > 0) {
      const some = records.splice(0, this.mode === "single records" ? 1 : records.length);
      if (aggregation !== undefined) this.#aggregate(aggregation, some);
      else this.#call(some, (pointer, length) => this.exports.turgo_process(index, pointer, length));
    }
  }

  /** advanceWatermark moves the watermark and fires the event timers that are due. */
  advanceWatermark(timestamp) {
    this.advanceTo(timestamp, this.processingTime);
  }

  /** advanceProcessingTime moves the clock and fires the timers that are due. */
  advanceProcessingTime(timestamp) {
    this.advanceTo(this.watermark, timestamp);
  }

  /** advanceTo moves the watermark and the clock at once and fires all timers that are due. */
  advanceTo(watermark, processingTime) {
    if (BigInt(watermark) > this.watermark) this.watermark = BigInt(watermark);
    if (BigInt(processingTime) > this.processingTime) this.processingTime = BigInt(processingTime);
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const fired = this.#due();
      if (fired.length === 0) return;
      const records = fired.map((t) => new Record(Buffer.from(t.key, "latin1"), "", { timestamp: t.timestamp }));
      this.#call(records, (pointer, length) => this.exports.turgo_timers(fired[0].declaration, pointer, length));
    }
    assert.fail(`timers are still due after ${ROUNDS_MAX} rounds: a timer sets itself again in the past`);
  }

  /** end ends the input: all event timers fire. */
  end() {
    this.advanceWatermark(WATERMARK_MAX);
  }

  /** Takes the timers that fire next: the earliest, and those of its declaration before any other. */
  #due() {
    const bound = (t) => (this.description.timers[t.declaration].domain === "event" ? this.watermark : this.processingTime);
    const due = this.host.store.due((t) => t.timestamp <= bound(t));
    const other = due.findIndex((t) => t.declaration !== due[0].declaration);
    const fired = due.slice(0, other < 0 ? due.length : other);
    for (const timer of fired) this.host.store.setTimer(timer, false);
    return fired;
  }

  /** output returns what an output emitted since the last call for it. */
  output(name) {
    const output = this.outputs[this.#find("outputs", name)];
    const { unread } = output;
    output.unread = [];
    return unread;
  }

  /** expect compares what an output emitted since the last call for it. */
  expect(name, ...want) {
    sameRecords(`output ${name}`, this.output(name), want);
  }

  /** failures returns what failed since the last call: {record, code, text, trap}. */
  failures() {
    const failed = this.failed;
    this.failed = [];
    return failed;
  }

  /** log is what the operator wrote to its log, each line with its level. */
  get log() {
    return this.host.log;
  }

  /** metric is the value of a declared metric. */
  metric(name) {
    return this.host.metrics[this.#find("metrics", name)];
  }

  /** entries lists a state of a key: {sub, data, version} of each entry. */
  entries(state, key) {
    const entries = this.host.store.of(this.#find("states", state), text(Buffer.from(key)), this.processingTime);
    return entries.map(({ sub = "", data, version }) => ({ sub: Buffer.from(sub, "latin1"), data, version }));
  }

  /** timers lists the timers that are set: {name, key, timestamp}. */
  timers() {
    const name = (t) => this.description.timers[t.declaration].name;
    return this.host.store.due(() => true).map((t) => ({ name: name(t), key: Buffer.from(t.key, "latin1").toString("utf8"), timestamp: t.timestamp }));
  }

  #find(list, name) {
    const index = this.description[list].findIndex((each) => each.name === name);
    assert.ok(index >= 0, `the operator has none of that name among its ${list}: ${name}`);
    return index;
  }

  /** upgraded is the harness with another module, on the state that this one left. */
  upgraded(module, options = this.options) {
    const next = new Harness(module, this.mode, { ...options, processingTime: this.processingTime });
    next.watermark = this.watermark;
    next.host.store = this.host.store.renumbered(this.description, next.description);
    return next;
  }

  close() {
    this.exports.turgo_close?.();
  }

  /** Runs records as a transaction. Where one fails, all is undone and the others run again. */
  #call(records, run) {
    while (records.length > 0) {
      const failure = this.#attempt(build(records), records.map((r) => (r.key === null ? null : text(r.key))), run);
      if (failure === null) return;
      this.failed.push({ ...failure, record: records[failure.hand] });
      records = records.toSpliced?.(failure.hand, 1) ?? records.filter((_, i) => i !== failure.hand);
    }
  }

  /** Runs records as groups by key. Where a group fails, all its records do. */
  #aggregate(name, records) {
    const aggregation = this.#find("aggregations", name);
    while (records.length > 0) {
      const groups = groupsOf(records);
      const argument = this.host.groups(aggregation, groups, this.processingTime);
      const failure = this.#attempt(argument, groups.map((g) => text(g[0].key)), (pointer, length) =>
        this.exports.turgo_aggregate(aggregation, pointer, length),
      );
      if (failure === null) return;
      for (const record of groups[failure.hand]) this.failed.push({ ...failure, record });
      records = groups.filter((_, i) => i !== failure.hand).flat();
    }
  }

  /** Runs one call, and returns what failed; then the next call has a new instance. */
  #attempt(argument, keys, run) {
    if (this.mode === "restored") {
      this.host.store = this.host.store.copy();
      this.#reopen();
    }
    const pointer = this.#lend(argument);
    this.host.begin(keys, this.watermark, this.processingTime);
    const trap = this.#trap(() => run(pointer, argument.length));
    const failure = this.host.call.failure ?? trap;
    if (failure === null) {
      for (const { output, records } of this.host.commit()) {
        this.outputs[output].unread.push(...records);
        this.outputs[output].all.push(...records);
      }
      return null;
    }
    this.host.rollback();
    this.#reopen();
    assert.ok(failure.hand < keys.length, `the operator failed with no record in hand: ${failure.text}`);
    return failure;
  }

  /** Runs the guest and returns how it trapped; null if it did not. */
  #trap(run) {
    const lines = this.host.log.length;
    let why;
    try {
      const status = run();
      if (status === 0) return null;
      why = `status ${status}`;
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError) && !(error instanceof Broken) && error.offset === undefined) throw error;
      why = error.message;
    }
    const told = this.host.log.slice(lines).filter((line) => line.startsWith("error: "));
    const hand = this.host.view().readUInt32LE(this.host.control);
    return { hand, code: 0, text: told.length > 0 ? told.at(-1).slice("error: ".length) : why, trap: true };
  }

  #reopen() {
    const refused = this.#open();
    assert.equal(refused, null, `the operator refuses to open again: ${refused}`);
  }
}

/** sameRecords compares records and tells the first that differs. */
export function sameRecords(what, got, want) {
  for (let i = 0; i < Math.max(got.length, want.length); i++) {
    const [is, should] = [got[i], want[i]].map((r) => (r === undefined ? "no record" : String(r)));
    if (is !== should) assert.fail(`${what}, record ${i}:\n got ${shortened(is)}\nwant ${shortened(should)}`);
  }
}

function shortened(line) {
  return line.length <= 1000 ? line : `${line.slice(0, 1000)}\u2026 (${line.length} characters)`;
}

/** groupsOf divides records by key, in the order of the first of each. */
function groupsOf(records) {
  const groups = new Map();
  for (const r of records) {
    assert.notEqual(r.key, null, "a record of an aggregation has a null key");
    const key = text(r.key);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(r);
  }
  return [...groups.values()];
}
