/* kit.c tests turgo_test.h by the operator of everything.c: what a test sees is
 * what happens under a host. */
#include "everything.c"
#include "../turgo_test.h"

enum { COMMANDS, PLAIN, SUMMED };

static void command(const char *key, const char *text) { turgo_test_send(COMMANDS, key, text, 7); }

static void state_belongs_to_its_key(void) {
    turgo_test_open(0, "{\"prefix\":\"> \"}");
    command("a", "add 5");
    command("b", "add 1");
    command("a", "add -2");
    command("a", "put x");
    command("a", "get");
    command("b", "get");
    turgo_test_expect(OUT, "a", "> 5", 7);
    turgo_test_expect(OUT, "b", "> 1", 7);
    turgo_test_expect(OUT, "a", "> 3", 7);
    turgo_test_expect(OUT, "a", "> x true", 7);
    turgo_test_expect(OUT, "b", ">  false", 7);
    turgo_test_expect_no_more(OUT);
    turgo_test_expect_no_failure();
}

static void lists_and_maps_keep_their_order(void) {
    turgo_test_open(0, "{}");
    const char *texts[] = {"append p", "append q", "set 3 c", "set -1 a", "set 2 b", "set 3 d", "delete 2", "list", "entries", "after -1", "entry 3", "entry 2"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) command("k", texts[i]);
    const char *wanted[] = {"p", "q", "-1:a", "3:d", "3:d", "d true", " false"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) turgo_test_expect(OUT, "k", wanted[i], 7);
    command("k", "clear");
    command("k", "list");
    command("k", "entries");
    turgo_test_expect_no_more(OUT);
}

static void entries_end_by_the_clock(void) {
    turgo_test_open(0, "{}");
    turgo_test_processing_time(100);
    command("k", "put x");
    command("k", "append p");
    turgo_test_processing_time(119);
    command("k", "append q");
    command("k", "get");
    turgo_test_expect(OUT, "k", "x true", 7);
    turgo_test_processing_time(120);
    command("k", "get");
    turgo_test_processing_time(160);
    command("k", "list");
    turgo_test_expect(OUT, "k", " false", 7);
    turgo_test_expect(OUT, "k", "q", 7);
    turgo_test_expect_no_more(OUT);
}

static void timers_fire_in_order(void) {
    turgo_test_open(0, "{}");
    const char *texts[] = {"event 30", "event 10", "event 10", "event 20", "forget 20", "processing 5"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) command("a", texts[i]);
    command("b", "event 10");
    turgo_test_watermark(9);
    turgo_test_expect_no_more(OUT);
    turgo_test_watermark(10);
    turgo_test_expect(OUT, "a", "fired at 10 with 0 and 0", 10);
    turgo_test_expect(OUT, "b", "fired at 10 with 0 and 0", 10);
    turgo_test_expect_no_more(OUT);
    turgo_test_processing_time(5);
    turgo_test_expect(OUT, "a", "fired at 5 with 0 and 0", 5);
    turgo_test_end();
    turgo_test_expect(OUT, "a", "fired at 30 with 0 and 0", 30);
    turgo_test_expect_no_more(OUT);
}

static void a_failure_undoes_its_record_alone(void) {
    turgo_test_open(0, "{}");
    command("a", "add 1");
    command("a", "fail");
    command(NULL, "add 1");
    command("a", "add 1");
    turgo_test_expect(OUT, "a", "1", 7);
    turgo_test_expect(OUT, "a", "2", 7);
    turgo_test_expect_no_more(OUT);
    turgo_test_expect_failure(9, "asked to fail");
    turgo_test_expect_failure(0, "null key");
    turgo_test_expect_no_failure();
    turgo_test_check(turgo_test_metric(HANDLED) == 2);
    turgo_test_check(turgo_test_metric(LAST) == 1);
}

/* What is large is emitted before the call ends. */
static void a_failure_drops_what_was_emitted_before(void) {
    char text[6000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    turgo_test_open(0, "{}");
    memcpy(text, "forward ", 8);
    command("a", text);
    memcpy(text, "late    ", 8);
    command("a", text);
    command("a", "add 1");
    memcpy(text, "forward ", 8);
    turgo_test_expect(OUT, "a", text, 7);
    turgo_test_expect(OUT, "a", "1", 7);
    turgo_test_expect_no_more(OUT);
    turgo_test_expect_failure(9, "asked to fail");
}

static void groups_meet_their_accumulators(void) {
    turgo_test_open(0, "{}");
    turgo_test_send(SUMMED, "a", "5", 1);
    turgo_test_send(SUMMED, "b", "7", 2);
    turgo_test_send(SUMMED, "a", "-2", 3);
    command("a", "sum");
    command("b", "sum");
    turgo_test_send(SUMMED, "b", "remove", 4);
    turgo_test_send(SUMMED, "a", "fail", 5);
    command("a", "sum");
    command("b", "sum");
    const char *wanted[] = {"a", "3 true", "b", "7 true", "a", "3 true", "b", "0 false"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i += 2) turgo_test_expect(OUT, wanted[i], wanted[i + 1], 7);
    turgo_test_expect_failure(8, "asked to fail");
}

static void records_keep_what_they_are(void) {
    turgo_test_open(0, "{}");
    turgo_record record = {turgo_null, turgo_bytes_of("", 0), TURGO_NO_TIMESTAMP, TURGO_DELETE, turgo_bytes_of("\1\0\0\0\1\0\0\0x", 9)};
    turgo_test_send_record(PLAIN, &record);
    turgo_test_expect(OUT, NULL, "", TURGO_NO_TIMESTAMP);
    turgo_test_expect(LOG, "", NULL, TURGO_NO_TIMESTAMP);
    const turgo_record *passed = &turgo_test_host.outputs[OUT].records[0];
    turgo_test_check(passed->kind == TURGO_DELETE && turgo_equal(passed->extensions, record.extensions));
}

/* What differs from what is wanted is told: the count of it shows here. */
static void differences_are_seen(void) {
    turgo_test_open(0, "{}");
    command("a", "add 1");
    command("a", "fail");
    turgo_test_expect_no_more(OUT);
    turgo_test_expect(OUT, "a", "2", 7);
    turgo_test_expect(OUT, "a", "1", 7);
    turgo_test_expect_no_failure();
    turgo_test_expect_failure(9, "asked to fail");
    turgo_test_check(1 == 2);
    uint32_t wrong = turgo_test_host.wrong;
    turgo_test_host.wrong = 0;
    turgo_test_check(wrong == 6);
}

TURGO_TESTS({"state belongs to its key", state_belongs_to_its_key},
            {"lists and maps keep their order", lists_and_maps_keep_their_order},
            {"entries end by the clock", entries_end_by_the_clock},
            {"timers fire in order", timers_fire_in_order},
            {"a failure undoes its record alone", a_failure_undoes_its_record_alone},
            {"a failure drops what was emitted before", a_failure_drops_what_was_emitted_before},
            {"groups meet their accumulators", groups_meet_their_accumulators},
            {"records keep what they are", records_keep_what_they_are},
            {"differences are seen", differences_are_seen})
