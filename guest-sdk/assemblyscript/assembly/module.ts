/**
 * The module: its operators, and the one that is open.
 */
import { Buffer, Bytes } from "./bytes";
import { Context } from "./config";
import { describeOperator } from "./describe";
import { fail } from "./batch";
import { CONTROL, NO_HAND, setHand } from "./layout";
import { collectAfterCall } from "./memory";
import { Operator, make } from "./operator";

class Registration {
  constructor(
    readonly name: string,
    readonly create: () => Operator,
  ) {}
}

const registered: Registration[] = [];

/** Adds an operator to the module. Call it at the top level of the module's file. */
export function register(name: string, create: () => Operator): void {
  registered.push(new Registration(name, create));
}

let description: Buffer | null = null;

export function describe(): Buffer {
  if (description !== null) return description as Buffer;
  const operators = new Buffer();
  let aggregates = false;
  for (let i = 0; i < registered.length; i++) {
    const d = make(registered[i].create).declarations;
    aggregates = aggregates || d.aggregations.length > 0;
    describeOperator(operators, i, registered[i].name, d);
  }
  const all = new Buffer();
  all.text('{"abi":"turgo_v1","sdk":"turgo-assemblyscript","language":"assemblyscript","requires":[');
  if (aggregates) all.text('"aggregate"');
  all.text('],"operators":[').bytes(operators).text("]}");
  description = all;
  return all;
}

/** The operator that is open. */
let current: Operator | null = null;

/** Opens an operator and returns the control block; 0 = it refuses. */
export function open(index: u32, request: Bytes): usize {
  setHand(NO_HAND);
  if (index >= <u32>registered.length) {
    fail(0, "the module has no such operator");
    return 0;
  }
  const operator = make(registered[index].create);
  const context = new Context(request);
  operator.open(context);
  let reason = context.reason();
  for (let i = 0; i < operator.declarations.outputs.length; i++) {
    if (!operator.declarations.outputs[i].isEmpty) reason = "open() must not emit";
  }
  if (reason !== null) {
    fail(0, reason);
    return 0;
  }
  current = operator;
  collectAfterCall();
  return CONTROL;
}

/** Handles a batch of an input. */
export function process(input: u32, data: usize): i32 {
  const operator = current as Operator;
  const d = operator.declarations;
  d.batch.start(data, false);
  d.inputs[input].handler.handle(d.batch);
  return finish(operator);
}

/** Handles timers that fired. */
export function timers(timer: u32, data: usize): i32 {
  const operator = current as Operator;
  const d = operator.declarations;
  d.batch.start(data, false);
  d.fired[timer].handle(d.batch);
  return finish(operator);
}

/** Handles the groups of a batch. */
export function aggregate(aggregation: u32, data: usize): i32 {
  const operator = current as Operator;
  const d = operator.declarations;
  d.batch.start(data, true);
  d.members.beginAll(data + ((load<u32>(data, 12) + 7) & ~7));
  d.aggregators[aggregation]!.handle(d.batch);
  setHand(NO_HAND);
  d.accumulated[aggregation].flush();
  return finish(operator);
}

/** Ends a call. What remains to be done belongs to none of its records. */
function finish(operator: Operator): i32 {
  setHand(NO_HAND);
  const outputs = operator.declarations.outputs;
  for (let i = 0; i < outputs.length; i++) outputs[i].flush();
  collectAfterCall();
  return 0;
}

export function close(): void {
  if (current !== null) (current as Operator).close();
}
