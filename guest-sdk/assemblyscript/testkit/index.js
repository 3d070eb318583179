// The test kit: it runs the operators of a module in node, so that their unit
// tests need no server. State, timers, watermarks and failures behave as under
// the host.
//
//     import { load, record, run } from "@turgo/operator/testkit";
//
//     const module = load(new URL("../build/operators.wasm", import.meta.url));
//
//     test("words are counted", () => {
//       run(module, { operator: "count" }, (h) => {
//         h.send("words", record("a", ""), record("a", ""));
//         h.expect("totals", record("a", "1"), record("a", "2"));
//       });
//     });
//
// run plays a scenario in each of the modes. All must give the same.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Harness, modes, sameRecords } from "./harness.js";

export { Malformed, Record, build, integer, ordered, parse, record } from "./batch.js";
export { Harness, WATERMARK_MAX, WATERMARK_MIN, modes } from "./harness.js";

/** Module is a module of operators, with its description. */
export class Module {
  constructor(bytes) {
    this.compiled = new WebAssembly.Module(bytes);
    this.description = describe(this.compiled);
  }

  /** operator is the number and the description of an operator; the first where none is named. */
  operator(name) {
    const all = this.description.operators;
    const index = name === undefined ? 0 : all.findIndex((o) => o.name === name);
    assert.ok(index >= 0, `the module has no operator ${name}`);
    return { index, description: withAll(all[index]) };
  }
}

/** load reads a module from a file. */
export function load(file) {
  return new Module(readFileSync(file));
}

function describe(compiled) {
  const refused = () => assert.fail("the module calls the host before an operator is open");
  const imports = {};
  for (const { module, name } of WebAssembly.Module.imports(compiled)) (imports[module] ??= {})[name] = refused;
  const log = [];
  let exports;
  imports.turgo_v1 = {
    ...imports.turgo_v1,
    log: (_, pointer, length) => log.push(Buffer.from(exports.memory.buffer, pointer >>> 0, length >>> 0).toString("utf8")),
  };
  exports = new WebAssembly.Instance(compiled, imports).exports;
  try {
    exports._initialize?.();
    const place = BigInt.asUintN(64, exports.turgo_describe());
    const bytes = Buffer.from(exports.memory.buffer, Number(place >> 32n), Number(place & 0xffffffffn));
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new Error(`the module cannot be described: ${error.message} ${log.join("; ")}`, { cause: error });
  }
}

/** withAll adds the lists that a description leaves out, and the states with accumulators. */
function withAll(operator) {
  const full = { states: [], aggregations: [], timers: [], metrics: [], ...operator };
  full.states = [...full.states, ...full.aggregations.map((a) => ({ ...a, kind: "value", prefetch: true }))];
  return full;
}

/**
 * run plays a scenario in each mode and compares what each output emitted in all.
 * Options: operator (its name), config, processingTime, subtask, parallelism.
 */
export function run(module, options, scenario) {
  let whole = null;
  for (const mode of modes) {
    const harness = new Harness(module, mode, options);
    try {
      scenario(harness);
      harness.close();
      whole ??= harness;
      harness.description.outputs.forEach((output, i) => {
        sameRecords(`output ${output.name} beside that of the whole run`, harness.outputs[i].all, whole.outputs[i].all);
      });
    } catch (error) {
      error.message = `${mode}: ${error.message}`;
      throw error;
    }
  }
}

/** refusal opens an operator and returns why it refuses; null if it does not. */
export function refusal(module, options) {
  return new Harness(module, modes[0], { ...options, mayRefuse: true }).refused;
}
