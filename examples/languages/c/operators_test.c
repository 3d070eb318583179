/* operators_test.c tests the operators as a native program, without a host. */
#include "operators.c"

#include "../../../guest-sdk/c/turgo_test.h"

enum { PASS, PARSE, COUNT, SUM };

static void send_paid(const char *account, int64_t number, int64_t time) {
    turgo_record record = {.key = turgo_text(account), .value = turgo_bytes_of(&number, sizeof number), .timestamp = time};
    turgo_test_send_record(0, &record);
}

/* expect_paid is for values that are no text. */
static void expect_paid(const char *account, int64_t number, int64_t time) {
    turgo_test_check(turgo_test_metric(SMALL) >= 0); /* all that was sent is handled now */
    const turgo_record *got = &turgo_test_host.outputs[PAYMENTS].records[turgo_test_host.read[PAYMENTS]++];
    turgo_test_check(turgo_equal(got->key, turgo_text(account)) && got->timestamp == time);
    turgo_test_check(turgo_equal(got->value, turgo_bytes_of(&number, sizeof number)));
}

static void send_line(const char *line) { turgo_test_send(0, NULL, line, TURGO_NO_TIMESTAMP); }

static void passes_each_record(void) {
    turgo_test_open(PASS, "{}");
    turgo_test_send(0, "a", "1", 7);
    turgo_test_send(0, NULL, "2", TURGO_NO_TIMESTAMP);
    turgo_test_send(0, "", NULL, -1);
    turgo_test_expect(0, "a", "1", 7);
    turgo_test_expect(0, NULL, "2", TURGO_NO_TIMESTAMP);
    turgo_test_expect(0, "", NULL, -1);
    turgo_test_expect_no_more(0);
}

static void reads_payments(void) {
    turgo_test_open(PARSE, "{\"cents_min\":-5}");
    send_line("7,alice,999999999999999,");
    send_line("8,bob,-6,small");
    send_line("0,bob,-5,a, b");
    expect_paid("alice", 999999999999999, 7);
    expect_paid("bob", -5, 0);
    turgo_test_expect_no_more(PAYMENTS);
    turgo_test_check(turgo_test_metric(SMALL) == 1);
}

static void tells_the_first_field_that_is_wrong(void) {
    static const struct {
        const char *line, *wrong;
    } lines[] = {
        {NULL, "time"}, {"", "time"}, {",a,1,", "time"}, {"-7,a,1,", "time"}, {"1234567890123456,a,1,", "time"}, {"7:,a,1,", "time"},
        {"7", "account"}, {"7,,1,", "account"}, {"7,0123456789012345678901234567890123456789012345678901234567890123x,1,", "account"},
        {"7,a", "cents"}, {"7,a,", "cents"}, {"7,a,-,", "cents"}, {"7,a,--1,", "cents"}, {"7,a,1.0,", "cents"}, {"7,a,1234567890123456,", "cents"},
        {"7,a,100", "note"}, {"7,a,-1", "note"},
    };
    turgo_test_open(PARSE, "{}");
    for (uint32_t i = 0; i < TURGO_COUNT(lines); i++) {
        char text[64];
        snprintf(text, sizeof text, "not a payment: %s", lines[i].wrong);
        send_line(lines[i].line);
        turgo_test_expect_failure(NOT_A_LINE, text);
    }
    turgo_test_expect_no_more(PAYMENTS);
}

static void counts_minutes(void) {
    turgo_test_open(COUNT, "{}");
    send_paid("a", 1, 0);
    send_paid("a", 1, 59999);
    send_paid("a", 1, 60000);
    send_paid("a", 1, -1);
    turgo_test_watermark(59999);
    turgo_test_expect(COUNTS, "a", "-60000 1", -1);
    send_paid("a", 1, 59998); /* late */
    send_paid("a", 1, 59999);
    turgo_test_watermark(60000);
    turgo_test_expect(COUNTS, "a", "0 3", 59999);
    turgo_test_end();
    turgo_test_expect(COUNTS, "a", "60000 1", 119999);
    turgo_test_expect_no_more(COUNTS);
    turgo_test_check(turgo_test_metric(LATE) == 1);
}

static void fails_what_is_no_payment(void) {
    for (uint32_t operator = COUNT; operator <= SUM; operator++) {
        turgo_test_open(operator, "{}");
        turgo_test_send(0, "a", "1234567", 5);
        turgo_test_send(0, "a", "12345678", TURGO_NO_TIMESTAMP);
        turgo_test_send(0, "a", NULL, 5);
        for (int i = 0; i < 3; i++) turgo_test_expect_failure(NOT_A_PAYMENT, "not a payment");
    }
}

static void joins_what_no_gap_parts(void) {
    turgo_test_open(SUM, "{\"gap_ms\":10}");
    send_paid("a", 1, 100);
    send_paid("a", 2, 110); /* apart by the gap */
    send_paid("b", 1, 100);
    send_paid("b", 2, 118);
    send_paid("b", -4, 109); /* joins both */
    turgo_test_watermark(110);
    turgo_test_expect(SUMS, "a", "100 100 1", 100);
    send_paid("a", 8, 109); /* late */
    send_paid("a", 16, 112);
    send_paid("a", 32, 111);
    turgo_test_end();
    turgo_test_expect(SUMS, "a", "110 112 50", 112);
    turgo_test_expect(SUMS, "b", "100 118 -1", 118);
    turgo_test_expect_no_more(SUMS);
    turgo_test_check(turgo_test_metric(LATE) == 1);
    turgo_test_check(!turgo_test_open(SUM, "{\"gap_ms\":0}"));
}

TURGO_TESTS({"passes each record", passes_each_record}, {"reads payments", reads_payments},
            {"tells the first field that is wrong", tells_the_first_field_that_is_wrong}, {"counts minutes", counts_minutes},
            {"fails what is no payment", fails_what_is_no_payment}, {"joins what no gap parts", joins_what_no_gap_parts})
