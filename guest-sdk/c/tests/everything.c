/* everything.c does whatever its records ask for, so that a test can compare
 * the SDK with the others: each has the same operator. A record's value is a verb
 * and up to two words. */
#include "../turgo.h"

enum { OUT, LOG };
enum { VALUE, NUMBER, LIST, ENTRIES, SUMS }; /* the last holds the accumulators */
enum { EVENT, PROCESSING };
enum { HANDLED, LAST };

typedef struct {
    uint8_t *data;
    uint32_t length, capacity;
} text;

/* Memory of one call: what is told is put together here. */
static text line;
static turgo_bytes prefix;

static void add(turgo_bytes piece) {
    if (line.length + piece.length > line.capacity) {
        uint32_t capacity = 2 * (line.length + piece.length) + 1024;
        uint8_t *grown = turgo_allocate(capacity);
        if (grown == NULL) __builtin_trap();
        if (line.length > 0) turgo_copy(grown, line.data, line.length);
        line.data = grown;
        line.capacity = capacity;
    }
    if (piece.length > 0) turgo_copy(line.data + line.length, piece.data, piece.length);
    line.length += piece.length;
}

static void add_number(int64_t number) {
    char digits[20], *p = digits + sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do *--p = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0) add(turgo_text("-"));
    add(turgo_bytes_of(p, (size_t)(digits + sizeof digits - p)));
}

/* begin starts what tell emits, behind the prefix of the config. */
static void begin(void) {
    line.length = 0;
    add(prefix);
}

static void tell(turgo_bytes key) { turgo_emit(OUT, key, turgo_bytes_of(line.data, line.length)); }

/* word cuts the first word off. */
static turgo_bytes word(turgo_bytes *rest) {
    const uint8_t *p = rest->data;
    uint32_t length = 0;
    while (length < rest->length && p[length] != ' ') length++;
    uint32_t skipped = length < rest->length ? length + 1 : length;
    *rest = turgo_bytes_of(p + skipped, rest->length - skipped);
    return turgo_bytes_of(p, length);
}

static int64_t number_of(turgo_bytes digits) {
    const uint8_t *p = digits.data;
    bool negative = digits.length > 0 && p[0] == '-';
    uint64_t value = 0;
    for (uint32_t i = negative; i < digits.length; i++) {
        if (p[i] < '0' || p[i] > '9') return 0;
        value = value * 10 + (p[i] - '0');
    }
    return (int64_t)(negative ? 0 - value : value);
}

/* Keys of the map are numbers in an order that bytes have too: big-endian, with
 * the sign turned over. */
static void put_ordered(uint8_t *to, int64_t number) {
    uint64_t bits = (uint64_t)number ^ 1ULL << 63;
    for (int i = 7; i >= 0; i--, bits >>= 8) to[i] = (uint8_t)bits;
}

static int64_t ordered(const uint8_t *from) {
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) bits = bits << 8 | from[i];
    return (int64_t)(bits ^ 1ULL << 63);
}

static bool is(turgo_bytes verb, const char *name) { return turgo_equal(verb, turgo_text(name)); }

static void tell_entries(turgo_bytes key, bool all, int64_t after) {
    turgo_walk walk = turgo_walk_map(ENTRIES);
    for (turgo_entry entry; turgo_walk_next(&walk, &entry);) {
        int64_t number = ordered(entry.key.data);
        if (!all && number <= after) continue;
        begin();
        add_number(number);
        add(turgo_text(":"));
        add(entry.value);
        tell(key);
    }
}

static void change(turgo_bytes verb, turgo_bytes first, turgo_bytes second, int64_t number) {
    uint8_t key[8];
    put_ordered(key, number);
    if (is(verb, "put")) turgo_put(VALUE, first);
    else if (is(verb, "append")) turgo_append(LIST, first);
    else if (is(verb, "set")) turgo_map_put(ENTRIES, turgo_bytes_of(key, 8), second);
    else if (is(verb, "delete")) turgo_map_delete(ENTRIES, turgo_bytes_of(key, 8));
    else if (is(verb, "event")) turgo_timer_set(EVENT, number);
    else if (is(verb, "processing")) turgo_timer_set(PROCESSING, number);
    else if (is(verb, "forget")) turgo_timer_delete(EVENT, number);
    else if (is(verb, "note")) turgo_log(TURGO_INFO, first);
    else if (is(verb, "panic")) __builtin_trap();
    else if (is(verb, "clear")) {
        turgo_clear(VALUE);
        turgo_clear(LIST);
        turgo_clear(ENTRIES);
        turgo_clear(SUMS);
    }
}

