;; Reads and writes a value state for each record.
(module
  (import "turgo_v1" "state_get" (func $get (param i32 i32 i32) (result i64)))
  (import "turgo_v1" "state_put" (func $put (param i32 i32 i32)))
  (memory (export "memory") 8)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"calls\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[],\"states\":[{\"name\":\"s\",\"kind\":\"value\"}]}]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x4000000007e)) ;; 1024<<32 | 126
  (func (export "turgo_buffer") (param $length i32) (result i32)
    (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 262144))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (local $at i32) (local $end i32) (local $index i32)
    (local.set $end (i32.add (local.get $pointer) (local.get $length)))
    (local.set $at (i32.add (local.get $pointer) (i32.const 24)))
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $end)) (then
        (i32.store (i32.const 16) (local.get $index)) ;; the record in hand
        (drop (call $get (i32.const 0) (i32.const 512) (i32.const 8)))
        (call $put (i32.const 0) (i32.const 512) (i32.const 8))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.load (local.get $at))))
        (br $next))))
    (i32.const 0))
)
