;; caught by: restore
;; It takes the distance between the cursors of two list elements for the number of elements in between, and emits it
;; as the time of what its timer makes. The numbers of cursors differ after a restart: only their order has a meaning.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "fail" (func $fail (param i32 i32 i32)))
  (import "turgo_v1" "list_append" (func $list_append (param i32 i32 i32)))
  (import "turgo_v1" "list_read" (func $list_read (param i32 i64 i32 i32) (result i64)))
  (import "turgo_v1" "state_clear" (func $state_clear (param i32)))
  (import "turgo_v1" "timer_set" (func $timer_set (param i32 i64)))
  (memory (export "memory") 2)
  (data (i32.const 1024)
    "{\"abi\":\"turgo_v1\",\"language\":\"wat\",\"operators\":[{\"name\":\"guest\","
    "\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]"
    ",\"states\":[{\"name\":\"values\",\"kind\":\"list\"}]"
    ",\"timers\":[{\"name\":\"end\",\"domain\":\"event\"}]}]}\00")
  (data (i32.const 4160) "the record has no key")

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
        (i32.store (i32.const 64) (local.get $index)) ;; the record in hand
        (i32.store offset=16 (local.get $record) (local.get $index)) ;; the origin
        (if (i32.and (i32.load8_u offset=4 (local.get $record)) (i32.const 1))
          (then (call $fail (i32.const 2) (i32.const 4160) (i32.const 21)))
          (else
            (call $list_append (i32.const 0) (i32.add (local.get $record) (i32.const 24)) (i32.const 4)) ;; the value's length
            (if (i64.gt_s (i64.load offset=8 (local.get $record)) (i64.const 0))
              (then (call $timer_set (i32.const 0) (i64.add (i64.load offset=8 (local.get $record)) (i64.const 1000)))))))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (call $emit (i32.const 0) (local.get $batch) (local.get $length))
    (i32.const 0))

  (func $turgo_timers (export "turgo_timers") (param $timer i32) (param $batch i32) (param $length i32) (result i32)
    (local $record i32) (local $index i32)
    (local.set $record (i32.add (local.get $batch) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $batch))))
        (i32.store (i32.const 64) (local.get $index)) ;; the record in hand
        (i32.store offset=16 (local.get $record) (local.get $index)) ;; the origin
        ;; The first element, and the one after it: each is 16 bytes and its value.
        (drop (call $list_read (i32.const 0) (i64.const 0) (i32.const 8192) (i32.const 20)))
        (if (i64.ne (call $list_read (i32.const 0) (i64.load (i32.const 8192)) (i32.const 8224) (i32.const 20)) (i64.const 0))
          (then (i64.store offset=8 (local.get $record) (i64.sub (i64.load (i32.const 8224)) (i64.load (i32.const 8192))))))
        (call $state_clear (i32.const 0))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (call $emit (i32.const 0) (local.get $batch) (local.get $length))
    (i32.const 0)))
