// Failures, traps, logs, metrics, config, headers, memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Harness, record, refusal, run } from "../testkit/index.js";
import { kit } from "./modules.js";

const module = kit();

test("a failed record leaves nothing behind, the others are handled", () => {
  run(module, { operator: "faults" }, (h) => {
    h.send("in", record("a", "x"), record("a", "fail"), record("a", "y"), record("a", "throw"), record("a", "outside"));
    h.expect("out", record("a", "x"), record("a", "y"));
    assert.equal(h.metric("seen"), 2n);
    assert.equal(h.metric("last"), 1n);
    assert.equal(h.entries("value", "a")[0].data.readBigInt64LE(), 2n);
    const failed = h.failures().map((f) => [f.record.text, f.code, f.text, f.trap]);
    assert.deepEqual(failed.slice(0, 1), [["fail", 7, "asked to fail", false]]);
    assert.match(failed[1][2], /^a \u00e9 of mine at tests\/operators\/kit\.ts:\d+:\d+$/);
    assert.match(failed[2][2], /^index 99 is outside of 7 bytes at assembly\/bytes\.ts:\d+:\d+$/);
    assert.deepEqual(failed.slice(1).map((f) => [f[0], f[1], f[3]]), [["throw", 0, true], ["outside", 0, true]]);
  });
});

test("null differs from empty", () => {
  run(module, { operator: "faults" }, (h) => {
    h.send("in", record("a", "null"), record("", "").at(3));
    h.expect("out", record("a", "null"), record(null, null), record("", "").at(3));
  });
});

test("state of a null key fails the record", () => {
  run(module, { operator: "faults" }, (h) => {
    h.send("in", record(null, "x"), record("a", "y"));
    h.expect("out", record("a", "y"));
    assert.match(h.failures()[0].text, /null key/);
  });
});

test("lines of the log have their levels, and are UTF-8", () => {
  const h = new Harness(module, "whole", { operator: "faults" });
  h.send("in", record("a", "log"));
  assert.deepEqual(h.log, ["debug: d", "info: i \u{1f600}", "warn: w", "error: e"]);
});

test("random numbers differ within a call, and not between runs", () => {
  run(module, { operator: "faults" }, (h) => {
    h.send("in", record("a", "random"));
    h.expect("out", record("a", "random"), record("a", "false"));
  });
});

test("changes and extensions pass", () => {
  const extensions = Buffer.from("0300000002000000abcd", "hex");
  run(module, { operator: "copy" }, (h) => {
    const records = ["insert", "update_before", "update_after", "delete"].map((kind, i) =>
      record("k", "v").at(i).as(kind).with(extensions),
    );
    h.send("in", ...records, record(null, "").at(-1));
    for (const output of ["parts", "whole", "odd"]) h.expect(output, ...records, record(null, "").at(-1));
  });
});

test("a part of a batch is forwarded without what is around it", () => {
  const [skip, a, b] = [record("k", "skip"), record("a", "1").at(1), record("b", "2").at(2)];
  for (const records of [[skip, a, b], [a, b, skip], [a, skip, b], [skip], [a, b]]) {
    run(module, { operator: "copy" }, (h) => {
      h.send("in", ...records);
      h.expect("rest", ...records.filter((r) => r !== skip));
      assert.deepEqual(h.failures(), []);
    });
  }
});

test("the last header of a name counts", () => {
  const header = (name, value) => {
    const isNull = value === null;
    const bytes = Buffer.alloc(12);
    bytes.writeUInt16LE(1, 0);
    bytes.writeUInt32LE(4 + name.length + (isNull ? 0 : value.length), 4);
    bytes.writeUInt32LE((name.length | (isNull ? 0x80000000 : 0)) >>> 0, 8);
    return Buffer.concat([bytes, Buffer.from(name), Buffer.from(value ?? "")]);
  };
  const other = Buffer.from("0900000003000000616263", "hex");
  const extensions = Buffer.concat([header("trace", "first"), other, header("gone", null), header("trace", "last")]);
  const h = new Harness(module, "whole", { operator: "copy" });
  h.send("headers", record("k", "v").with(extensions), record("k", "v"));
  const none = ["trace", "gone", "none"].map((name) => `info: ${name} is missing`);
  assert.deepEqual(h.log, ["info: trace=last", "info: gone is null", none[2], ...none]);
  h.expect("whole", record("k", "v").with(extensions), record("k", "v"));
});

test("a large batch is emitted in order, in pieces or whole", () => {
  run(module, { operator: "copy" }, (h) => {
    const records = Array.from({ length: 300 }, (_, i) => record(`key ${i}`, "v".repeat((i * 7919) % 30000)));
    h.send("in", ...records);
    for (const output of ["parts", "whole", "odd"]) h.expect(output, ...records);
  });
});

