// State, timers and aggregations, in every mode of the test kit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Harness, integer, ordered, record, run } from "../testkit/index.js";
import { kit } from "./modules.js";

const module = kit();

function play(operator, scenario, options = {}) {
  run(module, { operator, ...options }, scenario);
}

test("a list keeps the order of its appends", () => {
  play("history", (h) => {
    h.send("in", record("a", "1"), record("b", "2"), record("a", "3"), record("a", "clear"), record("a", "4"));
    h.expect("out", record("a", "1"), record("b", "2"), record("a", "1,3"), record("a", "4"));
  });
});

test("a list longer than a page is read whole", () => {
  play("history", (h) => {
    const values = [];
    for (let i = 0; i < 60; i++) {
      values.push(String(i % 10).repeat((i * 37 * 7) % 9000));
      h.send("in", record("a", values.at(-1)));
    }
    assert.equal(h.output("out").at(-1).text, values.join(","));
  });
});

test("elements of a list vanish, each at its time", () => {
  play("history", (h) => {
    h.send("in", record("a", "1"));
    h.advanceProcessingTime(99);
    h.send("in", record("a", "2"));
    h.advanceProcessingTime(100);
    h.send("in", record("a", "3"));
    h.expect("out", record("a", "1"), record("a", "1,2"), record("a", "2,3"));
  });
});

test("a map is walked in the order of its sub-keys", () => {
  play("inventory", (h) => {
    const put = [`7 seven`, `-3 ${"m".repeat(5000)}`, "0 zero", "9 nine"].map((words) => record("k", `put ${words}`));
    h.send("in", ...put, record("other", "put 1 one"));
    h.send("in", ...["all", "after -3", "delete 9", "after 0", "get 9", "get 7"].map((words) => record("k", words)));
    const told = ["-3:5000 0:4 7:5", "0:4 7:5 9:4", "7:5", "nothing false", "seven true"];
    h.expect("out", ...told.map((text) => record("k", text)));
    h.send("in", record("k", "clear"), record("k", "all"), record("other", "all"));
    h.expect("out", record("k", ""), record("other", "1:3"));
  });
});

test("walks may be nested, and one that was left does not spoil the next", () => {
  play("inventory", (h) => {
    h.send("in", record("k", "put 1 a"), record("k", "put 2 b"), record("k", "put 3 c"), record("k", "put 4 d"));
    h.send("in", record("k", "all"), record("k", "pairs"), record("k", "all"));
    const pairs = [1, 2, 3, 4].flatMap((a) => [1, 2, 3, 4].map((b) => `${a}+${b}`)).join(" ");
    h.expect("out", record("k", "1:1 2:1 3:1"), record("k", pairs), record("k", "1:1 2:1 3:1"));
  });
});

test("a map of more than a page is walked whole", () => {
  play("inventory", (h) => {
    const numbers = Array.from({ length: 90 }, (_, i) => i);
    h.send("in", ...numbers.map((n) => record("k", `put ${n} ${"x".repeat(97)}`)), record("k", "pairs"));
    const words = h.output("out")[0].text.split(" ");
    assert.equal(words.length, 90 * 90);
    assert.equal(words.at(-1), "89+89");
  });
});

