;; caught by: hand
;; It says which record is in hand only right before it fails one. Where another record traps, nobody knows which it
;; was.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "fail" (func $fail (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 1024)
    "{\"abi\":\"turgo_v1\",\"language\":\"wat\",\"operators\":[{\"name\":\"guest\","
    "\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]}]}\00")
  (data (i32.const 4096) "refused")

  ;; The description ends with a 0 byte.
  (func $turgo_describe (export "turgo_describe") (result i64)
    (local $end i32)
    (local.set $end (i32.const 1024))
    (loop $next
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (br_if $next (i32.load8_u (local.get $end))))
    (i64.or (i64.const 0x40000000000) (i64.extend_i32_u (i32.sub (local.get $end) (i32.const 1024)))))

  ;; Makes the memory reach to an address. 0 = it does not get so large.
  (func $reserve (param $end i32) (result i32)
    (local $pages i32)
    (local.set $pages (i32.shr_u (i32.add (local.get $end) (i32.const 65535)) (i32.const 16)))
    (if (i32.le_u (local.get $pages) (memory.size)) (then (return (i32.const 1))))
    (i32.ne (memory.grow (i32.sub (local.get $pages) (memory.size))) (i32.const -1)))

  (func $turgo_buffer (export "turgo_buffer") (param $length i32) (result i32)
    (select (i32.const 65536) (i32.const 0) (call $reserve (i32.add (i32.const 65536) (local.get $length)))))

  (func $turgo_open (export "turgo_open") (param $operator i32) (param $request i32) (param $length i32) (result i32)
    (i32.const 64))

  (func $turgo_process (export "turgo_process") (param $input i32) (param $batch i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32)
    (local.set $record (i32.add (local.get $batch) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $batch))))
        (i32.store offset=16 (local.get $record) (local.get $index)) ;; the origin
        (if (i32.load offset=24 (local.get $record)) (then
          (if (i32.eq (i32.load8_u (i32.add (local.get $record) (i32.add (i32.load16_u offset=6 (local.get $batch)) (i32.load offset=20 (local.get $record))))) (i32.const 0x21)) (then
            (i32.store (i32.const 64) (local.get $index)) ;; the record in hand
            (call $fail (i32.const 1) (i32.const 4096) (i32.const 7))))))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (call $emit (i32.const 0) (local.get $batch) (local.get $length))
    (i32.const 0)))
