;; caught by: nothing
;; A module of two operators. The first sends records with values of more bytes than its config allows to a second
;; output, and fails those that begin with an exclamation mark. It reads its config by a walk over the JSON, and
;; refuses what its schema does not allow. The second takes records of two inputs and emits nothing.
(module
  (import "turgo_v1" "emit" (func $emit (param i32 i32 i32)))
  (import "turgo_v1" "fail" (func $fail (param i32 i32 i32)))
  (import "turgo_v1" "log" (func $log (param i32 i32 i32)))
  (import "turgo_v1" "metric" (func $metric (param i32 i64)))
  (memory (export "memory") 2)
  (data (i32.const 1024)
    "{\"abi\":\"turgo_v1\",\"language\":\"wat\",\"operators\":["
    "{\"name\":\"route\",\"inputs\":[{\"name\":\"in\",\"changes\":[\"insert\",\"update_before\",\"update_after\",\"delete\"]}],"
    "\"outputs\":[{\"name\":\"short\"},{\"name\":\"long\"}],\"metrics\":[{\"name\":\"longest\",\"kind\":\"gauge\"}],"
    "\"config_schema\":{\"type\":\"object\",\"properties\":{\"limit\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":99999999}}}},"
    "{\"name\":\"drop\",\"inputs\":[{\"name\":\"left\"},{\"name\":\"right\"}],\"outputs\":[]}]}\00")
  (data (i32.const 4096) "config")
  (data (i32.const 4112) "limit")
  (data (i32.const 4128) "config: limit must be a whole number from 0 to 99999999")
  (data (i32.const 4224) "the value begins with an exclamation mark")
  (global $operator (mut i32) (i32.const 0))
  (global $limit (mut i32) (i32.const 16))

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

  ;; The value of a member of the JSON object that starts at an address: where it is, 0 = there is none.
  (func $member (param $at i32) (param $end i32) (param $name i32) (param $length i32) (result i32)
    (local $depth i32) (local $byte i32) (local $string i32) (local $i i32)
    (loop $next
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (i32.const 0))))
      (local.set $byte (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.or (i32.eq (local.get $byte) (i32.const 0x7b)) (i32.eq (local.get $byte) (i32.const 0x5b))) ;; { [
        (then (local.set $depth (i32.add (local.get $depth) (i32.const 1))) (br $next)))
      (if (i32.or (i32.eq (local.get $byte) (i32.const 0x7d)) (i32.eq (local.get $byte) (i32.const 0x5d))) (then ;; } ]
        (br_if $next (local.tee $depth (i32.sub (local.get $depth) (i32.const 1))))
        (return (i32.const 0))))
      (br_if $next (i32.ne (local.get $byte) (i32.const 0x22))) ;; a string begins
      (local.set $string (local.get $at))
      (loop $characters
        (local.set $byte (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.eq (local.get $byte) (i32.const 0x5c)) (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
        (br_if $characters (i32.ne (local.get $byte) (i32.const 0x22))))
      (br_if $next (i32.ne (local.get $depth) (i32.const 1)))
      (br_if $next (i32.ne (i32.sub (local.get $at) (local.get $string)) (i32.add (local.get $length) (i32.const 1))))
      (local.set $i (i32.const 0))
      (loop $compare
        (br_if $next (i32.ne (i32.load8_u (i32.add (local.get $string) (local.get $i))) (i32.load8_u (i32.add (local.get $name) (local.get $i)))))
        (br_if $compare (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $length))))
      (local.set $i (call $blank (local.get $at)))
      (br_if $next (i32.ne (i32.load8_u (local.get $i)) (i32.const 0x3a))) ;; a string that no colon follows is a value
      (return (call $blank (i32.add (local.get $i) (i32.const 1)))))
    (unreachable))

  (func $blank (param $at i32) (result i32)
    (loop $next
      (if (i32.le_u (i32.load8_u (local.get $at)) (i32.const 0x20)) (then
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))))
    (local.get $at))

  (func $turgo_open (export "turgo_open") (param $operator i32) (param $request i32) (param $length i32) (result i32)
    (local $at i32) (local $end i32) (local $digits i32) (local $limit i32)
    (global.set $operator (local.get $operator))
    (if (local.get $operator) (then (return (i32.const 64))))
    (local.set $end (i32.add (local.get $request) (local.get $length)))
    (local.set $at (call $member (local.get $request) (local.get $end) (i32.const 4096) (i32.const 6)))
    (local.set $at (call $member (local.get $at) (local.get $end) (i32.const 4112) (i32.const 5)))
    (if (i32.eqz (local.get $at)) (then (return (i32.const 64)))) ;; not given
    (block $done
      (loop $next
        (br_if $done (i32.gt_u (i32.sub (i32.load8_u (i32.add (local.get $at) (local.get $digits))) (i32.const 0x30)) (i32.const 9)))
        (local.set $limit (i32.add (i32.mul (local.get $limit) (i32.const 10))
          (i32.sub (i32.load8_u (i32.add (local.get $at) (local.get $digits))) (i32.const 0x30))))
        (br_if $next (i32.lt_u (local.tee $digits (i32.add (local.get $digits) (i32.const 1))) (i32.const 9)))))
    (local.set $at (i32.load8_u (call $blank (i32.add (local.get $at) (local.get $digits))))) ;; what follows the number
    (if (i32.or (i32.gt_u (i32.sub (local.get $digits) (i32.const 1)) (i32.const 7))
                (i32.and (i32.ne (local.get $at) (i32.const 0x2c)) (i32.ne (local.get $at) (i32.const 0x7d)))) (then
      (call $fail (i32.const 1) (i32.const 4128) (i32.const 55))
      (return (i32.const 0))))
    (global.set $limit (local.get $limit))
    (i32.const 64))

  ;; Copies the records of one output behind the argument and emits them. The first turn fails what is to be failed.
  (func $route (param $output i32) (param $batch i32) (param $length i32)
    (local $record i32) (local $index i32) (local $value i32) (local $from i32) (local $to i32) (local $count i32)
    (local.set $from (i32.and (i32.add (i32.add (local.get $batch) (local.get $length)) (i32.const 7)) (i32.const -8)))
    (if (i32.eqz (call $reserve (i32.add (local.get $from) (local.get $length)))) (then unreachable))
    (local.set $to (i32.add (local.get $from) (i32.const 24)))
    (local.set $record (i32.add (local.get $batch) (i32.const 24)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $index) (i32.load offset=8 (local.get $batch))))
        (i32.store (i32.const 64) (local.get $index)) ;; the record in hand
        (local.set $value (i32.load offset=24 (local.get $record)))
        (if (i32.eqz (local.get $output)) (then (call $look (local.get $batch) (local.get $record))))
        (if (i32.eq (local.get $output) (i32.gt_u (local.get $value) (global.get $limit))) (then
          (memory.copy (local.get $to) (local.get $record) (i32.load (local.get $record))) ;; with its extensions
          (i32.store offset=16 (local.get $to) (local.get $index)) ;; the origin
          (local.set $to (i32.add (local.get $to) (i32.load (local.get $record))))
          (local.set $count (i32.add (local.get $count) (i32.const 1)))))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (if (i32.eqz (local.get $count)) (then (return)))
    (memory.copy (local.get $from) (local.get $batch) (i32.const 24)) ;; the header: the records keep their fixed part
    (i32.store offset=8 (local.get $from) (local.get $count))
    (i32.store offset=12 (local.get $from) (i32.sub (local.get $to) (local.get $from)))
    (call $emit (local.get $output) (local.get $from) (i32.sub (local.get $to) (local.get $from))))

  (func $look (param $batch i32) (param $record i32)
    (local $value i32)
    (call $metric (i32.const 0) (i64.load32_u offset=24 (local.get $record)))
    (if (i32.eqz (i32.load offset=24 (local.get $record))) (then (return)))
    (local.set $value (i32.add (local.get $record)
      (i32.add (i32.load16_u offset=6 (local.get $batch)) (i32.load offset=20 (local.get $record)))))
    (if (i32.eq (i32.load8_u (local.get $value)) (i32.const 0x21)) (then (call $fail (i32.const 7) (i32.const 4224) (i32.const 41)))))

  (func $turgo_process (export "turgo_process") (param $input i32) (param $batch i32) (param $length i32) (result i32)
    (if (global.get $operator) (then (return (i32.const 0))))
    (call $route (i32.const 0) (local.get $batch) (local.get $length))
    (call $route (i32.const 1) (local.get $batch) (local.get $length))
    (i32.const 0))

  (func $turgo_close (export "turgo_close") (call $log (i32.const 0) (i32.const 4096) (i32.const 6))))
