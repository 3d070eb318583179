// Compiles an operator of these tests, and installs the compiler where it is missing:
//
//     node compile.mjs ENTRY.ts OUT.wasm [FLAG …]
//
// ENTRY is relative to the SDK's folder.
import { spawnSync } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const sdk = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = join(sdk, "node_modules", "assemblyscript", "bin", "asc.js");
const [entry, out, ...flags] = process.argv.slice(2);

function run(...words) {
  const { status } = spawnSync(process.execPath, words, { cwd: sdk, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const file = resolve(out);
run(join(sdk, "install.mjs"));
run(compiler, entry, "--config", join("tests", "asconfig.json"), "--outFile", file, ...flags);
