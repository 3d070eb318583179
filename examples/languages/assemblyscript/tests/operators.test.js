import assert from "node:assert/strict";
import { test } from "node:test";
import { integer, load, ordered, record, refusal, run } from "@turgo/operator/testkit";

const module = load(new URL("../build/operators.wasm", import.meta.url));

test("pass passes records on unchanged", () => {
  run(module, { operator: "pass" }, (h) => {
    const records = ["insert", "update_before", "update_after", "delete"].map((kind) => record("k", "v").at(7).as(kind));
    h.send("in", ...records, record(null, "").with(Buffer.from("0300000001000000ff", "hex")), record("", null));
    h.expect("out", ...records, record(null, "").with(Buffer.from("0300000001000000ff", "hex")), record("", null));
  });
});

test("parse reads payments", () => {
  run(module, { operator: "parse" }, (h) => {
    h.send("lines", record(null, "1700000000000,alice,1250,lunch, and a coffee"), record("k", "0,b,100,").at(5));
    h.send("lines", record(null, "7,carol,99,too small"), record(null, "7,carol,-999999999999999,"));
    h.expect("payments", record("alice", integer(1250)).at(1700000000000), record("b", integer(100)).at(0));
    assert.equal(h.metric("small"), 2n);
    assert.deepEqual(h.failures(), []);
  });
});

test("parse takes payments from its own least amount", () => {
  run(module, { operator: "parse", config: { cents_min: -5 } }, (h) => {
    h.send("lines", record(null, "1,a,-5,"), record(null, "1,a,-6,"));
    h.expect("payments", record("a", integer(-5)).at(1));
    assert.equal(h.metric("small"), 1n);
  });
  assert.equal(refusal(module, { operator: "parse", config: { cents_min: "1" } }), "config: cents_min must be a whole number");
});

const wrong = {
  time: [null, "", ",a,1,", "x,a,1,", "-1,a,1,", "1234567890123456,a,1,", " 1,a,1,", "x"],
  account: ["1,,1,", "1", "1,", `1,${"a".repeat(65)},1,`],
  cents: ["1,a", "1,a,,", "1,a,-,", "1,a,+1,", "1,a,1234567890123456,", "1,a,1x,", "1,a,x", "1,a,--1,"],
  note: ["1,a,1", "1,a,-1"],
};

for (const [field, lines] of Object.entries(wrong)) {
  test(`parse fails what has no ${field}`, () => {
    run(module, { operator: "parse" }, (h) => {
      h.send("lines", ...lines.map((line) => record(null, line)));
      h.expect("payments");
      const failed = h.failures().map((f) => [f.record.text, f.code, f.text, f.trap]);
      assert.deepEqual(failed, lines.map((line) => [line, 1, `not a payment: ${field}`, false]));
    });
  });
}

const payment = (account, timestamp, cents = 1) => record(account, integer(cents)).at(timestamp);

for (const operator of ["count", "sum"]) {
  test(`${operator} fails what is no payment, and counts what is late`, () => {
    run(module, { operator }, (h) => {
      h.advanceWatermark(1000);
      h.send("payments", record("a", integer(1)), record("a", "short").at(1), record("a", null).at(1), payment("a", 999));
      assert.deepEqual(h.failures().map((f) => [f.code, f.text]), Array(3).fill([2, "not a payment"]));
      assert.equal(h.metric("late"), 1n);
      assert.deepEqual(h.timers(), []);
    });
  });
}

test("count counts the payments of each minute", () => {
  run(module, { operator: "count" }, (h) => {
    h.send("payments", payment("a", 0), payment("a", 59999), payment("a", 60000), payment("b", 5), payment("a", -1));
    assert.deepEqual(h.entries("minutes", "a").map(({ sub, data }) => [sub, data]), [
      [ordered(-60000), integer(1)], [ordered(0), integer(2)], [ordered(60000), integer(1)],
    ]);
    h.advanceWatermark(60000);
    h.expect("counts", record("a", "-60000 1").at(-1), record("a", "0 2").at(59999), record("b", "0 1").at(59999));
    h.end();
    h.expect("counts", record("a", "60000 1").at(119999));
    assert.deepEqual(h.entries("minutes", "a"), []);
  });
});

test("sum sums the payments of each session", () => {
  run(module, { operator: "sum", config: { gap_ms: 10 } }, (h) => {
    h.send("payments", payment("a", 100, 5), payment("a", 109, 6), payment("a", 119, 7), payment("b", 100, -1));
    assert.deepEqual(h.entries("sessions", "a").map(({ sub, data }) => [sub, data]), [
      [ordered(100), Buffer.concat([integer(109), integer(11)])],
      [ordered(119), Buffer.concat([integer(119), integer(7)])],
    ]);
    h.send("payments", payment("a", 110, 100), payment("a", 105, 1000), payment("a", 95, 1));
    assert.deepEqual(h.timers().map((t) => [t.key, t.timestamp]), [["b", 110n], ["a", 129n]]);
    h.advanceWatermark(129);
    h.expect("sums", record("b", "100 100 -1").at(100), record("a", "95 119 1119").at(119));
    h.send("payments", payment("a", 129, 2));
    h.end();
    h.expect("sums", record("a", "129 129 2").at(129));
  });
  assert.equal(refusal(module, { operator: "sum", config: { gap_ms: 0 } }), "config: gap_ms must be 1 or more");
});
