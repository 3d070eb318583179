;; Requires a feature that no host has, and has a field that comes with it.
(module
  (memory (export "memory") 2)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"faulty\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[],\"eras\":[]}],\"requires\":[\"time_travel\"]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x4000000007d)) ;; 1024<<32 | 125
  (func (export "turgo_buffer") (param $length i32) (result i32) (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 65536))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 0))
)