static void tell_found(turgo_bytes key, bool found, const turgo_entry *entry) {
    begin();
    if (found) add(entry->value);
    add(turgo_text(found ? " true" : " false"));
    tell(key);
}

static void answer(turgo_bytes key, turgo_bytes verb, int64_t number) {
    turgo_entry entry;
    uint8_t sub[8];
    put_ordered(sub, number);
    if (is(verb, "get")) {
        bool found = turgo_get(VALUE, &entry);
        tell_found(key, found, &entry);
    } else if (is(verb, "entry")) {
        bool found = turgo_map_get(ENTRIES, turgo_bytes_of(sub, 8), &entry);
        tell_found(key, found, &entry);
    } else if (is(verb, "add")) {
        int64_t total = (int64_t)turgo_get_u64(NUMBER, 0) + number;
        turgo_put_u64(NUMBER, (uint64_t)total);
        begin();
        add_number(total);
        tell(key);
    } else if (is(verb, "sum")) {
        bool found = turgo_get(SUMS, &entry);
        begin();
        add_number((int64_t)turgo_get_u64(SUMS, 0));
        add(turgo_text(found ? " true" : " false"));
        tell(key);
    } else if (is(verb, "list")) {
        turgo_walk walk = turgo_walk_list(LIST);
        while (turgo_walk_next(&walk, &entry)) {
            begin();
            add(entry.value);
            tell(key);
        }
    } else if (is(verb, "after")) tell_entries(key, false, number);
    else if (is(verb, "entries")) tell_entries(key, true, 0);
}

/* forward passes the record on, before and after what is emitted by its parts. */
static void forward(turgo_bytes key, turgo_bytes verb) {
    if (is(verb, "forward")) {
        turgo_forward(OUT);
    } else if (is(verb, "twice")) {
        turgo_forward(OUT);
        turgo_forward(OUT);
        turgo_forward(LOG);
    } else if (is(verb, "between")) {
        turgo_forward(LOG);
        begin();
        add(turgo_text("before"));
        tell(key);
        turgo_forward(OUT);
        begin();
        add(turgo_text("after"));
        tell(key);
    } else if (is(verb, "late")) {
        for (int times = 0; times < 2; times++) {
            if (times == 1) turgo_fail(9, "asked to fail");
            turgo_forward(OUT);
            begin();
            add(turgo_text("never seen"));
            tell(key);
        }
    }
}

static void put_large(turgo_bytes key, int64_t number) {
    uint8_t sub[8];
    turgo_entry entry;
    put_ordered(sub, number);
    line.length = 0;
    for (int64_t i = 0; i < number * 200; i++) add(turgo_text("xxxxxxxxxx"));
    turgo_bytes text = turgo_bytes_of(line.data, line.length);
    turgo_put(VALUE, text);
    turgo_append(LIST, text);
    turgo_map_put(ENTRIES, turgo_bytes_of(sub, 8), text);
    bool found = turgo_get(VALUE, &entry);
    begin();
    add_number(entry.value.length);
    add(turgo_text(found ? " true" : " false"));
    tell(key);
}

static void tell_pairs(turgo_bytes key) {
    turgo_walk walk = turgo_walk_map(ENTRIES);
    for (turgo_entry outer, other; turgo_walk_next(&walk, &outer);) {
        int64_t behind = 0, elements = 0;
        turgo_walk keys = turgo_walk_map(ENTRIES), list = turgo_walk_list(LIST);
        while (turgo_walk_next(&keys, &other)) behind += ordered(other.key.data) > ordered(outer.key.data);
        while (turgo_walk_next(&list, &other)) elements++;
        bool same = turgo_map_get(ENTRIES, outer.key, &other) && turgo_equal(other.value, outer.value);
        begin();
        add_number(ordered(outer.key.data));
        add(turgo_text(" "));
        add_number(behind);
        add(turgo_text(" "));
        add_number(elements);
        add(turgo_text(same ? " true" : " false"));
        tell(key);
    }
}

