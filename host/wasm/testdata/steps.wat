;; Does for each record what its value says, one letter after the other: p puts the value, a appends to the list,
;; t sets a timer, m counts, e emits a record of the index as digit, f fails the record, g the same with another
;; code, x traps, r returns a status, b takes up the first record again, h the own one, n none. Timers whose key
;; begins with f fail, those with x trap, others emit.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "fail" (func $fail (param i32 i32 i32)))
  (import "turgo_v1" "state_put" (func $state_put (param i32 i32 i32)))
  (import "turgo_v1" "list_append" (func $list_append (param i32 i32 i32)))
  (import "turgo_v1" "timer_set" (func $timer_set (param i32 i64)))
  (import "turgo_v1" "metric" (func $metric (param i32 i64)))
  (memory (export "memory") 4)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"steps\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}],\"states\":[{\"name\":\"value\",\"kind\":\"value\"},{\"name\":\"list\",\"kind\":\"list\"}],\"timers\":[{\"name\":\"timer\",\"domain\":\"event\"}],\"metrics\":[{\"name\":\"records\",\"kind\":\"counter\"}]}]}")
  (data (i32.const 2048) "bad value")
  ;; 3072: a batch of one record with a null key and a value of one byte
  (data (i32.const 3072) "TRGB\01\00\1c\00\01\00\00\00\35\00\00\00\00\00\00\00\00\00\00\00\1d\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00")
  (func (export "turgo_describe") (result i64) (i64.const 0x4000000010b)) ;; 1024<<32 | 267
  (func (export "turgo_buffer") (param $length i32) (result i32) (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 196608))))
  (func (export "turgo_open") (param i32 i32 i32) (result i32) (i32.const 16))
  (func $say (param $index i32)
    (i32.store (i32.const 3112) (local.get $index)) ;; origin
    (i32.store8 (i32.const 3124) (i32.add (i32.const 48) (local.get $index)))
    (call $emit (i32.const 0) (i32.const 3072) (i32.const 53)))
  (func $do (param $letter i32) (param $index i32) (param $value i32) (param $length i32)
    (if (i32.eq (local.get $letter) (i32.const 112)) (then (call $state_put (i32.const 0) (local.get $value) (local.get $length)))) ;; p
    (if (i32.eq (local.get $letter) (i32.const 97)) (then (call $list_append (i32.const 1) (local.get $value) (local.get $length)))) ;; a
    (if (i32.eq (local.get $letter) (i32.const 116)) (then (call $timer_set (i32.const 0) (i64.const 100)))) ;; t
    (if (i32.eq (local.get $letter) (i32.const 109)) (then (call $metric (i32.const 0) (i64.const 1)))) ;; m
    (if (i32.eq (local.get $letter) (i32.const 101)) (then (call $say (local.get $index)))) ;; e
    (if (i32.eq (local.get $letter) (i32.const 102)) (then (call $fail (i32.const 42) (i32.const 2048) (i32.const 9)))) ;; f
    (if (i32.eq (local.get $letter) (i32.const 103)) (then (call $fail (i32.const 43) (i32.const 2048) (i32.const 0)))) ;; g
    (if (i32.eq (local.get $letter) (i32.const 120)) (then (unreachable))) ;; x
    (if (i32.eq (local.get $letter) (i32.const 98)) (then (i32.store (i32.const 16) (i32.const 0)))) ;; b
    (if (i32.eq (local.get $letter) (i32.const 104)) (then (i32.store (i32.const 16) (local.get $index)))) ;; h
    (if (i32.eq (local.get $letter) (i32.const 110)) (then (i32.store (i32.const 16) (i32.const -1))))) ;; n
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32) (local $count i32) (local $at i32) (local $end i32) (local $value i32)
    (local.set $count (i32.load offset=8 (local.get $pointer)))
    (local.set $record (i32.add (local.get $pointer) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (local.get $count)))
        (i32.store (i32.const 16) (local.get $index))
        (local.set $value (i32.add (i32.add (local.get $record) (i32.const 28)) (i32.load offset=20 (local.get $record))))
        (local.set $at (local.get $value))
        (local.set $end (i32.add (local.get $value) (i32.load offset=24 (local.get $record))))
        (block $last
          (loop $letter
            (br_if $last (i32.eq (local.get $at) (local.get $end)))
            (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 114)) (then (return (i32.const 5)))) ;; r
            (call $do (i32.load8_u (local.get $at)) (local.get $index) (local.get $value) (i32.sub (local.get $end) (local.get $value)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $letter)))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (i32.const 0))
  (func (export "turgo_timers") (param $timer i32) (param $pointer i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32) (local $count i32) (local $first i32)
    (local.set $count (i32.load offset=8 (local.get $pointer)))
    (local.set $record (i32.add (local.get $pointer) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (local.get $count)))
        (i32.store (i32.const 16) (local.get $index))
        (local.set $first (i32.load8_u offset=28 (local.get $record)))
        (call $list_append (i32.const 1) (i32.const 2048) (i32.const 3))
        (if (i32.eq (local.get $first) (i32.const 102)) (then (call $fail (i32.const 42) (i32.const 2048) (i32.const 9))))
        (if (i32.eq (local.get $first) (i32.const 120)) (then (unreachable)))
        (if (i32.gt_u (local.get $first) (i32.const 120)) (then (call $say (local.get $index))))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (i32.const 0))
)
