// The modules of these tests. npm test makes them.
import { load } from "../testkit/index.js";

/** kit is the module of operators/kit.ts, made with a runtime of AssemblyScript. */
export function kit(runtime = "minimal") {
  return load(new URL(`build/kit-${runtime}.wasm`, import.meta.url));
}
