;; Emits the timers of each declaration to the output of its number. For the first it writes state. A key that starts with an x traps.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "state_put" (func $state_put (param i32 i32 i32)))
  (memory (export "memory") 512)
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"operators\":[{\"name\":\"timers\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}],\"states\":[{\"name\":\"fired\",\"kind\":\"value\"}],\"timers\":[{\"name\":\"a\",\"domain\":\"event\"},{\"name\":\"b\",\"domain\":\"event\"},{\"name\":\"c\",\"domain\":\"processing\"}]}]}")
  (func (export "turgo_describe") (result i64) (i64.const 0x40000000113)) ;; 1024<<32 | 275
  (func (export "turgo_buffer") (param $length i32) (result i32) (select (i32.const 65536) (i32.const 0) (i32.le_u (local.get $length) (i32.const 33488896))))
  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 16))
  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 0))
  (func (export "turgo_timers") (param $timer i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.store (i32.const 16) (i32.const 0))
    (call $state_put (i32.const 0) (i32.const 24) (i32.const 8)) ;; the watermark, out of the control block
    (if (i32.eq (i32.load8_u offset=52 (local.get $pointer)) (i32.const 0x78)) (then unreachable))
    (call $emit (local.get $timer) (local.get $pointer) (local.get $length))
    (i32.const 0))
)
