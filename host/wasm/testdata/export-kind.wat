;; Exports turgo_buffer as a global.
(module
  (memory (export "memory") 2)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"faulty\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]}]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x40000000066)) ;; 1024<<32 | 102
  (global (export "turgo_buffer") i32 (i32.const 0))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 0))
)
