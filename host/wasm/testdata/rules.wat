;; Breaks a rule of the host calls: which one, the first byte of the first value says.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "fail" (func $fail (param i32 i32 i32)))
  (import "turgo_v1" "state_get" (func $state_get (param i32 i32 i32) (result i64)))
  (import "turgo_v1" "state_put" (func $state_put (param i32 i32 i32)))
  (import "turgo_v1" "state_clear" (func $state_clear (param i32)))
  (import "turgo_v1" "list_append" (func $list_append (param i32 i32 i32)))
  (import "turgo_v1" "list_read" (func $list_read (param i32 i64 i32 i32) (result i64)))
  (import "turgo_v1" "map_get" (func $map_get (param i32 i32 i32 i32 i32) (result i64)))
  (import "turgo_v1" "map_put" (func $map_put (param i32 i32 i32 i32 i32)))
  (import "turgo_v1" "map_delete" (func $map_delete (param i32 i32 i32)))
  (import "turgo_v1" "map_scan" (func $map_scan (param i32 i32 i32 i32 i32) (result i64)))
  (import "turgo_v1" "timer_set" (func $timer_set (param i32 i64)))
  (import "turgo_v1" "timer_delete" (func $timer_delete (param i32 i64)))
  (import "turgo_v1" "log" (func $log (param i32 i32 i32)))
  (import "turgo_v1" "metric" (func $metric (param i32 i64)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"rules\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}],\"states\":[{\"name\":\"value\",\"kind\":\"value\"},{\"name\":\"list\",\"kind\":\"list\"},{\"name\":\"map\",\"kind\":\"map\"}],\"timers\":[{\"name\":\"timer\",\"domain\":\"event\"}],\"metrics\":[{\"name\":\"records\",\"kind\":\"counter\"},{\"name\":\"level\",\"kind\":\"gauge\"}]}]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x40000000147)) ;; 1024<<32 | 327
  (func (export "turgo_buffer") (param $length i32) (result i32) (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 65536))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.store (i32.const 16) (i32.const 0)) ;; the first record is in hand
    (block $end
    (block $c27
    (block $c26
    (block $c25
    (block $c24
    (block $c23
    (block $c22
    (block $c21
    (block $c20
    (block $c19
    (block $c18
    (block $c17
    (block $c16
    (block $c15
    (block $c14
    (block $c13
    (block $c12
    (block $c11
    (block $c10
    (block $c9
    (block $c8
    (block $c7
    (block $c6
    (block $c5
    (block $c4
    (block $c3
    (block $c2
    (block $c1
    (block $c0
      (br_table $c0 $c1 $c2 $c3 $c4 $c5 $c6 $c7 $c8 $c9 $c10 $c11 $c12 $c13 $c14 $c15 $c16 $c17 $c18 $c19 $c20 $c21 $c22 $c23 $c24 $c25 $c26 $c27 $end (i32.load8_u offset=28 (i32.add (i32.add (local.get $pointer) (i32.const 24)) (i32.load offset=44 (local.get $pointer))))))
    ;; 0: emit
    (call $emit (i32.const 0) (i32.const 131000) (i32.const 100)) (br $end))
    ;; 1: fail
    (call $fail (i32.const 1) (i32.const -4) (i32.const 8)) (br $end))
    ;; 2: state_get
    (drop (call $state_get (i32.const 0) (i32.const 131071) (i32.const 2))) (br $end))
    ;; 3: state_put
    (call $state_put (i32.const 0) (i32.const 131072) (i32.const 1)) (br $end))
    ;; 4: list_append
    (call $list_append (i32.const 1) (i32.const 0) (i32.const -1)) (br $end))
    ;; 5: list_read
    (drop (call $list_read (i32.const 1) (i64.const 0) (i32.const 131072) (i32.const 16))) (br $end))
    ;; 6: map_get key
    (drop (call $map_get (i32.const 2) (i32.const 131072) (i32.const 1) (i32.const 0) (i32.const 0))) (br $end))
    ;; 7: map_get target
    (drop (call $map_get (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 131072) (i32.const 1))) (br $end))
    ;; 8: map_put key
    (call $map_put (i32.const 2) (i32.const 131072) (i32.const 1) (i32.const 0) (i32.const 0)) (br $end))
    ;; 9: map_put value
    (call $map_put (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 131072) (i32.const 1)) (br $end))
    ;; 10: map_delete
    (call $map_delete (i32.const 2) (i32.const 131072) (i32.const 1)) (br $end))
    ;; 11: map_scan after
    (drop (call $map_scan (i32.const 2) (i32.const 131072) (i32.const 1) (i32.const 0) (i32.const 0))) (br $end))
    ;; 12: map_scan target
    (drop (call $map_scan (i32.const 2) (i32.const 0) (i32.const -1) (i32.const 131072) (i32.const 1))) (br $end))
    ;; 13: log
    (call $log (i32.const 1) (i32.const 131072) (i32.const 1)) (br $end))
    ;; 14: undeclared state
    (drop (call $state_get (i32.const 9) (i32.const 0) (i32.const 0))) (br $end))
    ;; 15: state of another kind
    (call $list_append (i32.const 0) (i32.const 0) (i32.const 0)) (br $end))
    ;; 16: undeclared timer
    (call $timer_set (i32.const 3) (i64.const 0)) (br $end))
    ;; 17: undeclared timer deleted
    (call $timer_delete (i32.const -1) (i64.const 0)) (br $end))
    ;; 18: undeclared metric
    (call $metric (i32.const 5) (i64.const 1)) (br $end))
    ;; 19: hand out of range
    (i32.store (i32.const 16) (i32.const 9)) (call $state_clear (i32.const 0)) (br $end))
    ;; 20: no hand
    (i32.store (i32.const 16) (i32.const -1)) (call $state_clear (i32.const 0)) (br $end))
    ;; 21: fail with no hand
    (i32.store (i32.const 16) (i32.const -1)) (call $fail (i32.const 1) (i32.const 0) (i32.const 0)) (br $end))
    ;; 22: null key
    (i32.store (i32.const 16) (i32.const 1)) (call $state_put (i32.const 0) (i32.const 0) (i32.const 1)) (br $end))
    ;; 23: state without end
    (loop $l (call $state_put (i32.const 0) (i32.const 0) (i32.const 65536)) (br $l)) (br $end))
    ;; 24: failed record
    (call $state_put (i32.const 0) (i32.const 0) (i32.const 1)) (call $fail (i32.const 42) (i32.const 2048) (i32.const 9)) (br $end))
    ;; 25: success
    (call $metric (i32.const 0) (i64.const 5)) (call $metric (i32.const 1) (i64.const 8)) (call $state_put (i32.const 0) (i32.const 2048) (i32.const 9)) (call $timer_set (i32.const 0) (i64.const 100)) (br $end))
    ;; 26: proc_exit
    (call $proc_exit (i32.const 3)) (unreachable) (br $end))
    ;; 27: division by zero
    (drop (i32.div_u (i32.const 1) (i32.const 0))) (br $end))
    (i32.const 0))
  (data (i32.const 2048) "bad value")
  (func (export "turgo_timers") (param i32 i32 i32) (result i32) (call $emit (i32.const 0) (local.get 1) (local.get 2)) (i32.const 0))
)
