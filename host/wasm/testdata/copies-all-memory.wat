;; Takes 512 MiB and moves half of it with one instruction, up and down, again and again.
(module
  (memory (export "memory") 2)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"faulty\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]}]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x40000000066)) ;; 1024<<32 | 102
  (func (export "turgo_buffer") (param $length i32) (result i32) (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 65536))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (drop (memory.grow (i32.const 8190)))
    (loop $l
      (memory.copy (i32.const 131072) (i32.const 131073) (i32.const 268435456))
      (memory.copy (i32.const 131073) (i32.const 131072) (i32.const 268435456))
      (br $l)) (unreachable))
)
