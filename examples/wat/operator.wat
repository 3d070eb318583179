(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (memory (export "memory") 2)
  ;; 64: the control block. 128: the description. 65536: the buffer.
  (data (i32.const 128) "{\"abi\":\"turgo_v1\",\"language\":\"wat\",\"operators\":[{\"name\":\"pass\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]}]}")

  (func (export "turgo_describe") (result i64)
    (i64.or (i64.shl (i64.const 128) (i64.const 32)) (i64.const 117)))

  (func (export "turgo_buffer") (param $length i32) (result i32)
    (local $pages i32)
    (local.set $pages (i32.shr_u (i32.add (i32.add (i32.const 65536) (local.get $length)) (i32.const 65535)) (i32.const 16)))
    (if (i32.gt_u (local.get $pages) (memory.size))
      (then (if (i32.eq (memory.grow (i32.sub (local.get $pages) (memory.size))) (i32.const -1))
        (then (return (i32.const 0))))))
    (i32.const 65536))

  (func (export "turgo_open") (param $operator i32) (param $pointer i32) (param $length i32) (result i32)
    (i32.const 64))

  (func (export "turgo_process") (param $input i32) (param $pointer i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32) (local $count i32)
    (local.set $count (i32.load offset=8 (local.get $pointer)))
    (local.set $record (i32.add (local.get $pointer) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (local.get $count)))
        (i32.store (i32.const 64) (local.get $index))
        (i32.store offset=16 (local.get $record) (local.get $index))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (call $emit (i32.const 0) (local.get $pointer) (local.get $length))
    (i32.const 0)))
