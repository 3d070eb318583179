;; Writes a value for each record but the second, through two layers of wrappers
;; with locals of their own: 7, and 100 * the index in the upper half.
(module
  (import "turgo_v1" "state_put" (func $put (param i32 i32 i32)))
  (memory (export "memory") 8)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"calls\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[],\"states\":[{\"name\":\"s\",\"kind\":\"value\"}]}]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x4000000007e)) ;; 1024<<32 | 126
  (func (export "turgo_buffer") (param $length i32) (result i32)
    (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 262144))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func $inner (param $low i32) (param $high i32) (result i32)
    (local $sum i32) (local $wide i64) (local $narrow f32) (local $double f64)
    ;; all locals are 0 here, at each call
    (local.set $sum (i32.add (local.get $sum) (local.get $low)))
    (i32.store (i32.const 512) (local.get $sum))
    (local.set $wide (i64.add (local.get $wide) (i64.extend_i32_u (local.get $high))))
    (i32.store (i32.const 516) (i32.wrap_i64 (local.get $wide)))
    (if (f32.ne (local.get $narrow) (f32.const 0)) (then (unreachable)))
    (if (f64.ne (local.get $double) (f64.const 0)) (then (unreachable)))
    (local.set $narrow (f32.const 1))
    (local.set $double (f64.const 1))
    (call $put (i32.const 0) (i32.const 512) (i32.const 8))
    (local.get $sum))
  (func $outer (param $low i32) (param $index i32) (result i32)
    (local $times i32)
    (if (i32.eq (local.get $index) (i32.const 1)) (then (return (i32.const 7))))
    (block $done
      (loop $again
        (br_if $done (i32.eq (local.get $times) (i32.const 100)))
        (local.set $times (i32.add (local.get $times) (i32.const 1)))
        (br $again)))
    (call $inner (local.get $low) (i32.mul (local.get $times) (local.get $index))))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (local $at i32) (local $end i32) (local $index i32)
    (local.set $end (i32.add (local.get $pointer) (local.get $length)))
    (local.set $at (i32.add (local.get $pointer) (i32.const 24)))
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $end)) (then
        (i32.store (i32.const 16) (local.get $index)) ;; the record in hand
        (if (i32.ne (call $outer (i32.const 7) (local.get $index)) (i32.const 7)) (then (unreachable)))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.load (local.get $at))))
        (br $next))))
    (i32.const 0))
)
