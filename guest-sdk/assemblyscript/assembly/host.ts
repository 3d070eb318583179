/**
 * The functions of the host, as SPEC.md section 5 gives them.
 */

// @ts-ignore: decorator
@external("turgo_v1", "emit")
export declare function emit(output: u32, data: usize, length: u32): void;

// @ts-ignore: decorator
@external("turgo_v1", "fail")
export declare function fail(code: u32, text: usize, length: u32): void;

// @ts-ignore: decorator
@external("turgo_v1", "state_get")
export declare function stateGet(state: u32, data: usize, capacity: u32): i64;

// @ts-ignore: decorator
@external("turgo_v1", "state_put")
export declare function statePut(state: u32, data: usize, length: u32): void;

// @ts-ignore: decorator
@external("turgo_v1", "state_clear")
export declare function stateClear(state: u32): void;

// @ts-ignore: decorator
@external("turgo_v1", "list_append")
export declare function listAppend(state: u32, data: usize, length: u32): void;

// @ts-ignore: decorator
@external("turgo_v1", "list_read")
export declare function listRead(state: u32, from: u64, data: usize, capacity: u32): i64;

// @ts-ignore: decorator
@external("turgo_v1", "map_get")
export declare function mapGet(state: u32, key: usize, keyLength: u32, data: usize, capacity: u32): i64;

// @ts-ignore: decorator
@external("turgo_v1", "map_put")
export declare function mapPut(state: u32, key: usize, keyLength: u32, data: usize, length: u32): void;

// @ts-ignore: decorator
@external("turgo_v1", "map_delete")
export declare function mapDelete(state: u32, key: usize, keyLength: u32): void;

// @ts-ignore: decorator
@external("turgo_v1", "map_scan")
export declare function mapScan(state: u32, after: usize, afterLength: u32, data: usize, capacity: u32): i64;

// @ts-ignore: decorator
@external("turgo_v1", "timer_set")
export declare function timerSet(timer: u32, timestamp: i64): void;

// @ts-ignore: decorator
@external("turgo_v1", "timer_delete")
export declare function timerDelete(timer: u32, timestamp: i64): void;

// @ts-ignore: decorator
@external("turgo_v1", "log")
export declare function log(level: u32, text: usize, length: u32): void;

// @ts-ignore: decorator
@external("turgo_v1", "metric")
export declare function metric(index: u32, value: i64): void;

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "random_get")
export declare function randomGet(data: usize, length: u32): i32;
