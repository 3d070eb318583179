;; caught by: division
;; It keeps the greatest time of the batch, and fails records that are more than a second older. In another batch they
;; would not be.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "fail" (func $fail (param i32 i32 i32)))
  (import "turgo_v1" "state_get" (func $state_get (param i32 i32 i32) (result i64)))
  (import "turgo_v1" "state_put" (func $state_put (param i32 i32 i32)))
  (import "turgo_v1" "state_clear" (func $state_clear (param i32)))
  (import "turgo_v1" "timer_set" (func $timer_set (param i32 i64)))
  (import "turgo_v1" "metric" (func $metric (param i32 i64)))
  (memory (export "memory") 2)
  (data (i32.const 1024)
    "{\"abi\":\"turgo_v1\",\"language\":\"wat\",\"operators\":[{\"name\":\"count\","
    "\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]"
    ",\"states\":[{\"name\":\"total\",\"kind\":\"value\",\"prefetch\":true}]"
    ",\"timers\":[{\"name\":\"end\",\"domain\":\"event\"}]"
    ",\"metrics\":[{\"name\":\"records\",\"kind\":\"counter\"}]}]}\00")
  (data (i32.const 4096) "the key is longer than 65535 bytes")
  (data (i32.const 4160) "the record has no key")
  (data (i32.const 4224) "too late")

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

  ;; Reads the total of the key of the record in hand to 8192. 0 = there is none.
  (func $total (result i32)
    (i64.store (i32.const 8192) (i64.const 0))
    (i64.ne (call $state_get (i32.const 0) (i32.const 8192) (i32.const 8)) (i64.const -1)))

  ;; Sets the timer of the second that a time is in. Next to the ends of what 64 bits hold there is none.
  (func $arm (param $time i64)
    (if (i64.lt_s (local.get $time) (i64.const -0x7ffffffffffff000)) (then (return))) ;; or there is no time
    (if (i64.gt_s (local.get $time) (i64.const 0x7ffffffffffff000)) (then (return)))
    (call $timer_set (i32.const 0)
      (i64.add (i64.const 1000) (i64.sub (local.get $time) (i64.rem_s (local.get $time) (i64.const 1000))))))

  (global $latest (mut i64) (i64.const 0x8000000000000000))
  (func $one (param $batch i32) (param $record i32) (param $index i32)
    (if (i32.and (i32.load8_u offset=4 (local.get $record)) (i32.const 1)) (then
      (call $fail (i32.const 2) (i32.const 4160) (i32.const 21))
      (return)))
    (if (i32.gt_u (i32.load offset=20 (local.get $record)) (i32.const 65535)) (then
      (call $fail (i32.const 1) (i32.const 4096) (i32.const 34))
      (return)))
    (if (i64.gt_s (i64.load offset=8 (local.get $record)) (global.get $latest))
      (then (global.set $latest (i64.load offset=8 (local.get $record)))))
    (if (i64.lt_s (i64.load offset=8 (local.get $record)) (i64.sub (global.get $latest) (i64.const 1000))) (then
      (call $fail (i32.const 3) (i32.const 4224) (i32.const 8))
      (return)))
    (call $metric (i32.const 0) (i64.const 1))
    (drop (call $total))
    (i64.store (i32.const 8192) (i64.add (i64.load (i32.const 8192)) (i64.const 1)))
    (call $state_put (i32.const 0) (i32.const 8192) (i32.const 8))
    (call $arm (i64.load offset=8 (local.get $record)))
    (call $append (local.get $batch) (local.get $record) (local.get $index) (i32.const 8192) (i32.const 8)))

  (func $turgo_process (export "turgo_process") (param $input i32) (param $batch i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32)
    (call $begin (i32.add (local.get $batch) (local.get $length)))
    (global.set $latest (i64.const 0x8000000000000000))
    (local.set $record (i32.add (local.get $batch) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $batch))))
        (i32.store (i32.const 64) (local.get $index)) ;; the record in hand
        (call $one (local.get $batch) (local.get $record) (local.get $index))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (call $flush)
    (i32.const 0))

  (func $turgo_timers (export "turgo_timers") (param $timer i32) (param $batch i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32)
    (call $begin (i32.add (local.get $batch) (local.get $length)))
    (global.set $latest (i64.const 0x8000000000000000))
    (local.set $record (i32.add (local.get $batch) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $batch))))
        (i32.store (i32.const 64) (local.get $index)) ;; the record in hand
        (if (call $total) (then
          (call $append (local.get $batch) (local.get $record) (local.get $index) (i32.const 8192) (i32.const 8))
          (call $state_clear (i32.const 0))))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (call $flush)
    (i32.const 0)))
