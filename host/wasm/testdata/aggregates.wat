;; Counts the records of each key as an aggregation: a group's accumulator is a 64-bit number. A record whose value starts with "!" traps,
;; one with "?" fails its group, one with "-" removes the accumulator. Each new accumulator is also emitted as a record of output 0.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "fail" (func $fail (param i32 i32 i32)))
  (memory (export "memory") 64)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"requires\":[\"aggregate\"],\"operators\":[{\"name\":\"count\",\"inputs\":[{\"name\":\"in\",\"aggregation\":\"total\"}],\"outputs\":[{\"name\":\"out\"}],\"aggregations\":[{\"name\":\"total\"}]}]}")
  (data (i32.const 512) "not to my taste")
  (func (export "turgo_describe") (result i64) (i64.const 0x400000000b6)) ;; 1024<<32 | 182
  (func (export "turgo_buffer") (param $length i32) (result i32) (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 2097152))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32) (i32.const 16))
  (func (export "turgo_process") (param i32 i32 i32) (result i32) unreachable)
  (func (export "turgo_aggregate") (param $aggregation i32) (param $groups i32) (param $length i32) (result i32)
    (local $group i32) (local $record i32) (local $to i32) (local $index i32) (local $left i32) (local $flags i32) (local $first i32) (local $total i64)
    (local.set $group (i32.add (local.get $groups) (i32.const 24)))
    ;; The batch of records begins at the next multiple of 8 behind the batch of groups.
    (local.set $record (i32.add (i32.const 24) (i32.and (i32.const -8)
      (i32.add (i32.const 7) (i32.add (local.get $groups) (i32.load offset=12 (local.get $groups)))))))
    (local.set $to (i32.const 2162712)) ;; the header's length behind 65536 + 2097152
    (block $done (loop $next
      (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $groups))))
      (i32.store (i32.const 16) (local.get $index)) ;; the group in hand
      (local.set $flags (i32.const 0))
      (local.set $total (i64.const 0))
      (if (i32.eqz (i32.and (i32.load8_u offset=4 (local.get $group)) (i32.const 2))) (then
        (local.set $total (i64.load offset=52 (i32.add (local.get $group) (i32.load offset=20 (local.get $group)))))))
      (local.set $left (i32.load offset=16 (local.get $group)))
      (loop $records
        (local.set $first (i32.load8_u offset=28 (i32.add (local.get $record) (i32.load offset=20 (local.get $record)))))
        (if (i32.eq (local.get $first) (i32.const 0x21)) (then unreachable))
        (if (i32.eq (local.get $first) (i32.const 0x3f)) (then (call $fail (i32.const 7) (i32.const 512) (i32.const 15))))
        (if (i32.eq (local.get $first) (i32.const 0x2d)) (then (local.set $flags (i32.const 2))))
        (local.set $total (i64.add (local.get $total) (i64.const 1)))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (br_if $records (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      ;; The new accumulator: key null, value 8 bytes or null.
      (i32.store (local.get $to) (select (i32.const 28) (i32.const 36) (local.get $flags)))
      (i32.store offset=4 (local.get $to) (i32.or (i32.const 1) (local.get $flags)))
      (i64.store offset=8 (local.get $to) (i64.load offset=8 (local.get $group)))
      (i32.store offset=16 (local.get $to) (local.get $index))
      (i32.store offset=20 (local.get $to) (i32.const 0))
      (i32.store offset=24 (local.get $to) (select (i32.const 0) (i32.const 8) (local.get $flags)))
      (i64.store offset=28 (local.get $to) (local.get $total))
      (local.set $to (i32.add (local.get $to) (i32.load (local.get $to))))
      (local.set $group (i32.add (local.get $group) (i32.load (local.get $group))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $next)))
    (local.set $to (i32.sub (local.get $to) (i32.const 2162688)))
    (i64.store (i32.const 2162688) (i64.const 0x001c000142475254)) ;; TRGB, version 1, rows, fixed part of 28
    (i32.store (i32.const 2162696) (local.get $index))
    (i32.store (i32.const 2162700) (local.get $to))
    (i64.store (i32.const 2162704) (i64.const 0))
    (call $emit (i32.const 0x80000000) (i32.const 2162688) (local.get $to))
    (call $emit (i32.const 0) (i32.const 2162688) (local.get $to))
    (i32.const 0)))
