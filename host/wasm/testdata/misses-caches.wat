;; Takes 512 MiB and reads it in an order that the processor cannot foresee, without end.
(module
  (memory (export "memory") 2)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"faulty\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]}]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x40000000066)) ;; 1024<<32 | 102
  (func (export "turgo_buffer") (param $length i32) (result i32) (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 65536))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (local $at i32)
    (drop (memory.grow (i32.const 8190)))
    (loop $l
      (local.set $at (i32.add (i32.mul (local.get $at) (i32.const 1664525)) (i32.const 1013904223)))
      (i32.store (i32.and (local.get $at) (i32.const 0x1ffffff8))
        (i32.load (i32.xor (i32.and (local.get $at) (i32.const 0x1ffffff8)) (i32.const 0x10000000))))
      (br $l)) (unreachable))
)
