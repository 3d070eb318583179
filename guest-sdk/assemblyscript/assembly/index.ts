/**
 * What an operator for Turgo imports: import { … } from "@turgo/operator".
 */
export { Aggregation, Groups, Members } from "./aggregation";
export { Batch, Kind, NO_TIMESTAMP, WATERMARK_MAX, WATERMARK_MIN } from "./batch";
export { Buffer, Bytes } from "./bytes";
export { Codec, Int64, OrderedInt64, OrderedUint64, Raw, Text, Uint64 } from "./codec";
export { Config, Context } from "./config";
export { Elements, ListState } from "./list";
export { log, random } from "./log";
export { Entries, MapState } from "./map";
export { register } from "./module";
export { Operator } from "./operator";
export { Output, Record } from "./output";
export { ValueState } from "./state";
export { Counter, Gauge, Timer } from "./timer";
