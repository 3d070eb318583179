/* turgo_test.h: unit tests of an operator in C, as a native program without a
 * host. The file of the tests includes the operator itself:
 *
 *     #include "count.c"
 *     #include "turgo_test.h"
 *
 *     static void counts_words(void) {
 *         turgo_test_open(0, "{}");
 *         turgo_test_send(0, "a", "", 1000);
 *         turgo_test_end();
 *         turgo_test_expect(TOTALS, "a", "1", 1000);
 *         turgo_test_expect_no_more(TOTALS);
 *     }
 *
 *     TURGO_TESTS({"counts words", counts_words})
 *
 * and is compiled and run with
 *
 *     clang -std=c11 -Wall -g -fsanitize=undefined -fsanitize-trap=undefined -o count_test count_test.c && ./count_test
 *
 * Each test runs twice: with the records that follow one another in one call, and
 * with each in a call of its own. State, timers, watermarks and failures behave as
 * under the host. What an operator keeps in memory of its own is not taken away:
 * `turgo conformance operator` looks for that, in the module.
 *
 * Texts are C strings; a key or value of NULL is null.
 */
#ifndef TURGO_TEST_H
#define TURGO_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a test calls ---- */

/* turgo_test_open opens the operator of that number anew, with a config (JSON), and
 * forgets all that was before. It reports whether the operator accepts. */
static inline bool turgo_test_open(uint32_t operator, const char *config);
static inline void turgo_test_send(uint32_t input, const char *key, const char *value, int64_t timestamp);
static inline void turgo_test_send_record(uint32_t input, const turgo_record *record);
/* These move the watermark or the clock and fire the timers that are due. At the
 * end of the input all event timers fire. */
static inline void turgo_test_watermark(int64_t timestamp);
static inline void turgo_test_processing_time(int64_t timestamp);
static inline void turgo_test_end(void);
static inline int64_t turgo_test_metric(uint32_t metric);

/* These compare what came next. A failure's text has to hold the given one. */
#define turgo_test_expect(output, key, value, timestamp) \
    turgo_test_expect_at(__FILE__, __LINE__, output, key, value, timestamp)
