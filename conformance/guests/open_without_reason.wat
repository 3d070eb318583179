;; caught by: open_refuses
;; It refuses a limit that is no whole number, but does not say why with fail.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 1024)
    "{\"abi\":\"turgo_v1\",\"language\":\"wat\",\"operators\":[{\"name\":\"guest\","
    "\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]"
    ",\"config_schema\":{\"type\":\"object\",\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":0}}}}]}\00")
  (data (i32.const 4096) "\"limit\":")

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

  ;; Where a text stands in another one, 0 = nowhere.
  (func $find (param $at i32) (param $end i32) (param $text i32) (param $length i32) (result i32)
    (local $i i32)
    (loop $next
      (if (i32.gt_u (i32.add (local.get $at) (local.get $length)) (local.get $end)) (then (return (i32.const 0))))
      (local.set $i (i32.const 0))
      (loop $compare
        (if (i32.eq (i32.load8_u (i32.add (local.get $at) (local.get $i))) (i32.load8_u (i32.add (local.get $text) (local.get $i)))) (then
          (br_if $compare (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $length)))
          (return (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    (unreachable))

  (func $turgo_open (export "turgo_open") (param $operator i32) (param $request i32) (param $length i32) (result i32)
    (local $at i32) (local $end i32)
    (local.set $end (i32.add (local.get $request) (local.get $length)))
    (local.set $at (call $find (local.get $request) (local.get $end) (i32.const 4096) (i32.const 8)))
    (if (i32.eqz (local.get $at)) (then (return (i32.const 64)))) ;; not given
    (if (i32.gt_u (i32.sub (i32.load8_u offset=8 (local.get $at)) (i32.const 0x30)) (i32.const 9)) (then (return (i32.const 0))))
    (i32.const 64))

  (func $turgo_process (export "turgo_process") (param $input i32) (param $batch i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32)
    (local.set $record (i32.add (local.get $batch) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $batch))))
        (i32.store (i32.const 64) (local.get $index)) ;; the record in hand
        (i32.store offset=16 (local.get $record) (local.get $index)) ;; the origin
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (call $emit (i32.const 0) (local.get $batch) (local.get $length))
    (i32.const 0)))