test("a record larger than the buffer that is kept is emitted", () => {
  const h = new Harness(module, "whole", { operator: "copy" });
  const before = h.memoryBytes;
  const records = [record("a", "x".repeat(5 << 20)), record("b", "small")];
  for (let i = 0; i < 5; i++) {
    h.send("in", ...records);
    h.output("odd"), h.output("whole");
    h.expect("parts", ...records);
  }
  assert.ok(h.memoryBytes - before < 64 << 20, `memory grew from ${before} to ${h.memoryBytes} bytes`);
});

const wrong = [
  [{ text: 3 }, "config: text must be text"],
  [{ texts: ["a", 3] }, "config: texts must be a list of texts"],
  [{ texts: "a" }, "config: texts must be a list of texts"],
  [{ integer: 1.5 }, "config: integer must be a whole number"],
  [{ integer: "1" }, "config: integer must be a whole number"],
  [{ integer: Number.MAX_SAFE_INTEGER * 10000 }, "config: integer must be a whole number"],
  [{ number: "x" }, "config: number must be a number"],
  [{ bool: 1 }, "config: bool must be true or false"],
  [{ part: [] }, "config: part must be an object"],
  [{ part: { inner: "x" } }, "config: part.inner must be a whole number"],
  [{ part: { other: 1 } }, "config: part.other is not known"],
  [{ other: { a: [1, "}"] } }, "config: other is not known"],
  [{ refuse: true }, "asked to refuse"],
];

for (const [config, why] of wrong) {
  test(`the operator refuses ${JSON.stringify(config)}`, () => {
    assert.equal(refusal(module, { operator: "configured", config }), why);
  });
}

test("the operator reads its config", () => {
  const opened = (options) => new Harness(module, "whole", { operator: "configured", ...options }).log.map((l) => l.slice(6));
  assert.deepEqual(opened({}), ["test 0 1", "-, -, -1, -1.0, false, -2"]);
  const config = {
    text: 'a\u00e9\u{1f600}\n"\\\u0001/',
    texts: ["x", "", "\u20ac"],
    integer: -9007199254740991,
    number: -2.5e-3,
    bool: true,
    part: { inner: 7 },
  };
  const want = `${config.text}, x||\u20ac, -9007199254740991, -0.0025, true, 7`;
  assert.deepEqual(opened({ config, subtask: 2, parallelism: 3 }), ["test 2 3", want]);
  assert.deepEqual(opened({ config: { text: null, texts: [] } })[1], "-, , -1, -1.0, false, -2");
});

test("escapes of JSON are read", () => {
  const stringify = JSON.stringify;
  try {
    JSON.stringify = () => '{"uid":"\\u0061\\b\\f\\n\\r\\t\\/\\"","config":{ "text" : "\\ud83d\\ude00\\ud83d-\\u00e9" , "texts":[ ] }}';
    const { log } = new Harness(module, "whole", { operator: "configured" });
    assert.deepEqual(log.map((l) => l.slice(6)), ['a\b\f\n\r\t/" 0 1', "\u{1f600}\ufffd-\u00e9, , -1, -1.0, false, -2"]);
  } finally {
    JSON.stringify = stringify;
  }
});

test("the description says what the operator declares", () => {
  const { description } = module.operator("configured");
  assert.equal(description.assigns_timestamps, true);
  assert.deepEqual(description.config_schema, { type: "object" });
  assert.deepEqual(module.description.requires, ["aggregate"]);
  assert.deepEqual(module.operator("totals").description.inputs, [{ name: "numbers", aggregation: "total" }]);
  assert.deepEqual(module.operator("alarm").description.timers, [
    { name: "event", domain: "event" },
    { name: "clock", domain: "processing" },
  ]);
});

const batches = process.env.SHORT ? 2000 : 10_000;

for (const runtime of process.env.SHORT ? ["minimal"] : ["minimal", "incremental"]) {
  test(`memory does not grow over ${batches} batches with the runtime ${runtime}`, () => {
    const h = new Harness(kit(runtime), "whole", { operator: "garbage" });
    const records = Array.from({ length: 5 }, (_, i) => record(`key ${i}`, "some text"));
    const send = (times) => {
      for (let i = 0; i < times; i++) h.send("in", ...records);
      for (const line of h.output("out")) assert.match(line.text, /^value \d+$/);
      h.outputs[0].all = [];
    };
    send(1000);
    const before = h.memoryBytes;
    send(batches);
    assert.equal(h.memoryBytes, before);
    assert.ok(before < 16 << 20, `${before} bytes`);
  });
}
