// Builds the modules of these tests, with each runtime that is told; fewer where SHORT is set.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const compiler = fileURLToPath(new URL("compile.mjs", import.meta.url));
const runtimes = process.env.SHORT ? ["minimal"] : ["minimal", "incremental"];

for (const runtime of runtimes) {
  const out = fileURLToPath(new URL(`build/kit-${runtime}.wasm`, import.meta.url));
  const words = [compiler, "tests/operators/kit.ts", out, "--runtime", runtime];
  const { status } = spawnSync(process.execPath, words, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
