/**
 * The description of a module, as JSON.
 */
import { Kind } from "./batch";
import { Buffer } from "./bytes";
import { writeJsonText } from "./json";
import { Declarations } from "./declarations";
import { Slot } from "./state";

/** Begins the nth object of a list. */
function begin(to: Buffer, n: i32, name: string): Buffer {
  return writeJsonText(to.text(n > 0 ? ',{"name":' : '{"name":'), name);
}

function member(to: Buffer, name: string, value: string): Buffer {
  return writeJsonText(to.text(',"').text(name).text('":'), value);
}

function life(to: Buffer, slot: Slot): Buffer {
  if (slot.timeToLive != 0) to.text(',"time_to_live_ms":').decimal(slot.timeToLive);
  if (slot.schemaVersion != 0) to.text(',"schema_version":').decimal(slot.schemaVersion);
  return to;
}

function kindName(kind: Kind): string {
  if (kind == Kind.Insert) return '"insert"';
  if (kind == Kind.UpdateBefore) return '"update_before"';
  return kind == Kind.UpdateAfter ? '"update_after"' : '"delete"';
}

function inputs(to: Buffer, d: Declarations): void {
  to.text(',"inputs":[');
  for (let i = 0; i < d.inputs.length; i++) {
    const input = d.inputs[i];
    begin(to, i, input.name);
    for (let k = 0; k < input.changes.length; k++) {
      to.text(k == 0 ? ',"changes":[' : ",").text(kindName(input.changes[k]));
    }
    if (input.changes.length > 0) to.text("]");
    if (input.aggregation.length > 0) member(to, "aggregation", input.aggregation);
    to.text("}");
  }
}

function states(to: Buffer, d: Declarations): void {
  to.text('],"states":[');
  for (let i = 0; i < d.states.length; i++) {
    const slot = d.states[i];
    life(member(begin(to, i, slot.name), "kind", slot.kind), slot);
    to.text(slot.prefetch ? ',"prefetch":true}' : "}");
  }
  to.text('],"aggregations":[');
  for (let i = 0; i < d.aggregations.length; i++) {
    life(begin(to, i, d.aggregations[i].name), d.aggregations[i]).text("}");
  }
}

/** Appends the description of one operator. */
export function describeOperator(to: Buffer, n: i32, name: string, d: Declarations): void {
  begin(to, n, name);
  inputs(to, d);
  to.text('],"outputs":[');
  for (let i = 0; i < d.outputs.length; i++) begin(to, i, d.outputs[i].name).text("}");
  states(to, d);
  to.text('],"timers":[');
  for (let i = 0; i < d.timers.length; i++) {
    member(begin(to, i, d.timers[i].name), "domain", d.timers[i].domain).text("}");
  }
  to.text('],"metrics":[');
  for (let i = 0; i < d.metrics.length; i++) {
    member(begin(to, i, d.metrics[i].name), "kind", d.metrics[i].kind).text("}");
  }
  to.text("]");
  if (d.assignsTimestamps) to.text(',"assigns_timestamps":true');
  if (d.configSchema.length > 0) to.text(',"config_schema":').text(d.configSchema);
  to.text("}");
}
