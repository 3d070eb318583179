;; Traps on each record whose value starts with an x. Counts in memory and a global, so that a test sees whether a reset forgets.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"faulty\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]}]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x40000000066)) ;; 1024<<32 | 102
  (func (export "turgo_buffer") (param $length i32) (result i32) (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 65536))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32) (local $at i32) (local $end i32) (local $index i32)
    (local.set $end (i32.add (local.get $pointer) (local.get $length)))
    (local.set $at (i32.add (local.get $pointer) (i32.const 24)))
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $end)) (then
        (i32.store (i32.const 16) (local.get $index)) ;; the record in hand
        (i32.store (i32.const 512) (i32.add (i32.load (i32.const 512)) (i32.const 1)))
        (global.set $seen (i32.add (global.get $seen) (i32.const 1)))
        (if (i32.eq (i32.load8_u (i32.add (local.get $at) (i32.add (i32.const 28) (i32.load offset=20 (local.get $at))))) (i32.const 0x78)) (then unreachable))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.load (local.get $at))))
        (br $next))))
    ;; The value of the first record tells what was counted, if it is long enough.
    (if (i32.ge_u (i32.load (i32.add (local.get $pointer) (i32.const 48))) (i32.const 8)) (then
      (i32.store offset=28 (i32.add (i32.add (local.get $pointer) (i32.const 24)) (i32.load (i32.add (local.get $pointer) (i32.const 44)))) (i32.load (i32.const 512)))
      (i32.store offset=32 (i32.add (i32.add (local.get $pointer) (i32.const 24)) (i32.load (i32.add (local.get $pointer) (i32.const 44)))) (global.get $seen))))
    (call $emit (i32.const 0) (local.get $pointer) (local.get $length))
    (i32.const 0))
  (global $seen (mut i32) (i32.const 0))
)