test("the codecs have the formats of the other SDKs", () => {
  play("codecs", (h) => {
    for (const number of [0n, -1n, 258n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      h.send("in", record("k", String(number)));
      h.expect("out", record("k", `true ${number}`));
      const data = (state) => h.entries(state, "k")[0].data.toString("hex");
      assert.equal(data("signed"), integer(number).toString("hex"));
      assert.equal(data("unsigned"), integer(number).toString("hex"));
      assert.equal(data("ordered"), ordered(number).toString("hex"));
      assert.equal(data("ordered_unsigned"), Buffer.from(integer(number)).reverse().toString("hex"));
      assert.equal(data("text"), Buffer.from(String(number)).toString("hex"));
      assert.equal(data("raw"), Buffer.from(String(number)).toString("hex"));
    }
  });
  const states = module.operator("codecs").description.states;
  assert.deepEqual(states.map((s) => s.prefetch ?? false), [false, true, false, false, false, false]);
});

test("a newer module migrates what it reads, and drops what it does not declare", () => {
  play("old", (h) => {
    h.send("in", record("k", "41"), record("other", "7"));
    const next = h.upgraded(module, { operator: "new" });
    next.send("in", record("k", ""), record("k", ""), record("other", ""), record("fresh", ""));
    next.expect("out", record("k", "1041"), record("k", "1042"), record("other", "1007"), record("fresh", "-1"));
    assert.deepEqual(next.entries("note", "k"), [{ sub: Buffer.from(""), data: integer(1043), version: 2 }]);
    assert.equal(next.host.store.entries.size, 3);
  });
});

test("timers fire in the order of time and may set others", () => {
  play("alarm", (h) => {
    h.send("in", record("b", "event 7"), record("a", "event 7"), record("a", "clock 50"), record("a", "event 90"));
    h.send("in", record("a", "event 3"), record("a", "event 4"), record("a", "event 4"), record("a", "forget 3"));
    assert.deepEqual(h.timers().map((t) => `${t.name} ${t.key} ${t.timestamp}`), [
      "event a 4", "event a 7", "event b 7", "clock a 50", "event a 90",
    ]);
    h.advanceTo(10, 49);
    const line = (key, name, at, clock) => record(key, `${name} ${at} at ${clock}`).at(at);
    h.expect("out", ...[["a", 4], ["a", 7], ["b", 7], ["a", 8], ["b", 8]].map(([key, at]) => line(key, "event", at, "10 49")));
    h.advanceProcessingTime(50);
    h.expect("out", line("a", "clock", 50, "10 50"));
    h.end();
    h.expect("out", line("a", "event", 90, `${2n ** 63n - 1n} 50`));
  });
});

test("groups are summed, and timers see the accumulators", () => {
  // Each key once a call, so that single records give the same.
  play("totals", (h) => {
    h.send("numbers", record("a", "1").at(5), record("b", "10").at(6));
    h.send("numbers", record("a", "2"), record("b", "-10").at(3), record("c", "4").at(2));
    assert.deepEqual(h.entries("total", "a"), [{ sub: Buffer.from(""), data: integer(3), version: 4 }]);
    assert.deepEqual(h.entries("total", "b"), []);
    const none = -(2n ** 63n);
    h.expect(
      "out",
      record("a", "1 of 1 until 5").at(5),
      record("b", "10 of 1 until 6").at(6),
      record("a", `3 of 1 until ${none}`),
      record("b", "0 of 1 until 3").at(3),
      record("c", "4 of 1 until 2").at(2),
    );
    h.advanceWatermark(100);
    h.expect("out", record("a", "total 3").at(100), record("b", "total -1 (none)").at(100), record("c", "total 4").at(100));
    assert.deepEqual(h.entries("total", "a"), []);
  });
});

test("the records of a group come together, in their order", () => {
  const h = new Harness(module, "whole", { operator: "totals" });
  h.send("numbers", record("a", "1").at(5), record("b", "10"), record("a", "2").at(7), record("a", "4"), record("b", "fail"));
  h.expect("out", record("a", "7 of 3 until 7").at(7));
  assert.deepEqual(h.failures().map((f) => String(f.record)), ['"b"="10"', '"b"="fail"']);
});

test("a failed group fails all its records, and accumulators vanish at their time", () => {
  play("totals", (h) => {
    h.send("numbers", record("a", "1").at(5));
    h.advanceProcessingTime(600);
    h.send("numbers", record("b", "fail").at(5), record("a", "3").at(1));
    assert.deepEqual(h.failures().map((f) => [String(f.record), f.code, f.text, f.trap]), [
      ['"b"="fail" at 5', 3, "asked to", false],
    ]);
    h.advanceProcessingTime(1599);
    h.send("numbers", record("a", "1").at(1));
    h.advanceProcessingTime(2599);
    h.send("numbers", record("a", "1").at(1));
    h.expect("out", ...[1, 4, 5, 1].map((sum, i) => record("a", `${sum} of 1 until ${i === 0 ? 5 : 1}`).at(i === 0 ? 5 : 1)));
  });
});
