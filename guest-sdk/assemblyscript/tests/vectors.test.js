// The golden vectors of abi/testdata/batches.txt, whose head tells how they read:
// the SDK reads the valid batches as told and writes them byte for byte, and the
// test kit refuses the malformed ones where they are wrong.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HEADER_LENGTH } from "../testkit/batch.js";
import { build, parse } from "../testkit/index.js";
import { Host } from "../testkit/host.js";
import { kit } from "./modules.js";

function readVectors(file) {
  const vectors = [];
  for (const whole of readFileSync(file, "utf8").split("\n")) {
    const words = whole.replace(/#.*/, "").trim().split(/\s+/);
    const last = vectors.at(-1);
    if (words[0] === "vector") vectors.push({ name: words[1], bytes: [], records: [], error: null });
    else if (words[0] === "record") last.records.push(words.slice(1));
    else if (words[0] === "error") last.error = Number(words[1]);
    else if (words[0] !== "") last.bytes.push(...words.map((w) => parseInt(w, 16)));
  }
  return vectors.map((v) => ({ ...v, bytes: Buffer.from(v.bytes) }));
}

const vectors = readVectors(new URL("../../../abi/testdata/batches.txt", import.meta.url));
const valid = vectors.filter((v) => v.error === null);
const malformed = vectors.filter((v) => v.error !== null);

/** withOrigins is a batch whose records have their own index as origin. */
function withOrigins(batch) {
  const bytes = Buffer.from(batch);
  for (let at = HEADER_LENGTH, index = 0; at < bytes.length; index++) {
    bytes.writeUInt32LE(index, at + 16);
    at += bytes.readUInt32LE(at);
  }
  return bytes;
}

function spell(bytes) {
  if (bytes === null) return "null";
  return bytes.length === 0 ? "empty" : bytes.toString("hex");
}

test("there are enough vectors", () => {
  assert.ok(valid.length >= 8, `${valid.length} valid batches`);
  assert.ok(malformed.length >= 20, `${malformed.length} malformed batches`);
});

const module = kit();

/** handle gives bytes to the operator, and returns what it logged and emitted to each output. */
function handle(bytes) {
  const { index, description } = module.operator("copy");
  const host = new Host(description);
  const emitted = new Map();
  const imports = host.imports();
  imports.turgo_v1.emit = (output, pointer, length) => emitted.set(output, host.bytes(pointer, length));
  host.exports = new WebAssembly.Instance(module.compiled, imports).exports;
  host.exports._initialize();
  const request = Buffer.from('{"uid":"copy","subtask":0,"parallelism":1,"config":{}}');
  const give = (data) => {
    const pointer = host.exports.turgo_buffer(data.length);
    host.view().set(data, pointer);
    return pointer;
  };
  host.control = host.exports.turgo_open(index, give(request), request.length);
  const pointer = give(bytes);
  host.begin([], 0n, 0n);
  assert.equal(host.exports.turgo_process(0, pointer, bytes.length), 0);
  return { emitted, lines: host.log.map((line) => line.slice("info: ".length)) };
}

for (const vector of valid) {
  test(`the SDK reproduces ${vector.name}`, () => {
    const { emitted, lines } = handle(vector.bytes);
    assert.deepEqual(lines, vector.records.map((words) => words.slice(0, 4).join(" ")));
    if (vector.records.length === 0) {
      assert.equal(emitted.size, 0);
      return;
    }
    const [parts, whole, odd] = [0, 1, 2].map((output) => emitted.get(output));
    assert.equal(whole.toString("hex"), withOrigins(vector.bytes).toString("hex"), "forwarded");
    if (vector.name === "longer_fixed_part") {
      assert.deepEqual(parse(parts).records.map(String), parse(vector.bytes).records.map(String));
    } else {
      assert.equal(parts.toString("hex"), whole.toString("hex"), "by its parts");
    }
    assert.equal(odd.toString("hex"), parts.toString("hex"), "in turn by its parts and forwarded");
  });

  test(`the test kit reads and writes ${vector.name}`, () => {
    const { records, origins } = parse(vector.bytes);
    const spelled = records.map((r, i) =>
      [spell(r.key), spell(r.value), r.kind, String(r.timestamp ?? "none"), String(origins[i]), spell(r.extensions)].join(" "),
    );
    assert.deepEqual(spelled, vector.records.map((words) => words.join(" ")));
    if (vector.name === "longer_fixed_part") return; // it is written with the length of this layout
    assert.equal(build(records).toString("hex"), withOrigins(vector.bytes).toString("hex"));
  });
}

for (const vector of malformed) {
  test(`the test kit refuses ${vector.name}`, () => {
    assert.throws(() => parse(vector.bytes), { offset: vector.error });
  });
}
