;; Grows its memory, which must have its size and be zero there, and traps.
(module
  (memory (export "memory") 2)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"faulty\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]}]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x40000000066)) ;; 1024<<32 | 102
  (func (export "turgo_buffer") (param $length i32) (result i32) (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 65536))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (local $at i32)
    (local.set $at (i32.shl (memory.grow (i32.const 10)) (i32.const 16)))
    (if (i32.ne (local.get $at) (i32.const 131072)) (then (return (i32.const 1))))
    (if (i32.or (i32.load (local.get $at)) (i32.load offset=655356 (local.get $at))) (then (return (i32.const 2))))
    (if (i32.load (i32.const 512)) (then (return (i32.const 3))))
    (i32.store (i32.const 512) (i32.const 1))
    (i32.store (local.get $at) (i32.const 1))
    (i32.store offset=655356 (local.get $at) (i32.const 1))
    (unreachable))
)
