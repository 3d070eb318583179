/* operators.c is the module of examples/languages in C: four operators that are
 * written in each language and do the same, to the byte. */
#include "../../../guest-sdk/c/turgo.h" /* a project of your own has it beside its files */

/* The codes of failures. */
enum {
    NOT_A_LINE = 1,    /* the text of a line cannot be read */
    NOT_A_PAYMENT = 2, /* the record is not one of parse */
};

/* Times come from outside: their sums and differences wrap and do not overflow. */
static int64_t plus(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t minus(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }

/* ---- pass: each record goes on as it is ---- */

static void pass(turgo_batch *in) {
    turgo_record record;
    while (turgo_next(in, &record)) turgo_forward(0);
}

static const turgo_input pass_inputs[] = {{
    .name = "in", .process = pass,
    .changes = 1 << TURGO_INSERT | 1 << TURGO_UPDATE_BEFORE | 1 << TURGO_UPDATE_AFTER | 1 << TURGO_DELETE,
}};
static const turgo_output pass_outputs[] = {{.name = "out"}};

/* ---- parse: TIME,ACCOUNT,CENTS,NOTE becomes a record of account and cents ---- */

enum { PAYMENTS };
enum { SMALL };
enum { DIGITS_MAX = 15, ACCOUNT_MAX = 64 };

static int64_t cents_min;

static bool parse_open(turgo_bytes request) {
    cents_min = turgo_config_integer(request, "cents_min", 100);
    return true;
}

/* field cuts the text before the next comma off a line, and tells whether there
 * is a comma. */
static bool field(turgo_bytes *line, turgo_bytes *text) {
    const uint8_t *data = line->data;
    uint32_t length = 0;
    while (length < line->length && data[length] != ',') length++;
    *text = turgo_bytes_of(data, length);
    bool comma = length < line->length;
    *line = turgo_bytes_of(data + length + comma, line->length - length - comma);
    return comma;
}

/* digits reads decimal digits and nothing else. */
static bool digits(turgo_bytes text, int64_t *number) {
    if (text.length == 0 || text.length > DIGITS_MAX) return false;
    *number = 0;
    for (uint32_t i = 0; i < text.length; i++) {
        uint8_t digit = (uint8_t)(((const uint8_t *)text.data)[i] - '0');
        if (digit > 9) return false;
        *number = *number * 10 + digit;
    }
    return true;
}

typedef struct {
    int64_t time, cents;
    turgo_bytes account;
} payment;

/* read_line reads a line. It returns the failure's text where the line is no
 * payment, NULL where it is one. */
static const char *read_line(turgo_bytes line, payment *p) {
    turgo_bytes text;
    if (line.data == NULL) return "not a payment: time";
    field(&line, &text);
    if (!digits(text, &p->time)) return "not a payment: time";
    field(&line, &p->account);
    if (p->account.length == 0 || p->account.length > ACCOUNT_MAX) return "not a payment: account";
    bool noted = field(&line, &text);
    bool negative = text.length > 0 && *(const uint8_t *)text.data == '-';
    if (!digits(turgo_bytes_of((const uint8_t *)text.data + negative, text.length - negative), &p->cents)) return "not a payment: cents";
    if (negative) p->cents = -p->cents;
    return noted ? NULL : "not a payment: note";
}

static void parse(turgo_batch *lines) {
    turgo_record line;
    while (turgo_next(lines, &line)) {
        payment p;
        const char *wrong = read_line(line.value, &p);
        if (wrong != NULL) {
            turgo_fail(NOT_A_LINE, wrong);
            continue;
        }
        if (p.cents < cents_min) {
            turgo_count(SMALL, 1);
            continue;
        }
        turgo_record out = {.key = p.account, .value = turgo_bytes_of(&p.cents, sizeof p.cents), .timestamp = p.time};
        turgo_emit_record(PAYMENTS, &out);
    }
}

static const turgo_input parse_inputs[] = {{.name = "lines", .process = parse}};
static const turgo_output parse_outputs[] = {{.name = "payments"}};
static const turgo_metric parse_metrics[] = {{.name = "small"}};

/* ---- what count and sum have in common ---- */

enum { LATE };
enum { TEXT_MAX = 64 };

/* read_cents reads the value of a record of parse, and fails another one. */
static bool read_cents(const turgo_record *record, int64_t *cents) {
    if (record->value.length != sizeof *cents || record->timestamp == TURGO_NO_TIMESTAMP) {
        turgo_fail(NOT_A_PAYMENT, "not a payment");
        return false;
    }
    turgo_copy(cents, record->value.data, sizeof *cents);
    return true;
}

static void emit_text(uint32_t output, turgo_bytes key, const char *text, const char *end, int64_t timestamp) {
    turgo_record record = {.key = key, .value = turgo_bytes_of(text, (size_t)(end - text)), .timestamp = timestamp};
    turgo_emit_record(output, &record);
}

/* ---- count: payments of each account in each minute ---- */

enum { COUNTS };
enum { MINUTES };    /* count by the minute's start */
enum { MINUTE_END };
enum { MINUTE_MS = 60000 };

static int64_t start_of_minute(int64_t time) {
    int64_t into = time % MINUTE_MS;
    return minus(time, into < 0 ? into + MINUTE_MS : into);
}

static void count(turgo_batch *payments) {
    turgo_record record;
    while (turgo_next(payments, &record)) {
        int64_t cents;
        if (!read_cents(&record, &cents)) continue;
        if (record.timestamp < turgo_watermark()) {
            turgo_count(LATE, 1);
            continue;
        }
        int64_t start = start_of_minute(record.timestamp), n = 0;
        turgo_ordered key = turgo_order(start);
        turgo_bytes minute = turgo_bytes_of(&key, sizeof key);
        turgo_entry entry;
        bool found = turgo_map_get(MINUTES, minute, &entry);
        if (found) turgo_copy(&n, entry.value.data, sizeof n);
        n++;
        turgo_map_put(MINUTES, minute, turgo_bytes_of(&n, sizeof n));
        if (!found) turgo_timer_set(MINUTE_END, plus(start, MINUTE_MS));
    }
}

static void end_minutes(turgo_batch *ends) {
    turgo_record end;
    while (turgo_next(ends, &end)) {
        int64_t start = minus(end.timestamp, MINUTE_MS), n;
        turgo_ordered key = turgo_order(start);
        turgo_bytes minute = turgo_bytes_of(&key, sizeof key);
        turgo_entry entry;
        if (!turgo_map_get(MINUTES, minute, &entry)) continue;
        turgo_copy(&n, entry.value.data, sizeof n);
        turgo_map_delete(MINUTES, minute);
        char text[TEXT_MAX], *p = turgo_digits(text, start);
        *p++ = ' ';
        emit_text(COUNTS, end.key, text, turgo_digits(p, n), minus(end.timestamp, 1));
    }
}

static const turgo_input count_inputs[] = {{.name = "payments", .process = count}};
static const turgo_output count_outputs[] = {{.name = "counts"}};
static const turgo_state count_states[] = {{.name = "minutes", .kind = TURGO_MAP}};
static const turgo_timer count_timers[] = {{.name = "minute_end", .fire = end_minutes}};
static const turgo_metric late_metrics[] = {{.name = "late"}};

/* ---- sum: payments of each account in each session ---- */

enum { SUMS };
enum { SESSIONS }; /* session by its first timestamp */
enum { SESSION_END };

/* session is what state holds, as it lies in memory: two integers, little-endian. */
typedef struct {
    int64_t last, cents;
} session;

static int64_t gap;

static bool sum_open(turgo_bytes request) {
    gap = turgo_config_integer(request, "gap_ms", 30000);
    if (gap >= 1) return true;
    turgo_fail(0, "config: gap_ms must be 1 or more");
    return false;
}

/* add_payment adds a payment to the session it belongs to, joins two that it
 * connects, or begins one. */
static void add_payment(int64_t time, int64_t cents) {
    int64_t first = time;
    session joined = {time, cents}, one;
    turgo_walk walk = turgo_walk_map(SESSIONS);
    for (turgo_entry entry; turgo_walk_next(&walk, &entry);) {
        int64_t start = turgo_number(entry.key);
        turgo_copy(&one, entry.value.data, sizeof one);
        if (minus(time, one.last) >= gap || minus(start, time) >= gap) continue;
        if (start < first) first = start;
        if (one.last > joined.last) joined.last = one.last;
        joined.cents = plus(joined.cents, one.cents);
        if (first != start || joined.last != one.last) {
            turgo_map_delete(SESSIONS, entry.key);
            turgo_timer_delete(SESSION_END, plus(one.last, gap));
        }
    }
    turgo_ordered key = turgo_order(first);
    turgo_map_put(SESSIONS, turgo_bytes_of(&key, sizeof key), turgo_bytes_of(&joined, sizeof joined));
    turgo_timer_set(SESSION_END, plus(joined.last, gap));
}

static void sum(turgo_batch *payments) {
    turgo_record record;
    while (turgo_next(payments, &record)) {
        int64_t cents;
        if (!read_cents(&record, &cents)) continue;
        if (record.timestamp < turgo_watermark()) {
            turgo_count(LATE, 1);
            continue;
        }
        add_payment(record.timestamp, cents);
    }
}

static void end_session(const turgo_record *end) {
    turgo_walk walk = turgo_walk_map(SESSIONS);
    for (turgo_entry entry; turgo_walk_next(&walk, &entry);) {
        session one;
        turgo_copy(&one, entry.value.data, sizeof one);
        if (plus(one.last, gap) != end->timestamp) continue;
        char text[TEXT_MAX], *p = turgo_digits(text, turgo_number(entry.key));
        turgo_map_delete(SESSIONS, entry.key);
        *p++ = ' ';
        p = turgo_digits(p, one.last);
        *p++ = ' ';
        emit_text(SUMS, end->key, text, turgo_digits(p, one.cents), one.last);
        return;
    }
}

static void end_sessions(turgo_batch *ends) {
    turgo_record end;
    while (turgo_next(ends, &end)) end_session(&end);
}

static const turgo_input sum_inputs[] = {{.name = "payments", .process = sum}};
static const turgo_output sum_outputs[] = {{.name = "sums"}};
static const turgo_state sum_states[] = {{.name = "sessions", .kind = TURGO_MAP}};
static const turgo_timer sum_timers[] = {{.name = "session_end", .fire = end_sessions}};

/* ---- the module ---- */

static const turgo_operator operators[] = {
    {.name = "pass", TURGO_INPUTS(pass_inputs), TURGO_OUTPUTS(pass_outputs)},
    {.name = "parse", TURGO_INPUTS(parse_inputs), TURGO_OUTPUTS(parse_outputs), TURGO_METRICS(parse_metrics),
     .assigns_timestamps = true, .open = parse_open,
     .config_schema = "{\"type\":\"object\",\"properties\":{\"cents_min\":{\"type\":\"integer\",\"default\":100}},\"additionalProperties\":false}"},
    {.name = "count", TURGO_INPUTS(count_inputs), TURGO_OUTPUTS(count_outputs), TURGO_STATES(count_states),
     TURGO_TIMERS(count_timers), TURGO_METRICS(late_metrics)},
    {.name = "sum", TURGO_INPUTS(sum_inputs), TURGO_OUTPUTS(sum_outputs), TURGO_STATES(sum_states),
     TURGO_TIMERS(sum_timers), TURGO_METRICS(late_metrics), .open = sum_open,
     .config_schema = "{\"type\":\"object\",\"properties\":{\"gap_ms\":{\"type\":\"integer\",\"minimum\":1,\"default\":30000}},\"additionalProperties\":false}"},
};
TURGO_MODULE(operators)
