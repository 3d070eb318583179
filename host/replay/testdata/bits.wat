;; An operator by hand that lets reach its output and its state: eight random
;; bytes, the clock, the bits of a NaN that arithmetic made, the size of its memory
;; before and after growing, and what its state held.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "state_get" (func $get (param i32 i32 i32) (result i64)))
  (import "turgo_v1" "state_put" (func $put (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (memory (export "memory") 2 64)
  ;; 64: the control block. 128: a batch of one record, its value at 180, then
  ;; the state. 1024: the description. 65536: the buffer.
  (data (i32.const 128) "TRGB\01\00\1c\00\01\00\00\00\5c\00\00\00\00\00\00\00\00\00\00\00")
  (data (i32.const 152) "\44\00\00\00\01\00\00\00\00\00\00\00\00\00\00\80\00\00\00\00\00\00\00\00\28\00\00\00")
  (data (i32.const 1024) "{\"abi\":\"turgo_v1\",\"language\":\"wat\",\"operators\":[{\"name\":\"bits\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}],\"states\":[{\"name\":\"bits\",\"kind\":\"value\"}]}]}")

  (func (export "turgo_describe") (result i64)
    (i64.or (i64.shl (i64.const 1024) (i64.const 32)) (i64.const 159)))
  (func (export "turgo_buffer") (param i32) (result i32) (i32.const 65536))
  (func (export "turgo_open") (param i32 i32 i32) (result i32) (i32.const 64))

  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (local $index i32) (local $count i32)
    (local.set $count (i32.load offset=8 (local.get $pointer)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (local.get $count)))
        (i32.store (i32.const 64) (local.get $index))
        (i32.store (i32.const 168) (local.get $index))
        (drop (call $random (i32.const 180) (i32.const 8)))
        (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 188)))
        ;; zero divided by zero
        (f64.store (i32.const 196) (f64.div (f64.load (i32.const 512)) (f64.load (i32.const 520))))
        (i32.store (i32.const 204) (memory.grow (i32.const 1)))
        (i32.store (i32.const 208) (memory.size))
        (i64.store (i32.const 212) (i64.const 0))
        (drop (call $get (i32.const 0) (i32.const 212) (i32.const 8)))
        (i64.store (i32.const 212) (i64.xor (i64.load (i32.const 180)) (i64.rotl (i64.load (i32.const 212)) (i64.const 7))))
        (call $put (i32.const 0) (i32.const 212) (i32.const 8))
        (call $emit (i32.const 0) (i32.const 128) (i32.const 92))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (i32.const 0)))
