// Installs the npm packages of a folder (this one if none is named) as its
// package-lock.json says, where that has not been done:
//
//     node install.mjs [FOLDER]
//
// It may run several times at once: each installs in a folder of its own and
// moves what it made into place.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const folder = resolve(process.argv[2] ?? dirname(fileURLToPath(import.meta.url)));
const modules = join(folder, "node_modules");
const stamp = join(modules, ".installed-lock.json");
const lock = readFileSync(join(folder, "package-lock.json"), "utf8");

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === lock;
}

function install() {
  const made = mkdtempSync(join(dirname(folder), ".install-")); // beside the folder: paths in the lock file are relative
  try {
    for (const name of ["package.json", "package-lock.json"]) cpSync(join(folder, name), join(made, name));
    const npm = process.platform === "win32" ? "npm.cmd" : "npm";
    const run = spawnSync(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: made, encoding: "utf8" });
    if (run.status !== 0) {
      process.stderr.write(`npm ci in ${folder} failed: ${run.error?.message ?? run.stderr}\n`);
      process.exitCode = 1;
      return;
    }
    writeFileSync(join(made, "node_modules", ".installed-lock.json"), lock);
    place(made);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

// place moves the packages into place, unless another has done so meanwhile.
function place(made) {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (isInstalled()) return;
    try {
      if (existsSync(modules)) renameSync(modules, join(made, `old-${attempt}`));
      renameSync(join(made, "node_modules"), modules);
      return;
    } catch (error) {
      if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(error.code)) throw error;
    }
  }
  throw new Error(`${modules} cannot be replaced: remove it and run this again`);
}

if (!isInstalled()) install();