/* walk reads and writes what is larger than a page, while it is walked too. */
static void walk(turgo_bytes key, turgo_bytes verb, int64_t number) {
    turgo_entry entry;
    if (is(verb, "large")) put_large(key, number);
    else if (is(verb, "pairs")) tell_pairs(key);
    else if (is(verb, "copy")) {
        if (turgo_get(VALUE, &entry)) turgo_emit(OUT, key, entry.value);
    } else if (is(verb, "drain")) {
        turgo_walk entries = turgo_walk_map(ENTRIES);
        while (turgo_walk_next(&entries, &entry)) {
            turgo_map_delete(ENTRIES, entry.key);
            begin();
            add_number(ordered(entry.key.data));
            tell(key);
        }
    } else if (is(verb, "grow")) {
        int64_t elements = 0;
        turgo_walk list = turgo_walk_list(LIST);
        while (turgo_walk_next(&list, &entry))
            if (++elements < 5) turgo_append(LIST, entry.value);
        begin();
        add_number(elements);
        tell(key);
    } else if (is(verb, "emit")) {
        turgo_emit(OUT, key, turgo_bytes_of(turgo_allocate((size_t)number), (size_t)number));
    }
}

static void commands(turgo_batch *batch) {
    turgo_record record;
    while (turgo_next(batch, &record)) {
        turgo_bytes rest = record.value, verb = word(&rest), first = word(&rest), second = word(&rest);
        int64_t number = number_of(first);
        turgo_count(HANDLED, 1);
        turgo_gauge(LAST, number);
        change(verb, first, second, number);
        answer(record.key, verb, number);
        forward(record.key, verb);
        walk(record.key, verb, number);
        if (is(verb, "fail")) {
            begin();
            add(turgo_text("never seen"));
            tell(record.key);
            turgo_fail(9, "asked to fail");
            continue;
        }
        turgo_emit(LOG, verb, first);
    }
}

static void plain(turgo_batch *batch) {
    turgo_record record;
    while (turgo_next(batch, &record)) {
        turgo_forward(OUT);
        turgo_record turned = {record.value, record.key, TURGO_NO_TIMESTAMP, record.kind, turgo_null};
        turgo_emit_record(LOG, &turned);
    }
}

/* sums adds the numbers of each key. A value may be a verb instead. */
static void sums(turgo_groups *groups) {
    turgo_group group;
    turgo_record record;
    while (turgo_next_group(groups, &group)) {
        int64_t sum = 0;
        bool removed = false;
        if (group.accumulator.data != NULL) turgo_copy(&sum, group.accumulator.data, sizeof sum);
        while (turgo_next_member(groups, &record)) {
            if (is(record.value, "panic")) __builtin_trap();
            else if (is(record.value, "fail")) turgo_fail(8, "asked to fail");
            else if (is(record.value, "remove")) removed = true;
            else sum += number_of(record.value);
        }
        turgo_accumulate(groups, removed ? turgo_null : turgo_bytes_of(&sum, sizeof sum));
    }
}

static void fired(turgo_batch *timers) {
    turgo_record timer;
    while (turgo_next(timers, &timer)) {
        begin();
        add(turgo_text("fired at "));
        add_number(timer.timestamp);
        add(turgo_text(" with "));
        add_number((int64_t)turgo_get_u64(NUMBER, 0));
        add(turgo_text(" and "));
        add_number((int64_t)turgo_get_u64(SUMS, 0));
        tell(timer.key);
    }
}

static bool opened(turgo_bytes request) {
    prefix = turgo_config_text(request, "prefix", turgo_text(""));
    return true;
}

static const turgo_input inputs[] = {
    {.name = "commands", .process = commands},
    {.name = "plain", .process = plain, .changes = 1 << TURGO_INSERT | 1 << TURGO_DELETE},
    {.name = "sums", .aggregation = "sum"},
};
static const turgo_output outputs[] = {{.name = "out"}, {.name = "log"}};
static const turgo_state states[] = {
    {.name = "value", .kind = TURGO_VALUE, .schema_version = 3, .time_to_live_ms = 20},
    {.name = "number", .kind = TURGO_VALUE},
    {.name = "list", .kind = TURGO_LIST, .time_to_live_ms = 60},
    {.name = "entries", .kind = TURGO_MAP, .time_to_live_ms = 45},
};
static const turgo_aggregation aggregations[] = {{.name = "sum", .process = sums, .time_to_live_ms = 70}};
static const turgo_timer timers[] = {
    {.name = "event", .domain = TURGO_EVENT_TIME, .fire = fired},
    {.name = "processing", .domain = TURGO_PROCESSING_TIME, .fire = fired},
};
static const turgo_metric metrics[] = {{.name = "handled", .kind = TURGO_COUNTER}, {.name = "last", .kind = TURGO_GAUGE}};
static const turgo_operator operators[] = {{
    .name = "everything", TURGO_INPUTS(inputs), TURGO_OUTPUTS(outputs), TURGO_STATES(states), TURGO_AGGREGATIONS(aggregations),
    TURGO_TIMERS(timers), TURGO_METRICS(metrics), .open = opened,
}};
TURGO_MODULE(operators)