#define turgo_test_expect_no_more(output) turgo_test_expect_none_at(__FILE__, __LINE__, output)
#define turgo_test_expect_failure(code, text) turgo_test_expect_failure_at(__FILE__, __LINE__, code, text)
#define turgo_test_expect_no_failure() turgo_test_expect_no_failure_at(__FILE__, __LINE__)
#define turgo_test_check(what)                                                \
    do {                                                                      \
        if (!(what)) turgo_test_wrong(__FILE__, __LINE__, "%s", "not " #what); \
    } while (0)

typedef struct {
    const char *name;
    void (*run)(void);
} turgo_test;

/* TURGO_TESTS stands once, at the end: it is main. */
#define TURGO_TESTS(...)                                                      \
    int main(void) {                                                          \
        static const turgo_test tests[] = {__VA_ARGS__};                      \
        return turgo_test_run(tests, (uint32_t)(sizeof tests / sizeof *tests)); \
    }

/* ---- the store ---- */

/* What is stored is never changed or freed, so a copy of the tables is a snapshot. */
typedef struct {
    uint32_t state;
    uint16_t version;
    turgo_bytes key, sub, value; /* sub: of a map's entry */
    uint64_t cursor;             /* of a list's element */
    int64_t expires;             /* INT64_MAX = never */
} turgo_test_entry;

typedef struct {
    uint32_t number;
    turgo_bytes key;
    int64_t timestamp;
} turgo_test_timer;

enum { TURGO_TEST_ROOM = 4096, TURGO_TEST_METRICS = 64 };

typedef struct {
    turgo_test_entry entries[TURGO_TEST_ROOM];
    turgo_test_timer timers[TURGO_TEST_ROOM];
    uint32_t entry_count, timer_count;
    uint64_t cursor;
    int64_t metrics[TURGO_TEST_METRICS];
} turgo_test_store;

typedef struct {
    turgo_record records[TURGO_TEST_ROOM];
    bool failed[TURGO_TEST_ROOM];
    uint32_t origins[TURGO_TEST_ROOM]; /* of what the running call emitted */
    uint32_t count, begun;             /* begun: the count when the call began */
} turgo_test_records;

typedef struct {
    uint32_t code;
    const char *text;
} turgo_test_failure;

static struct {
    bool single; /* each record in a call of its own */
    uint32_t wrong;
    const turgo_operator *operator;
    int64_t watermark, processing_time;
    turgo_test_store store, before; /* before: as the record in hand was taken up */
    uint32_t hand;                  /* that before belongs to */
    turgo_test_records call;        /* the records, timers or groups of the call */
    turgo_test_records pending;     /* sent to the input, not given to the operator yet */
    uint32_t input;
    turgo_test_records outputs[TURGO_OUTPUTS_MAX + 1];
    uint32_t read[TURGO_OUTPUTS_MAX];
    turgo_test_failure failures[TURGO_TEST_ROOM];
    uint32_t failure_count, failure_read;
} turgo_test_host;

#define turgo_test_wrong(file, line, ...) \
    (turgo_test_host.wrong++, printf("%s:%d: ", file, line), printf(__VA_ARGS__), printf("\n"))

/* turgo_test_stop ends the tests: the operator broke a rule of the ABI, which would
 * be a trap under the host. */
static inline void turgo_test_stop(const char *rule) {
    printf("the operator broke a rule: %s\n", rule);
    exit(1);
}

static inline uint32_t turgo_test_more(uint32_t count) {
    if (count >= TURGO_TEST_ROOM) turgo_test_stop("a test has room for 4096 records, entries and timers");
    return count;
}

static inline turgo_bytes turgo_test_keep(turgo_bytes from) {
    if (from.data == NULL) return turgo_null;
    void *kept = malloc(from.length + 1);
    if (kept == NULL) abort();
    memcpy(kept, from.data, from.length);
    return (turgo_bytes){kept, from.length};
}

static inline int turgo_test_compare(turgo_bytes a, turgo_bytes b) {
    uint32_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* ---- the record in hand ---- */

/* turgo_test_take follows the record in hand: what it changes can be undone. */
static inline void turgo_test_take(void) {
    if (turgo_control.hand == turgo_test_host.hand) return;
    turgo_test_host.hand = turgo_control.hand;
    turgo_test_host.before = turgo_test_host.store;
}

static inline void turgo_test_undo(uint32_t code, const char *text) {
    uint32_t hand = turgo_control.hand;
    turgo_test_take();
    turgo_test_host.store = turgo_test_host.before;
    if (turgo_test_host.call.failed[hand]) return;
    turgo_test_host.call.failed[hand] = true;
    turgo_test_host.failures[turgo_test_more(turgo_test_host.failure_count++)] = (turgo_test_failure){code, text};
}

/* turgo_test_key gives the key in hand. Without one the record fails. */
static inline bool turgo_test_key(turgo_bytes *key) {
    if (turgo_control.hand >= turgo_test_host.call.count) turgo_test_stop("a state or timer call has no record in hand");
    turgo_test_take();
    *key = turgo_test_host.call.records[turgo_control.hand].key;
    if (key->data == NULL) turgo_test_undo(0, "a state or timer call for a record with a null key");
    return key->data != NULL && !turgo_test_host.call.failed[turgo_control.hand];
}

/* ---- state ---- */

static inline const turgo_state *turgo_test_state(uint32_t state, turgo_state_kind kind) {
    static turgo_state accumulator;
    const turgo_operator *o = turgo_test_host.operator;
    if (state >= o->state_count + o->aggregation_count) turgo_test_stop("a state that is not declared");
    if (state < o->state_count && o->states[state].kind != kind) turgo_test_stop("a state of another kind");
    if (state < o->state_count) return &o->states[state];
    const turgo_aggregation *a = &o->aggregations[state - o->state_count];
    accumulator = (turgo_state){a->name, TURGO_VALUE, a->schema_version, true, a->time_to_live_ms};
    return &accumulator;
}

static inline bool turgo_test_holds(const turgo_test_entry *e, uint32_t state, turgo_bytes key) {
    return e->state == state && e->expires > turgo_test_host.processing_time && turgo_test_compare(e->key, key) == 0;
}

/* turgo_test_find finds an entry of the key; sub is NULL for a value. */
static inline turgo_test_entry *turgo_test_find(uint32_t state, turgo_bytes key, const turgo_bytes *sub) {
    turgo_test_store *s = &turgo_test_host.store;
    for (uint32_t i = 0; i < s->entry_count; i++)
        if (turgo_test_holds(&s->entries[i], state, key) && (sub == NULL || turgo_test_compare(s->entries[i].sub, *sub) == 0))
            return &s->entries[i];
    return NULL;
}

static inline void turgo_test_remove(turgo_test_entry *e) {
    turgo_test_store *s = &turgo_test_host.store;
    s->entry_count--;
    memmove(e, e + 1, (size_t)(&s->entries[s->entry_count] - e) * sizeof *e);
}

static inline void turgo_test_put(uint32_t state, const turgo_state *declared, turgo_bytes key, const turgo_bytes *sub, turgo_bytes value) {
    turgo_test_store *s = &turgo_test_host.store;
    turgo_test_entry *e = declared->kind == TURGO_LIST ? NULL : turgo_test_find(state, key, sub);
    if (e == NULL) e = &s->entries[turgo_test_more(s->entry_count++)];
    int64_t now = turgo_test_host.processing_time, life = (int64_t)declared->time_to_live_ms;
    int64_t expires = life == 0 || now > INT64_MAX - life ? INT64_MAX : now + life;
    turgo_bytes none = {"", 0};
    *e = (turgo_test_entry){state, declared->schema_version, turgo_test_keep(key), turgo_test_keep(sub == NULL ? none : *sub),
                            turgo_test_keep(value.data == NULL ? none : value), ++s->cursor, expires};
}

static inline int64_t turgo_test_give(const turgo_test_entry *e, void *data, uint32_t capacity) {
    if (e == NULL) return -1;
    if (e->value.length <= capacity && e->value.length > 0) memcpy(data, e->value.data, e->value.length);
    return (int64_t)e->version << 32 | e->value.length;
}

int64_t turgo_host_state_get(uint32_t state, void *data, uint32_t capacity) {
    turgo_bytes key;
    turgo_test_state(state, TURGO_VALUE);
    return turgo_test_key(&key) ? turgo_test_give(turgo_test_find(state, key, NULL), data, capacity) : -1;
}

void turgo_host_state_put(uint32_t state, const void *data, uint32_t length) {
    turgo_bytes key;
    const turgo_state *declared = turgo_test_state(state, TURGO_VALUE);
    if (turgo_test_key(&key)) turgo_test_put(state, declared, key, NULL, turgo_bytes_of(data, length));
}

void turgo_host_state_clear(uint32_t state) {
    turgo_bytes key;
    turgo_test_entry *e;
    if (!turgo_test_key(&key)) return;
    while ((e = turgo_test_find(state, key, NULL)) != NULL) turgo_test_remove(e);
}

void turgo_host_list_append(uint32_t state, const void *data, uint32_t length) {
    turgo_bytes key;
    const turgo_state *declared = turgo_test_state(state, TURGO_LIST);
    if (turgo_test_key(&key)) turgo_test_put(state, declared, key, NULL, turgo_bytes_of(data, length));
}

int64_t turgo_host_map_get(uint32_t state, const void *sub, uint32_t length, void *data, uint32_t capacity) {
    turgo_bytes key, entry = turgo_bytes_of(sub, length);
    turgo_test_state(state, TURGO_MAP);
    return turgo_test_key(&key) ? turgo_test_give(turgo_test_find(state, key, &entry), data, capacity) : -1;
}

void turgo_host_map_put(uint32_t state, const void *sub, uint32_t sub_length, const void *data, uint32_t length) {
    turgo_bytes key, entry = turgo_bytes_of(sub, sub_length);
    const turgo_state *declared = turgo_test_state(state, TURGO_MAP);
    if (turgo_test_key(&key)) turgo_test_put(state, declared, key, &entry, turgo_bytes_of(data, length));
}

void turgo_host_map_delete(uint32_t state, const void *sub, uint32_t length) {
    turgo_bytes key, entry = turgo_bytes_of(sub, length);
    turgo_test_state(state, TURGO_MAP);
    turgo_test_entry *e = turgo_test_key(&key) ? turgo_test_find(state, key, &entry) : NULL;
    if (e != NULL) turgo_test_remove(e);
}

/* turgo_test_page writes entries one after the other, as many as fit. next gives
 * the entry behind another one, NULL at the end. */
static inline int64_t turgo_test_page(const turgo_test_entry *e, const turgo_test_entry *(*next)(const turgo_test_entry *, turgo_bytes),
                                      turgo_bytes key, bool map, uint8_t *data, uint32_t capacity) {
    uint32_t used = 0;
    int64_t count = 0;
    for (; e != NULL; e = next(e, key), count++) {
        uint32_t head = map ? 12 : 16, sub = map ? e->sub.length : 0, size = head + sub + e->value.length;
        if (used + size > capacity) return count << 32 | (count == 0 ? size : used);
        uint8_t *p = data + used;
        uint32_t version = e->version;
        memcpy(p, map ? (const void *)&sub : &e->cursor, head - 8);
        memcpy(p + head - 8, &e->value.length, 4);
        memcpy(p + head - 4, &version, 4);
        memcpy(p + head, e->sub.data, sub);
        memcpy(p + head + sub, e->value.data, e->value.length);
        used += size;
    }
    return count << 32 | used;
}

static inline const turgo_test_entry *turgo_test_next_element(const turgo_test_entry *e, turgo_bytes key) {
    turgo_test_store *s = &turgo_test_host.store;
    const turgo_test_entry *best = NULL;
    for (uint32_t i = 0; i < s->entry_count; i++)
        if (turgo_test_holds(&s->entries[i], e->state, key) && s->entries[i].cursor > e->cursor &&
            (best == NULL || s->entries[i].cursor < best->cursor))
            best = &s->entries[i];
    return best;
}

/* A first entry of an empty key is found with before, which no key has. */
static const uint8_t turgo_test_first = 0;

static inline const turgo_test_entry *turgo_test_next_key(const turgo_test_entry *e, turgo_bytes key) {
    turgo_test_store *s = &turgo_test_host.store;
    const turgo_test_entry *best = NULL;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const turgo_test_entry *other = &s->entries[i];
        if (turgo_test_holds(other, e->state, key) &&
            (e->sub.data == &turgo_test_first || turgo_test_compare(other->sub, e->sub) > 0) &&
            (best == NULL || turgo_test_compare(other->sub, best->sub) < 0))
            best = other;
    }
    return best;
}

int64_t turgo_host_list_read(uint32_t state, uint64_t from, void *data, uint32_t capacity) {
    turgo_bytes key;
    turgo_test_state(state, TURGO_LIST);
    if (!turgo_test_key(&key)) return 0;
    turgo_test_entry before = {.state = state, .cursor = from};
    return turgo_test_page(turgo_test_next_element(&before, key), turgo_test_next_element, key, false, data, capacity);
}

int64_t turgo_host_map_scan(uint32_t state, const void *after, uint32_t length, void *data, uint32_t capacity) {
    turgo_bytes key;
    turgo_test_state(state, TURGO_MAP);
    if (!turgo_test_key(&key)) return 0;
    turgo_bytes start = length == UINT32_MAX ? turgo_bytes_of(&turgo_test_first, 0) : turgo_test_keep(turgo_bytes_of(after, length));
    turgo_test_entry before = {.state = state, .sub = start};
    return turgo_test_page(turgo_test_next_key(&before, key), turgo_test_next_key, key, true, data, capacity);
}

/* ---- timers, failures, metrics, log ---- */

void turgo_host_timer_delete(uint32_t timer, int64_t timestamp) {
    turgo_test_store *s = &turgo_test_host.store;
    turgo_bytes key;
    if (timer >= turgo_test_host.operator->timer_count) turgo_test_stop("a timer that is not declared");
    if (!turgo_test_key(&key)) return;
    for (uint32_t i = 0; i < s->timer_count; i++) {
        turgo_test_timer *t = &s->timers[i];
        if (t->number == timer && t->timestamp == timestamp && turgo_test_compare(t->key, key) == 0) *t = s->timers[--s->timer_count];
    }
}

void turgo_host_timer_set(uint32_t timer, int64_t timestamp) {
    turgo_test_store *s = &turgo_test_host.store;
    turgo_bytes key;
    turgo_host_timer_delete(timer, timestamp);
    if (turgo_test_key(&key))
        s->timers[turgo_test_more(s->timer_count++)] = (turgo_test_timer){timer, turgo_test_keep(key), timestamp};
}

void turgo_host_fail(uint32_t code, const void *text, uint32_t length) {
    char *kept = (char *)turgo_test_keep(turgo_bytes_of(text == NULL ? "" : text, length)).data;
    kept[length] = 0;
    if (turgo_control.hand >= turgo_test_host.call.count) { /* while it opens */
        turgo_test_host.failures[turgo_test_more(turgo_test_host.failure_count++)] = (turgo_test_failure){code, kept};
        return;
    }
    turgo_test_undo(code, kept);
}

void turgo_host_metric(uint32_t metric, int64_t value) {
    const turgo_operator *o = turgo_test_host.operator;
    if (metric >= o->metric_count || metric >= TURGO_TEST_METRICS) turgo_test_stop("a metric that is not declared");
    if (turgo_control.hand < turgo_test_host.call.count) turgo_test_take();
    int64_t *held = &turgo_test_host.store.metrics[metric];
    *held = o->metrics[metric].kind == TURGO_COUNTER ? *held + value : value;
}

void turgo_host_log(uint32_t level, const void *text, uint32_t length) {
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    printf("log: %s: %.*s\n", levels[level < 3 ? level : 3], (int)length, (const char *)text);
}

/* ---- calls ---- */

static inline void turgo_test_add(turgo_test_records *to, const turgo_record *record) {
    turgo_record *kept = &to->records[turgo_test_more(to->count++)];
    *kept = *record;
    kept->key = turgo_test_keep(record->key);
    kept->value = turgo_test_keep(record->value);
    kept->extensions = turgo_test_keep(record->extensions);
}

/* The host keeps what is emitted aside until the call returns: a record may still fail. */
void turgo_host_emit(uint32_t output, const void *data, uint32_t length) {
    uint32_t accumulator = output - (1u << 31);
    (void)length;
    if (output >= turgo_test_host.operator->output_count && accumulator >= turgo_test_host.operator->aggregation_count)
        turgo_test_stop("an output that is not declared");
    turgo_batch batch = {data, TURGO_HEADER, turgo_load32((const uint8_t *)data + 8), turgo_load16((const uint8_t *)data + 6)};
    for (turgo_record record; batch.left > 0;) {
        turgo_step(&batch, &record);
        uint32_t origin = turgo_load32(batch.at + 16);
        if (origin >= turgo_test_host.call.count) turgo_test_stop("a record's origin is no record of the call");
        turgo_test_records *to = &turgo_test_host.outputs[output < TURGO_OUTPUTS_MAX ? output : TURGO_OUTPUTS_MAX];
        turgo_test_add(to, &record);
        to->origins[to->count - 1] = origin;
    }
}

/* turgo_test_commit keeps what a call emitted, but that of records that failed. */
static inline void turgo_test_commit(void) {
    const turgo_test_records *call = &turgo_test_host.call;
    for (uint32_t output = 0; output <= TURGO_OUTPUTS_MAX; output++) {
        turgo_test_records *o = &turgo_test_host.outputs[output];
        uint32_t kept = o->begun;
        for (uint32_t i = o->begun; i < o->count; i++) {
            if (call->failed[o->origins[i]]) continue;
            o->origins[kept] = o->origins[i];
            o->records[kept++] = o->records[i];
        }
        o->count = o->begun = kept;
    }
}

/* turgo_test_accumulate stores the accumulators that a call emitted. */
static inline void turgo_test_accumulate(uint32_t aggregation) {
    turgo_test_records *accumulators = &turgo_test_host.outputs[TURGO_OUTPUTS_MAX];
    uint32_t state = turgo_test_host.operator->state_count + aggregation;
    for (uint32_t i = 0; i < accumulators->count; i++) {
        turgo_bytes key = turgo_test_host.call.records[accumulators->origins[i]].key, value = accumulators->records[i].value;
        turgo_test_entry *old = turgo_test_find(state, key, NULL);
        if (value.data != NULL) turgo_test_put(state, turgo_test_state(state, TURGO_VALUE), key, NULL, value);
        else if (old != NULL) turgo_test_remove(old);
    }
    accumulators->count = accumulators->begun = 0;
}

/* turgo_test_write writes one record; fixed is the length of its fixed part. */
static inline uint8_t *turgo_test_write(uint8_t *p, const turgo_record *r, uint32_t index, uint32_t fixed) {
    uint32_t size = fixed + r->key.length + r->value.length + r->extensions.length;
    memset(p, 0, fixed);
    turgo_store32(p, size);
    p[4] = (uint8_t)((uint32_t)r->kind << 2 | (r->key.data == NULL) | (uint32_t)(r->value.data == NULL) << 1);
    turgo_store64(p + 8, (uint64_t)r->timestamp);
    turgo_store32(p + 16, index);
    turgo_store32(p + 20, r->key.length);
    turgo_store32(p + 24, r->value.length);
    const turgo_bytes parts[] = {r->key, r->value, r->extensions};
    uint8_t *to = p + fixed;
    for (int i = 0; i < 3; to += parts[i++].length)
        if (parts[i].length > 0) memcpy(to, parts[i].data, parts[i].length);
    return to;
}

static inline void turgo_test_header(uint8_t *p, uint32_t fixed, uint32_t count, size_t length) {
    memcpy(p, "TRGB\1\0", 6);
    p[6] = (uint8_t)fixed, p[7] = 0;
    turgo_store32(p + 8, count);
    turgo_store32(p + 12, (uint32_t)length);
    turgo_store64(p + 16, 0);
}

static inline size_t turgo_test_size(const turgo_test_records *of, uint32_t fixed) {
    size_t size = TURGO_HEADER;
    for (uint32_t i = 0; i < of->count; i++)
        size += fixed + of->records[i].key.length + of->records[i].value.length + of->records[i].extensions.length;
    return size;
}

static inline uint8_t *turgo_test_begin(size_t size) {
    memset(turgo_test_host.call.failed, 0, sizeof turgo_test_host.call.failed);
    turgo_test_host.hand = UINT32_MAX;
    turgo_control.watermark = turgo_test_host.watermark;
    turgo_control.processing_time = turgo_test_host.processing_time;
    uint8_t *buffer = turgo_buffer((uint32_t)size);
    if (buffer == NULL) turgo_test_stop("turgo_buffer gives none");
    return buffer;
}

static inline void turgo_test_call(int32_t (*call)(uint32_t, const uint8_t *, uint32_t), uint32_t number) {
    const turgo_test_records *records = &turgo_test_host.call;
    size_t size = turgo_test_size(records, TURGO_FIXED);
    uint8_t *data = turgo_test_begin(size), *p = data + TURGO_HEADER;
    turgo_test_header(data, TURGO_FIXED, records->count, size);
    for (uint32_t i = 0; i < records->count; i++) p = turgo_test_write(p, &records->records[i], i, TURGO_FIXED);
    if (call(number, data, (uint32_t)size) != 0) turgo_test_stop("a call's status is not 0");
    turgo_test_commit();
}

/* turgo_test_call_groups groups the pending records by key: SPEC.md section 15. */
static inline void turgo_test_call_groups(uint32_t aggregation) {
    enum { GROUP = 52 };
    turgo_test_records *groups = &turgo_test_host.call, *members = &turgo_test_host.pending;
    static uint32_t of[TURGO_TEST_ROOM];
    groups->count = 0;
    for (uint32_t i = 0, g; i < members->count; of[i++] = g) {
        for (g = 0; g < groups->count && turgo_test_compare(groups->records[g].key, members->records[i].key) != 0;) g++;
        if (members->records[i].key.data == NULL) turgo_test_stop("a record of an aggregation has a null key");
        if (g < groups->count) {
            if (members->records[i].timestamp > groups->records[g].timestamp) groups->records[g].timestamp = members->records[i].timestamp;
            continue;
        }
        turgo_record group = {.key = members->records[i].key, .timestamp = members->records[i].timestamp};
        const turgo_test_entry *e = turgo_test_find(turgo_test_host.operator->state_count + aggregation, group.key, NULL);
        if (e != NULL) group.value = e->value;
        turgo_test_add(groups, &group);
    }
    size_t head = turgo_test_size(groups, GROUP), start = (head + 7) & ~(size_t)7, size = start + turgo_test_size(members, TURGO_FIXED);
    uint8_t *data = turgo_test_begin(size), *p = data + TURGO_HEADER, *member = data + start + TURGO_HEADER;
    turgo_test_header(data, GROUP, groups->count, head);
    turgo_test_header(data + start, TURGO_FIXED, members->count, size - start);
    for (uint32_t g = 0, index = 0; g < groups->count; g++) {
        const turgo_test_entry *e = turgo_test_find(turgo_test_host.operator->state_count + aggregation, groups->records[g].key, NULL);
        uint8_t *group = p, *first = member;
        uint32_t from = index;
        p = turgo_test_write(p, &groups->records[g], 0, GROUP);
        for (uint32_t i = 0; i < members->count; i++)
            if (of[i] == g) member = turgo_test_write(member, &members->records[i], index++, TURGO_FIXED);
        turgo_store32(group + 16, index - from);
        turgo_store64(group + 28, (uint64_t)INT64_MIN);
        turgo_store64(group + 36, (uint64_t)INT64_MIN);
        turgo_store32(group + 44, e == NULL ? 0 : e->version);
        turgo_store32(group + 48, (uint32_t)(member - first));
    }
    if (turgo_aggregate(aggregation, data, (uint32_t)size) != 0) turgo_test_stop("a call's status is not 0");
    turgo_test_commit();
    turgo_test_accumulate(aggregation);
}

static inline void turgo_test_flush(void) {
    turgo_test_records *pending = &turgo_test_host.pending;
    const turgo_operator *o = turgo_test_host.operator;
    const char *name = pending->count == 0 ? NULL : o->inputs[turgo_test_host.input].aggregation;
    if (pending->count == 0) return;
    uint32_t aggregation = 0;
    while (name != NULL && strcmp(o->aggregations[aggregation].name, name) != 0)
        if (++aggregation == o->aggregation_count) turgo_test_stop("an input names an aggregation that is not declared");
    if (name != NULL) {
        turgo_test_call_groups(aggregation);
    } else {
        turgo_test_host.call = *pending;
        turgo_test_call(turgo_process, turgo_test_host.input);
    }
    pending->count = 0;
}

/* turgo_test_fire fires timers one by one, the earliest first. */
static inline void turgo_test_fire(void) {
    turgo_test_store *s = &turgo_test_host.store;
    for (uint32_t fired = 0;; fired++) {
        const turgo_test_timer *best = NULL;
        for (uint32_t i = 0; i < s->timer_count; i++) {
            const turgo_test_timer *t = &s->timers[i];
            bool event = turgo_test_host.operator->timers[t->number].domain == TURGO_EVENT_TIME;
            if (t->timestamp > (event ? turgo_test_host.watermark : turgo_test_host.processing_time)) continue;
            bool earlier = best == NULL || t->timestamp < best->timestamp || (t->timestamp == best->timestamp &&
                (t->number < best->number || (t->number == best->number && turgo_test_compare(t->key, best->key) < 0)));
            if (earlier) best = t;
        }
        if (best == NULL) return;
        if (fired == 10000) turgo_test_stop("timers are due for ever: one sets itself again in the past");
        turgo_test_timer timer = *best;
        s->timers[best - s->timers] = s->timers[--s->timer_count];
        turgo_record record = {timer.key, turgo_bytes_of("", 0), timer.timestamp, TURGO_INSERT, turgo_null};
        turgo_test_host.call.count = 0;
        turgo_test_add(&turgo_test_host.call, &record);
        turgo_test_call(turgo_timers, timer.number);
    }
}

static inline bool turgo_test_open(uint32_t operator, const char *config) {
    bool single = turgo_test_host.single;
    uint32_t wrong = turgo_test_host.wrong;
    memset(&turgo_instance, 0, sizeof turgo_instance);
    memset(&turgo_test_host, 0, sizeof turgo_test_host);
    turgo_test_host.single = single;
    turgo_test_host.wrong = wrong;
    turgo_test_host.watermark = turgo_control.watermark = INT64_MIN;
    static const char head[] = "{\"uid\":\"test\",\"subtask\":0,\"parallelism\":1,\"config\":";
    char *request = malloc(sizeof head + strlen(config) + 1); /* never freed: open may keep it */
    if (request == NULL) abort();
    sprintf(request, "%s%s}", head, config);
    volatile void *control = turgo_open(operator, request, (uint32_t)strlen(request));
    turgo_test_host.operator = turgo_instance.operator;
    return control != NULL;
}

static inline void turgo_test_send_record(uint32_t input, const turgo_record *record) {
    if (input >= turgo_test_host.operator->input_count) turgo_test_stop("an input that is not declared");
    if (input != turgo_test_host.input) turgo_test_flush();
    turgo_test_host.input = input;
    turgo_test_add(&turgo_test_host.pending, record);
    if (turgo_test_host.single) turgo_test_flush();
}

static inline turgo_bytes turgo_test_text(const char *text) { return text == NULL ? turgo_null : turgo_text(text); }

static inline void turgo_test_send(uint32_t input, const char *key, const char *value, int64_t timestamp) {
    turgo_record record = {turgo_test_text(key), turgo_test_text(value), timestamp, TURGO_INSERT, turgo_null};
    turgo_test_send_record(input, &record);
}

static inline void turgo_test_watermark(int64_t timestamp) {
    turgo_test_flush();
    if (timestamp > turgo_test_host.watermark) turgo_test_host.watermark = timestamp;
    turgo_test_fire();
}

static inline void turgo_test_processing_time(int64_t timestamp) {
    turgo_test_flush();
    if (timestamp > turgo_test_host.processing_time) turgo_test_host.processing_time = timestamp;
    turgo_test_fire();
}

static inline void turgo_test_end(void) { turgo_test_watermark(INT64_MAX); }

static inline int64_t turgo_test_metric(uint32_t metric) {
    turgo_test_flush();
    return turgo_test_host.store.metrics[metric];
}

/* ---- what came out ---- */

static inline bool turgo_test_same(turgo_bytes got, const char *want) {
    if (got.data == NULL || want == NULL) return got.data == NULL && want == NULL;
    return turgo_equal(got, turgo_text(want));
}

static inline void turgo_test_show(const char *before, turgo_bytes text) {
    if (text.data == NULL) printf("%snull", before);
    else printf("%s\"%.*s\"", before, (int)text.length, (const char *)text.data);
}

static inline void turgo_test_expect_at(const char *file, int line, uint32_t output, const char *key, const char *value, int64_t timestamp) {
    turgo_test_flush();
    const turgo_test_records *o = &turgo_test_host.outputs[output];
    if (turgo_test_host.read[output] == o->count) {
        turgo_test_wrong(file, line, "output %u holds no more records, want key %s", output, key == NULL ? "null" : key);
        return;
    }
    const turgo_record *got = &o->records[turgo_test_host.read[output]++];
    if (turgo_test_same(got->key, key) && turgo_test_same(got->value, value) && got->timestamp == timestamp) return;
    turgo_test_wrong(file, line, "output %u, record %u is not as wanted:", output, turgo_test_host.read[output] - 1);
    turgo_test_show("  got  ", got->key);
    turgo_test_show(" = ", got->value);
    printf(" at %lld\n", (long long)got->timestamp);
    turgo_test_show("  want ", turgo_test_text(key));
    turgo_test_show(" = ", turgo_test_text(value));
    printf(" at %lld\n", (long long)timestamp);
}

static inline void turgo_test_expect_none_at(const char *file, int line, uint32_t output) {
    turgo_test_flush();
    uint32_t more = turgo_test_host.outputs[output].count - turgo_test_host.read[output];
    if (more == 0) return;
    const turgo_record *got = &turgo_test_host.outputs[output].records[turgo_test_host.read[output]];
    turgo_test_wrong(file, line, "output %u holds %u more records, want none; the first:", output, more);
    turgo_test_show("  ", got->key);
    turgo_test_show(" = ", got->value);
    printf("\n");
}

static inline void turgo_test_expect_failure_at(const char *file, int line, uint32_t code, const char *text) {
    if (turgo_test_host.operator != NULL) turgo_test_flush();
    if (turgo_test_host.failure_read == turgo_test_host.failure_count) {
        turgo_test_wrong(file, line, "nothing more failed, want code %u: %s", code, text);
        return;
    }
    const turgo_test_failure *got = &turgo_test_host.failures[turgo_test_host.failure_read++];
    if (got->code != code || strstr(got->text, text) == NULL)
        turgo_test_wrong(file, line, "failed with code %u: %s; want code %u: %s", got->code, got->text, code, text);
}

static inline void turgo_test_expect_no_failure_at(const char *file, int line) {
    if (turgo_test_host.operator != NULL) turgo_test_flush();
    for (; turgo_test_host.failure_read < turgo_test_host.failure_count; turgo_test_host.failure_read++)
        turgo_test_wrong(file, line, "failed with code %u: %s; want none", turgo_test_host.failures[turgo_test_host.failure_read].code,
                         turgo_test_host.failures[turgo_test_host.failure_read].text);
}

static inline int turgo_test_run(const turgo_test *tests, uint32_t count) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* a crash loses no line */
    uint32_t failed = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (int single = 0; single < 2; single++) {
            turgo_test_host.wrong = 0;
            turgo_test_host.single = single;
            tests[i].run();
            failed += turgo_test_host.wrong > 0;
            printf("%s %s (%s)\n", turgo_test_host.wrong > 0 ? "not ok" : "ok", tests[i].name, single ? "single records" : "whole");
        }
    }
    return failed > 0;
}

#endif
