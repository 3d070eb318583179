;; caught by: versions
;; An aggregation that traps where an accumulator was written under another schema version than its own.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "fail" (func $fail (param i32 i32 i32)))
  (import "turgo_v1" "state_get" (func $state_get (param i32 i32 i32) (result i64)))
  (import "turgo_v1" "state_clear" (func $state_clear (param i32)))
  (import "turgo_v1" "timer_set" (func $timer_set (param i32 i64)))
  (memory (export "memory") 2)
  (data (i32.const 1024)
    "{\"abi\":\"turgo_v1\",\"language\":\"wat\",\"requires\":[\"aggregate\"],\"operators\":[{\"name\":\"lengths\","
    "\"inputs\":[{\"name\":\"in\",\"aggregation\":\"sum\"}],\"outputs\":[{\"name\":\"out\"}]"
    ",\"aggregations\":[{\"name\":\"sum\",\"schema_version\":1}]"
    ",\"timers\":[{\"name\":\"end\",\"domain\":\"event\"}]}]}\00")
  (data (i32.const 4096) "the key is longer than 65535 bytes")

  ;; The description ends with a 0 byte.
  (func $turgo_describe (export "turgo_describe") (result i64)
    (local $end i32)
    (local.set $end (i32.const 1024))
    (loop $next
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (br_if $next (i32.load8_u (local.get $end))))
    (i64.or (i64.const 0x40000000000) (i64.extend_i32_u (i32.sub (local.get $end) (i32.const 1024)))))

  ;; Makes the memory reach to an address. 0 = it does not get so large.
  (func $reserve (param $end i32) (result i32)
    (local $pages i32)
    (local.set $pages (i32.shr_u (i32.add (local.get $end) (i32.const 65535)) (i32.const 16)))
    (if (i32.le_u (local.get $pages) (memory.size)) (then (return (i32.const 1))))
    (i32.ne (memory.grow (i32.sub (local.get $pages) (memory.size))) (i32.const -1)))

  (func $turgo_buffer (export "turgo_buffer") (param $length i32) (result i32)
    (select (i32.const 65536) (i32.const 0) (call $reserve (i32.add (i32.const 65536) (local.get $length)))))

  (func $turgo_open (export "turgo_open") (param $operator i32) (param $request i32) (param $length i32) (result i32)
    (i32.const 64))

  ;; Output is built behind the argument: $from is where its batch begins, $to where its next record goes.
  (global $from (mut i32) (i32.const 0))
  (global $to (mut i32) (i32.const 0))
  (global $count (mut i32) (i32.const 0))
  (func $begin (param $behind i32)
    (global.set $from (i32.and (i32.add (local.get $behind) (i32.const 7)) (i32.const -8)))
    (global.set $to (i32.add (global.get $from) (i32.const 24)))
    (global.set $count (i32.const 0)))

  ;; Appends a record with the key and the time of one of the argument.
  (func $append (param $batch i32) (param $record i32) (param $index i32) (param $value i32) (param $length i32)
    (local $key i32) (local $size i32)
    (local.set $key (i32.load offset=20 (local.get $record)))
    (local.set $size (i32.add (i32.const 28) (i32.add (local.get $key) (local.get $length))))
    (if (i32.gt_u (i32.add (i32.sub (global.get $to) (global.get $from)) (local.get $size)) (i32.const 67108864))
      (then (call $flush)))
    (if (i32.eqz (call $reserve (i32.add (global.get $to) (local.get $size)))) (then unreachable))
    (i32.store (global.get $to) (local.get $size))
    (i32.store offset=4 (global.get $to) (i32.and (i32.load8_u offset=4 (local.get $record)) (i32.const 1)))
    (i64.store offset=8 (global.get $to) (i64.load offset=8 (local.get $record)))
    (i32.store offset=16 (global.get $to) (local.get $index))
    (i32.store offset=20 (global.get $to) (local.get $key))
    (i32.store offset=24 (global.get $to) (local.get $length))
    (memory.copy (i32.add (global.get $to) (i32.const 28))
      (i32.add (local.get $record) (i32.load16_u offset=6 (local.get $batch))) (local.get $key))
    (memory.copy (i32.add (i32.add (global.get $to) (i32.const 28)) (local.get $key)) (local.get $value) (local.get $length))
    (global.set $to (i32.add (global.get $to) (local.get $size)))
    (global.set $count (i32.add (global.get $count) (i32.const 1))))

  ;; Emits what was appended.
  (func $flush
    (if (i32.eqz (global.get $count)) (then (return)))
    (i64.store (global.get $from) (i64.const 0x001c000142475254)) ;; TRGB, version 1, rows, a fixed part of 28
    (i32.store offset=8 (global.get $from) (global.get $count))
    (i32.store offset=12 (global.get $from) (i32.sub (global.get $to) (global.get $from)))
    (i64.store offset=16 (global.get $from) (i64.const 0))
    (call $emit (i32.const 0) (global.get $from) (i32.sub (global.get $to) (global.get $from)))
    (call $begin (global.get $from)))

  (func $turgo_process (export "turgo_process") (param i32 i32 i32) (result i32) unreachable) ;; there is no other input

  ;; The argument is the batch of groups, and at the next multiple of 8 the batch of their records.
  (func $turgo_aggregate (export "turgo_aggregate") (param $aggregation i32) (param $groups i32) (param $length i32) (result i32)
    (local $group i32) (local $record i32) (local $index i32) (local $left i32) (local $sum i64) (local $to i32) (local $records i32)
    (local.set $records (i32.add (local.get $groups)
      (i32.and (i32.add (i32.load offset=12 (local.get $groups)) (i32.const 7)) (i32.const -8))))
    (local.set $record (i32.add (local.get $records) (i32.const 24)))
    (local.set $group (i32.add (local.get $groups) (i32.const 24)))
    ;; Accumulators are built behind the argument, each of them 36 bytes; the other output behind them.
    (local.set $to (i32.and (i32.add (i32.add (local.get $groups) (local.get $length)) (i32.const 7)) (i32.const -8)))
    (local.set $left (i32.add (i32.add (local.get $to) (i32.const 24)) (i32.mul (i32.load offset=8 (local.get $groups)) (i32.const 36))))
    (if (i32.eqz (call $reserve (local.get $left))) (then unreachable))
    (call $begin (local.get $left))
    (i64.store (local.get $to) (i64.const 0x001c000142475254)) ;; TRGB, version 1, rows, a fixed part of 28
    (i32.store offset=8 (local.get $to) (i32.load offset=8 (local.get $groups)))
    (i32.store offset=12 (local.get $to) (i32.sub (local.get $left) (local.get $to)))
    (i64.store offset=16 (local.get $to) (i64.const 0))
    (local.set $to (i32.add (local.get $to) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $groups))))
        (i32.store (i32.const 64) (local.get $index)) ;; the group in hand
        (local.set $sum (i64.const 0))
        (if (i32.eqz (i32.and (i32.load8_u offset=4 (local.get $group)) (i32.const 2))) (then ;; it has an accumulator
          (if (i32.ne (i32.load16_u offset=44 (local.get $group)) (i32.const 1)) (then unreachable))
          (local.set $sum (i64.load (i32.add (local.get $group)
            (i32.add (i32.load16_u offset=6 (local.get $groups)) (i32.load offset=20 (local.get $group))))))))
        (if (i32.gt_u (i32.load offset=20 (local.get $group)) (i32.const 65535))
          (then
            (call $fail (i32.const 1) (i32.const 4096) (i32.const 34))
            (local.set $record (i32.add (local.get $record) (i32.load offset=48 (local.get $group))))) ;; past its records
          (else
            (local.set $left (i32.load offset=16 (local.get $group)))
            (loop $records
              (local.set $sum (i64.add (local.get $sum) (i64.load32_u offset=24 (local.get $record))))
              (if (i64.gt_u (local.get $sum) (i64.const 1000)) (then
                (i64.store (i32.const 8192) (local.get $sum))
                (call $append (local.get $records) (local.get $record) (local.get $index) (i32.const 8192) (i32.const 8))
                (local.set $sum (i64.rem_u (local.get $sum) (i64.const 1000)))))
              (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
              (br_if $records (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
            (call $timer_set (i32.const 0) (i64.const 0x7fffffffffffffff))))
        (i32.store (local.get $to) (i32.const 36)) ;; the new accumulator: no key, 8 bytes
        (i32.store offset=4 (local.get $to) (i32.const 1))
        (i64.store offset=8 (local.get $to) (i64.const 0x8000000000000000))
        (i32.store offset=16 (local.get $to) (local.get $index))
        (i32.store offset=20 (local.get $to) (i32.const 0))
        (i32.store offset=24 (local.get $to) (i32.const 8))
        (i64.store offset=28 (local.get $to) (local.get $sum))
        (local.set $to (i32.add (local.get $to) (i32.const 36)))
        (local.set $group (i32.add (local.get $group) (i32.load (local.get $group))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (local.set $left (i32.add (i32.const 24) (i32.mul (local.get $index) (i32.const 36))))
    (call $emit (i32.const 0x80000000) (i32.sub (local.get $to) (local.get $left)) (local.get $left))
    (call $flush)
    (i32.const 0))

  (func $turgo_timers (export "turgo_timers") (param $timer i32) (param $batch i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32)
    (call $begin (i32.add (local.get $batch) (local.get $length)))
    (local.set $record (i32.add (local.get $batch) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $batch))))
        (i32.store (i32.const 64) (local.get $index)) ;; the record in hand
        (if (i64.ne (call $state_get (i32.const 0) (i32.const 8192) (i32.const 8)) (i64.const -1)) (then
          (call $append (local.get $batch) (local.get $record) (local.get $index) (i32.const 8192) (i32.const 8))))
        (call $state_clear (i32.const 0))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (call $flush)
    (i32.const 0)))
