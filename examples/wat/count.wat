;; An operator by hand: it counts the records of each key, and emits the count with each
;; record. Numbers in brackets are the sections of abi/SPEC.md.
(module
  ;; [5] What the host offers, as far as it is used here.
  (import "turgo_v1" "emit" (func $emit (param $output i32) (param $pointer i32) (param $length i32)))
  (import "turgo_v1" "state_get" (func $state_get (param $state i32) (param $pointer i32) (param $capacity i32) (result i64)))
  (import "turgo_v1" "state_put" (func $state_put (param $state i32) (param $pointer i32) (param $length i32)))

  ;; The memory, two pages of 64 KiB at first:
  ;;     64  the control block, 32 bytes [4]
  ;;     96  the count of the record in hand, 8 bytes
  ;;    128  the description
  ;;  65536  the buffer that the host writes into, and behind its batch the batch that is emitted
  (memory (export "memory") 2)

  ;; [10] One operator with one input, one output and one state: they all have the number 0.
  (data (i32.const 128) "{\"abi\":\"turgo_v1\",\"language\":\"wat\",\"operators\":[{\"name\":\"count\","
    "\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"counts\"}],\"states\":[{\"name\":\"count\",\"kind\":\"value\"}]}]}")

  ;; [3] Where the description is: pointer and length in one number.
  (func (export "turgo_describe") (result i64)
    (i64.or (i64.shl (i64.const 128) (i64.const 32)) (i64.const 164)))

  ;; [3] The buffer is always at the same place. Each record that is emitted has 8 bytes more than
  ;; the one it comes from at most, which has 28: so twice the length is room for both batches.
  (func (export "turgo_buffer") (param $length i32) (result i32)
    (local $pages i64)
    (local.set $pages (i64.shr_u
      (i64.add (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 1)) (i64.const 131071))
      (i64.const 16)))
    (if (i64.gt_u (local.get $pages) (i64.extend_i32_u (memory.size)))
      (then
        (if (i64.gt_u (local.get $pages) (i64.const 65536)) (then (return (i32.const 0))))
        (if (i32.eq (i32.const -1) (memory.grow (i32.sub (i32.wrap_i64 (local.get $pages)) (memory.size))))
          (then (return (i32.const 0)))))) ;; out of memory
    (i32.const 65536))

  ;; [3] There is no config to read: the result is the control block.
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 64))

  ;; [7] Adds 1 to the count of the key in hand, and leaves it at 96. State calls take no key: they
  ;; act on that of the record in hand. -1 = there is no value yet.
  (func $increment
    (if (i64.eq (call $state_get (i32.const 0) (i32.const 96) (i32.const 8)) (i64.const -1))
      (then (i64.store (i32.const 96) (i64.const 0))))
    (i64.store (i32.const 96) (i64.add (i64.load (i32.const 96)) (i64.const 1)))
    (call $state_put (i32.const 0) (i32.const 96) (i32.const 8)))

  ;; [6] Writes a record at $to: the key and the timestamp of $record, the count as value. It
  ;; returns where the record ends.
  (func $write (param $to i32) (param $record i32) (param $fixed i32) (param $index i32) (result i32)
    (local $key i32)
    (local.set $key (i32.load offset=20 (local.get $record)))                          ;; its length
    (i32.store (local.get $to) (i32.add (local.get $key) (i32.const 36)))              ;; 28 + key + 8
    (i32.store offset=4 (local.get $to) (i32.const 0))                                 ;; an insert, nothing is null
    (i64.store offset=8 (local.get $to) (i64.load offset=8 (local.get $record)))       ;; timestamp
    (i32.store offset=16 (local.get $to) (local.get $index))                           ;; origin
    (i32.store offset=20 (local.get $to) (local.get $key))
    (i32.store offset=24 (local.get $to) (i32.const 8))                                ;; length of the value
    (memory.copy (i32.add (local.get $to) (i32.const 28))
      (i32.add (local.get $record) (local.get $fixed)) (local.get $key))
    (local.set $to (i32.add (local.get $to) (i32.add (local.get $key) (i32.const 36))))
    (i64.store (i32.sub (local.get $to) (i32.const 8)) (i64.load (i32.const 96)))
    (local.get $to))

  ;; [6] A batch is at most 64 MiB: it is emitted when it holds 1 MiB, and at the end.
  (func $emit_batch (param $out i32) (param $end i32) (param $count i32)
    (local $length i32)
    (local.set $length (i32.sub (local.get $end) (local.get $out)))
    (i32.store (local.get $out) (i32.const 0x42475254))                                ;; TRGB
    (i32.store offset=4 (local.get $out) (i32.const 0x001c0001))                       ;; version 1, rows, 28
    (i32.store offset=8 (local.get $out) (local.get $count))
    (i32.store offset=12 (local.get $out) (local.get $length))
    (i64.store offset=16 (local.get $out) (i64.const 0))
    (call $emit (i32.const 0) (local.get $out) (local.get $length)))

  ;; [3, 6] A batch: its header, then the records one after the other. The header tells how long
  ;; the fixed part of a record is that is read; one that is written has 28 bytes.
  (func (export "turgo_process") (param $input i32) (param $batch i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32) (local $first i32) (local $out i32) (local $end i32)
    (local.set $record (i32.add (local.get $batch) (i32.const 24)))
    (local.set $out (i32.add (local.get $batch) (local.get $length)))
    (local.set $end (i32.add (local.get $out) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $batch))))
        ;; [4] The record is in hand now: state acts on its key, and it is blamed for what goes wrong.
        (i32.store (i32.const 64) (local.get $index))
        (call $increment)
        (local.set $end (call $write (local.get $end) (local.get $record)
          (i32.load16_u offset=6 (local.get $batch)) (local.get $index)))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br_if $next (i32.lt_u (i32.sub (local.get $end) (local.get $out)) (i32.const 0x100000)))
        (call $emit_batch (local.get $out) (local.get $end) (i32.sub (local.get $index) (local.get $first)))
        (local.set $first (local.get $index))
        (local.set $end (i32.add (local.get $out) (i32.const 24)))
        (br $next)))
    (call $emit_batch (local.get $out) (local.get $end) (i32.sub (local.get $index) (local.get $first)))
    (i32.const 0))) ;; success
