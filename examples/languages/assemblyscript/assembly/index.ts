// The operators of the module, in the order of their numbers.
import { register } from "@turgo/operator";
import { Count } from "./count";
import { Parse } from "./parse";
import { Pass } from "./pass";
import { Sum } from "./sum";

register("pass", () => new Pass());
register("parse", () => new Parse());
register("count", () => new Count());
register("sum", () => new Sum());

export * from "@turgo/operator/exports";
