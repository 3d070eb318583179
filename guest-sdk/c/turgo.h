/* turgo.h: Turgo operators in C, as one freestanding header (C11).
 *
 * An operator is a table: its inputs with a function for each, its outputs,
 * states, timers and metrics by name. Their numbers are their places in the
 * tables, so an enum names them.
 *
 *     #include "turgo.h"
 *
 *     enum { TOTALS };                      // outputs
 *     enum { TOTAL };                       // states
 *
 *     static void count(turgo_batch *words) {
 *         turgo_record word;
 *         while (turgo_next(words, &word)) {
 *             char text[20];
 *             uint64_t total = turgo_get_u64(TOTAL, 0) + 1;
 *             turgo_put_u64(TOTAL, total);
 *             turgo_emit(TOTALS, word.key, turgo_bytes_of(text, (size_t)(turgo_digits(text, (int64_t)total) - text)));
 *         }
 *     }
 *
 *     static const turgo_input inputs[] = {{.name = "words", .process = count}};
 *     static const turgo_output outputs[] = {{.name = "totals"}};
 *     static const turgo_state states[] = {{.name = "total", .kind = TURGO_VALUE}};
 *     static const turgo_operator operators[] = {{
 *         .name = "count", TURGO_INPUTS(inputs), TURGO_OUTPUTS(outputs), TURGO_STATES(states)}};
 *     TURGO_MODULE(operators)
 *
 * It becomes a module with
 *
 *     clang --target=wasm32 -O2 -nostdlib -mbulk-memory -Wl,--no-entry -o count.wasm count.c
 *
 * Include it in one file of the module. No allocation of yours may outlive a
 * call: after any call the host may set memory back to what it was when open
 * returned. What must last is state.
 */
#ifndef TURGO_H
#define TURGO_H

#ifdef __cplusplus
#error "turgo.h is C11: write the operator in C, and have it call what is in C++"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- bytes ---- */

/* turgo_bytes is a piece of memory. data == NULL is null, which is not empty. */
typedef struct {
    const void *data;
    uint32_t length;
} turgo_bytes;

static const turgo_bytes turgo_null = {NULL, 0};

static inline turgo_bytes turgo_bytes_of(const void *data, size_t length) {
    return (turgo_bytes){data, (uint32_t)length};
}

/* turgo_text is the bytes of a C string, without its end. */
static inline turgo_bytes turgo_text(const char *text) {
    uint32_t length = 0;
    while (text[length] != 0) length++;
    return (turgo_bytes){text, length};
}

static inline void turgo_copy(void *to, const void *from, size_t length) { __builtin_memcpy(to, from, length); }

static inline bool turgo_equal(turgo_bytes a, turgo_bytes b) {
    if (a.length != b.length || (a.data == NULL) != (b.data == NULL)) return false;
    for (uint32_t i = 0; i < a.length; i++)
        if (((const uint8_t *)a.data)[i] != ((const uint8_t *)b.data)[i]) return false;
    return true;
}

/* turgo_ordered is a number as the sub-key of a map, so that the map is in the order
 * of its numbers: 8 bytes, big-endian, with the sign turned over. It is the same in
 * the other SDKs. */
typedef struct {
    uint8_t data[8];
} turgo_ordered;

static inline turgo_ordered turgo_order(int64_t number) {
    turgo_ordered ordered;
    uint64_t bits = (uint64_t)number ^ 1ULL << 63;
    for (int i = 7; i >= 0; i--, bits >>= 8) ordered.data[i] = (uint8_t)bits;
    return ordered;
}

static inline int64_t turgo_number(turgo_bytes ordered) {
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) bits = bits << 8 | ((const uint8_t *)ordered.data)[i];
    return (int64_t)(bits ^ 1ULL << 63);
}

/* turgo_digits writes a number in decimal and returns where it ends: at most 20
 * characters, and no 0 behind them. */
static inline char *turgo_digits(char *to, int64_t number) {
    char digits[20], *p = digits + sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do *--p = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0) *--p = '-';
    while (p < digits + sizeof digits) *to++ = *p++;
    return to;
}

/* ---- records ---- */

typedef enum { TURGO_INSERT, TURGO_UPDATE_BEFORE, TURGO_UPDATE_AFTER, TURGO_DELETE } turgo_kind;

#define TURGO_NO_TIMESTAMP INT64_MIN

/* turgo_record is one record. Times are milliseconds since the Unix epoch. What
 * turgo_next gives points into the batch and is valid during the call. */
typedef struct {
    turgo_bytes key, value;
    int64_t timestamp; /* TURGO_NO_TIMESTAMP = none; of a fired timer, its time */
    turgo_kind kind;
    turgo_bytes extensions; /* encoded; pass them on unchanged */
} turgo_record;

/* turgo_batch walks the records of one call. Its fields are not yours. */
typedef struct {
    const uint8_t *at; /* the record in hand */
    uint32_t size;     /* of the record in hand; at first of the header */
    uint32_t left;
    uint32_t fixed;
} turgo_batch;

/* turgo_next takes the next record in hand: state, timers, turgo_fail and the
 * origin of what is emitted belong to it from now on. */
static inline bool turgo_next(turgo_batch *batch, turgo_record *record);

/* ---- the operator's tables ---- */

/* turgo_input: changes has a bit (1 << turgo_kind) for each kind that the input
 * accepts; 0 = inserts. Where aggregation names one, its process gets the records. */
typedef struct {
    const char *name;
    void (*process)(turgo_batch *batch);
    uint8_t changes;
    const char *aggregation;
} turgo_input;

/* turgo_group is the records of one key in a batch. accumulator is null where the
 * key has none; version is the schema version that it was written under. */
typedef struct {
    turgo_bytes key, accumulator;
    int64_t timestamp; /* the greatest of its records */
    uint32_t count;    /* of its records */
    uint16_t version;
} turgo_group;

/* turgo_groups walks the groups of one call. Its fields are not yours. */
typedef struct {
    turgo_batch groups, records;
    const uint8_t *end; /* of the records of the group in hand */
    uint32_t left;
} turgo_groups;

/* turgo_next_group takes the next group in hand: state, timers, turgo_fail and the
 * origin of what is emitted belong to it. turgo_next_member gives its records, in
 * the order of the input. turgo_accumulate makes a value the group's accumulator;
 * turgo_null removes it. */
static inline bool turgo_next_group(turgo_groups *groups, turgo_group *group);
static inline bool turgo_next_member(turgo_groups *groups, turgo_record *record);
static inline void turgo_accumulate(turgo_groups *groups, turgo_bytes accumulator);

/* turgo_aggregation: the host groups the records of its input by key and passes
 * accumulators, so that state is read and written once for a group. The
 * accumulators are a value state too, for timers: its number is TURGO_ACCUMULATORS
 * of the states' table, plus that of the aggregation. */
typedef struct {
    const char *name;
    void (*process)(turgo_groups *groups);
    uint16_t schema_version;
    uint64_t time_to_live_ms;
} turgo_aggregation;

typedef struct {
    const char *name;
} turgo_output;

typedef enum { TURGO_VALUE, TURGO_LIST, TURGO_MAP } turgo_state_kind;

/* turgo_state: a time to live of 0 is for ever; prefetch, which values have, reads
 * the entries of all keys of a batch before the call. */
typedef struct {
    const char *name;
    turgo_state_kind kind;
    uint16_t schema_version;
    bool prefetch;
    uint64_t time_to_live_ms;
} turgo_state;

typedef enum { TURGO_EVENT_TIME, TURGO_PROCESSING_TIME } turgo_domain;

/* turgo_timer: fire gets timers as records of their key and their time. */
typedef struct {
    const char *name;
    turgo_domain domain;
    void (*fire)(turgo_batch *timers);
} turgo_timer;

typedef enum { TURGO_COUNTER, TURGO_GAUGE } turgo_metric_kind;

typedef struct {
    const char *name;
    turgo_metric_kind kind;
} turgo_metric;

/* turgo_operator is one operator of the module. open may be NULL; it gets the
 * open request (JSON: uid, subtask, parallelism, config) and refuses by turgo_fail
 * and false. config_schema is JSON Schema, or NULL. */
typedef struct {
    const char *name;
    const turgo_input *inputs;
    uint32_t input_count;
    const turgo_output *outputs;
    uint32_t output_count;
    const turgo_state *states;
    uint32_t state_count;
    const turgo_aggregation *aggregations;
    uint32_t aggregation_count;
    const turgo_timer *timers;
    uint32_t timer_count;
    const turgo_metric *metrics;
    uint32_t metric_count;
    bool assigns_timestamps;
    const char *config_schema;
    bool (*open)(turgo_bytes request);
} turgo_operator;

#define TURGO_COUNT(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))
#define TURGO_INPUTS(table) .inputs = (table), .input_count = TURGO_COUNT(table)
#define TURGO_OUTPUTS(table) .outputs = (table), .output_count = TURGO_COUNT(table)
#define TURGO_STATES(table) .states = (table), .state_count = TURGO_COUNT(table)
#define TURGO_ACCUMULATORS(states) TURGO_COUNT(states)
#define TURGO_AGGREGATIONS(table) .aggregations = (table), .aggregation_count = TURGO_COUNT(table)
#define TURGO_TIMERS(table) .timers = (table), .timer_count = TURGO_COUNT(table)
#define TURGO_METRICS(table) .metrics = (table), .metric_count = TURGO_COUNT(table)

/* ---- what an operator may call ---- */

/* turgo_emit emits a record with the timestamp of the record in hand. */
static inline void turgo_emit(uint32_t output, turgo_bytes key, turgo_bytes value);
static inline void turgo_emit_record(uint32_t output, const turgo_record *record);
/* turgo_forward emits the record in hand as it is. A fired timer is a record of its
 * key and time; a group, one of its key and the accumulator that it came with. */
static inline void turgo_forward(uint32_t output);

/* turgo_fail fails the record in hand: what was emitted and written for it is
 * undone, and the job's failure policy decides what becomes of it. Go on with the
 * next record. The code is your own; 0 = none. */
static inline void turgo_fail(uint32_t code, const char *text);

/* turgo_entry is what a read of state gives. It is valid until the next read of
 * any state, that of a walk until its next turn. version is the schema version that
 * it was written under. */
typedef struct {
    turgo_bytes key; /* of a map's entry */
    turgo_bytes value;
    uint16_t version;
} turgo_entry;

/* State of the key of the record in hand. */
static inline bool turgo_get(uint32_t state, turgo_entry *entry);
static inline void turgo_put(uint32_t state, turgo_bytes value);
static inline void turgo_clear(uint32_t state);
static inline uint64_t turgo_get_u64(uint32_t state, uint64_t fallback);
static inline void turgo_put_u64(uint32_t state, uint64_t value);
static inline void turgo_append(uint32_t state, turgo_bytes value);
static inline bool turgo_map_get(uint32_t state, turgo_bytes key, turgo_entry *entry);
static inline void turgo_map_put(uint32_t state, turgo_bytes key, turgo_bytes value);
static inline void turgo_map_delete(uint32_t state, turgo_bytes key);

/* turgo_walk walks a list in the order of its appends, or a map in the byte order
 * of its keys:
 *
 *     turgo_walk walk = turgo_walk_list(EVENTS);
 *     for (turgo_entry e; turgo_walk_next(&walk, &e);) ...
 *
 * An entry is valid until the next turn. Reads, writes and other walks may come
 * between two turns, and what is written is seen where it stands behind the current
 * entry and was not read ahead. A walk ends with the record in hand. Up to 8 may be
 * under way: one that is left before its end counts, until turgo_walk_end. */
typedef struct {
    uint32_t state, left;
    bool map, started;
    uint64_t cursor;
    uint32_t at, used, key_at, key_length;
    uint32_t number, page; /* of the walk, 0 = it has not begun; where it reads */
} turgo_walk;

static inline turgo_walk turgo_walk_list(uint32_t state);
static inline turgo_walk turgo_walk_map(uint32_t state);
static inline bool turgo_walk_next(turgo_walk *walk, turgo_entry *entry);
static inline void turgo_walk_end(turgo_walk *walk);

static inline void turgo_timer_set(uint32_t timer, int64_t timestamp);
static inline void turgo_timer_delete(uint32_t timer, int64_t timestamp);

typedef enum { TURGO_DEBUG, TURGO_INFO, TURGO_WARN, TURGO_ERROR } turgo_level;

static inline void turgo_log(turgo_level level, turgo_bytes text);
/* turgo_count adds to a counter, turgo_gauge sets a gauge. */
static inline void turgo_count(uint32_t metric, int64_t value);
static inline void turgo_gauge(uint32_t metric, int64_t value);

/* The operator's watermark and the clock: they stand still during a call. */
static inline int64_t turgo_watermark(void);
static inline int64_t turgo_processing_time(void);

/* The operator's config, of the open request: a member of the object by its name.
 * Text is unescaped into memory of its own. A member that is absent or null gives the
 * fallback. So does one of another type, but then the operator does not open: the host
 * hears which it is. Where there is a config_schema it does not open either with a
 * member that open did not ask for. */
static inline turgo_bytes turgo_config_text(turgo_bytes request, const char *name, turgo_bytes fallback);
static inline int64_t turgo_config_integer(turgo_bytes request, const char *name, int64_t fallback);
static inline bool turgo_config_bool(turgo_bytes request, const char *name, bool fallback);

/* turgo_allocate gives memory that lives until the instance is reset: use it in
 * open. It is aligned to 16 and never freed. NULL = the limit is reached. */
static inline void *turgo_allocate(size_t size);

/* ---- the host ---- */

#ifdef __wasm__
#define TURGO_IMPORT(name) __attribute__((import_module("turgo_v1"), import_name(#name)))
#define TURGO_EXPORT(name) __attribute__((export_name(#name), used))
#else /* a native build gives the host's functions itself, for tests */
#define TURGO_IMPORT(name)
#define TURGO_EXPORT(name)
#endif

TURGO_IMPORT(emit) void turgo_host_emit(uint32_t output, const void *data, uint32_t length);
TURGO_IMPORT(fail) void turgo_host_fail(uint32_t code, const void *text, uint32_t length);
TURGO_IMPORT(state_get) int64_t turgo_host_state_get(uint32_t state, void *data, uint32_t capacity);
TURGO_IMPORT(state_put) void turgo_host_state_put(uint32_t state, const void *data, uint32_t length);
TURGO_IMPORT(state_clear) void turgo_host_state_clear(uint32_t state);
TURGO_IMPORT(list_append) void turgo_host_list_append(uint32_t state, const void *data, uint32_t length);
TURGO_IMPORT(list_read) int64_t turgo_host_list_read(uint32_t state, uint64_t from, void *data, uint32_t capacity);
TURGO_IMPORT(map_get) int64_t turgo_host_map_get(uint32_t state, const void *key, uint32_t key_length, void *data, uint32_t capacity);
TURGO_IMPORT(map_put) void turgo_host_map_put(uint32_t state, const void *key, uint32_t key_length, const void *data, uint32_t length);
TURGO_IMPORT(map_delete) void turgo_host_map_delete(uint32_t state, const void *key, uint32_t key_length);
TURGO_IMPORT(map_scan) int64_t turgo_host_map_scan(uint32_t state, const void *after, uint32_t after_length, void *data, uint32_t capacity);
TURGO_IMPORT(timer_set) void turgo_host_timer_set(uint32_t timer, int64_t timestamp);
TURGO_IMPORT(timer_delete) void turgo_host_timer_delete(uint32_t timer, int64_t timestamp);
TURGO_IMPORT(log) void turgo_host_log(uint32_t level, const void *text, uint32_t length);
TURGO_IMPORT(metric) void turgo_host_metric(uint32_t metric, int64_t value);

/* ---- memory ---- */

/* region is memory that grows by being moved. What it leaves is lost until the
 * instance is reset: since it doubles, never more than it has. */
typedef struct {
    uint8_t *data;
    uint32_t length, capacity;
} turgo_region;

#ifdef __wasm__
extern uint8_t __heap_base;
static uintptr_t turgo_heap;

static inline void *turgo_allocate(size_t size) {
    if (turgo_heap == 0) turgo_heap = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
    uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) << 16;
    if (size > SIZE_MAX - turgo_heap - 65535) return NULL;
    uintptr_t end = turgo_heap + ((size + 15) & ~(size_t)15);
    if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) >> 16) == SIZE_MAX) return NULL;
    void *given = (void *)turgo_heap;
    turgo_heap = end;
    return given;
}
#else
#include <stdlib.h>
static inline void *turgo_allocate(size_t size) { return malloc(size); }
#endif

/* turgo_reserve makes room for at least size bytes, and keeps those in use. */
static inline void turgo_reserve(turgo_region *region, uint64_t size) {
    if (size <= region->capacity) return;
    uint64_t capacity = region->capacity < 32768 ? 65536 : 2 * (uint64_t)region->capacity;
    if (capacity < size) capacity = size;
    uint8_t *grown = capacity > INT32_MAX ? NULL : turgo_allocate((size_t)capacity);
    if (grown == NULL) __builtin_trap(); /* the limit is reached: the host blames the record in hand */
    if (region->data != NULL) turgo_copy(grown, region->data, region->length);
    region->data = grown;
    region->capacity = (uint32_t)capacity;
}

static inline uint32_t turgo_load32(const uint8_t *p) { uint32_t v; turgo_copy(&v, p, 4); return v; }
static inline uint64_t turgo_load64(const uint8_t *p) { uint64_t v; turgo_copy(&v, p, 8); return v; }
static inline uint16_t turgo_load16(const uint8_t *p) { uint16_t v; turgo_copy(&v, p, 2); return v; }
static inline void turgo_store32(uint8_t *p, uint32_t v) { turgo_copy(p, &v, 4); }
static inline void turgo_store64(uint8_t *p, uint64_t v) { turgo_copy(p, &v, 8); }

/* ---- the open operator ---- */

enum {
    TURGO_HEADER = 24,
    TURGO_FIXED = 28,
    TURGO_FLUSH = 1 << 20,  /* an output that holds this much is emitted */
    TURGO_RUN = 1 << 12,    /* forwarded records of this size are emitted where they lie */
    TURGO_OUTPUTS_MAX = 64, /* of one operator */
    TURGO_WALKS_MAX = 8,    /* at a time */
    TURGO_BATCH_MAX = 64 << 20,
    TURGO_CONFIG_MAX = 64,  /* members of its config */
};

/* The host and the guest share the control block: SPEC.md section 4. */
static volatile struct {
    uint32_t hand, reserved0;
    int64_t watermark, processing_time, reserved1;
} turgo_control;

/* turgo_pending is what an output holds: records in memory of its own, and behind
 * them a run of forwarded ones that still lie in the batch, one after the other. */
typedef struct {
    turgo_region region;
    uint32_t room;  /* that is left in the region; 0 while there is a run */
    uint32_t count; /* of the records in the region */
    uint32_t run_count;
    uint8_t *run;
    const uint8_t *run_end; /* NULL = no run */
} turgo_pending;

/* turgo_page is what a walk has read ahead. */
typedef struct {
    turgo_region region;
    uint32_t walk; /* the number of the walk; 0 = none */
    uint32_t hand; /* the record that was in hand when it began */
    uint64_t turn; /* its last one, among those of all walks */
} turgo_page;

static struct {
    turgo_region buffer, scratch;
    turgo_page pages[TURGO_WALKS_MAX];
    uint32_t walks; /* begun so far */
    uint64_t turns; /* of all walks */
    turgo_pending outputs[TURGO_OUTPUTS_MAX + 1]; /* the last one holds accumulators */
    uint32_t accumulators;                        /* under this number */
    turgo_batch *batch;
    const turgo_operator *operator;
    struct { /* what open asked of the config, and what was of another type */
        const char *names[TURGO_CONFIG_MAX];
        uint32_t count;
        const char *wrong, *want;
    } config;
} turgo_instance;

static inline int64_t turgo_watermark(void) { return turgo_control.watermark; }
static inline int64_t turgo_processing_time(void) { return turgo_control.processing_time; }

/* ---- reading records ---- */

/* turgo_step moves to the next record, which a caller knows to be there. */
static inline void turgo_step(turgo_batch *batch, turgo_record *record) {
    batch->left--;
    const uint8_t *p = batch->at += batch->size;
    batch->size = turgo_load32(p);
    uint32_t flags = p[4], key = turgo_load32(p + 20), value = turgo_load32(p + 24);
    const uint8_t *body = p + batch->fixed;
    record->key = (turgo_bytes){flags & 1 ? NULL : body, key};
    record->value = (turgo_bytes){flags & 2 ? NULL : body + key, value};
    record->timestamp = (int64_t)turgo_load64(p + 8);
    record->kind = (turgo_kind)(flags >> 2 & 3);
    record->extensions = (turgo_bytes){body + key + value, batch->size - batch->fixed - key - value};
}

static inline bool turgo_next(turgo_batch *batch, turgo_record *record) {
    if (batch->left == 0) return false;
    turgo_control.hand++; /* from no record to 0 at first */
    turgo_step(batch, record);
    return true;
}

static inline bool turgo_next_member(turgo_groups *groups, turgo_record *record) {
    if (groups->left == 0) return false;
    groups->left--;
    turgo_step(&groups->records, record);
    return true;
}

static inline bool turgo_next_group(turgo_groups *groups, turgo_group *group) {
    turgo_record r;
    if (!turgo_next(&groups->groups, &r)) return false;
    groups->left = turgo_load32(groups->groups.at + 16);
    groups->records.at = groups->end;
    groups->records.size = 0;
    groups->end += turgo_load32(groups->groups.at + 48);
    *group = (turgo_group){r.key, r.value, r.timestamp, groups->left, turgo_load16(groups->groups.at + 44)};
    return true;
}

/* ---- emitting ---- */

/* What happens once for many records stays out of their way. */
#define TURGO_RARE __attribute__((noinline, cold))

/* turgo_emit_batch makes a batch of records that have room for its header before
 * them, and emits it. */
static TURGO_RARE void turgo_emit_batch(uint32_t number, uint8_t *header, uint32_t count, uint32_t length) {
    turgo_copy(header, "TRGB\1\0\34\0", 8);
    turgo_store32(header + 8, count);
    turgo_store32(header + 12, length);
    turgo_store64(header + 16, 0);
    turgo_host_emit(number, header, length);
}

/* turgo_flush_region emits the records of the region. */
static inline void turgo_flush_region(turgo_pending *o, uint32_t number) {
    if (o->count > 0) turgo_emit_batch(number, o->region.data, o->count, o->region.length);
    o->region.length = o->count = o->room = 0;
}

/* turgo_make_room has room for size bytes in the region, which may be emitted for that. */
static inline void turgo_make_room(turgo_pending *o, uint32_t number, uint64_t size) {
    if (o->region.length + size > TURGO_FLUSH) turgo_flush_region(o, number);
    if (o->region.length == 0) o->region.length = TURGO_HEADER;
    turgo_reserve(&o->region, o->region.length + size);
    o->room = o->region.capacity - o->region.length;
}

/* turgo_settle ends a run: a short one moves into the region, a long one is emitted
 * where it lies. Its header stands on the record before it for so long. */
static inline void turgo_settle(turgo_pending *o, uint32_t number) {
    if (o->run_end == NULL) return;
    uint32_t length = (uint32_t)(o->run_end - o->run);
    o->run_end = NULL;
    if (length < TURGO_RUN) {
        turgo_make_room(o, number, length);
        turgo_copy(o->region.data + o->region.length, o->run, length);
        o->region.length += length;
        o->room -= length;
        o->count += o->run_count;
        return;
    }
    turgo_flush_region(o, number);
    uint8_t *header = o->run - TURGO_HEADER, before[TURGO_HEADER];
    turgo_copy(before, header, TURGO_HEADER);
    turgo_emit_batch(number, header, o->run_count, length + TURGO_HEADER);
    turgo_copy(header, before, TURGO_HEADER);
}

/* turgo_flush emits all that an output holds, under its number. */
static TURGO_RARE void turgo_flush(uint32_t output, uint32_t number) {
    turgo_pending *o = &turgo_instance.outputs[output];
    turgo_settle(o, number);
    turgo_flush_region(o, number);
}

static TURGO_RARE void turgo_fail_large(void) {
    turgo_fail(0, "turgo: a record to emit is larger than a batch, which has 64 MiB at most");
}

/* turgo_is_large fails a record that no batch can hold. The host puts small functions
 * that call it in the place of their calls, and counts their instructions whether
 * they run or not: this one keeps turgo_grow from being one. */
static TURGO_RARE bool turgo_is_large(uint64_t size) {
    if (size <= TURGO_BATCH_MAX - TURGO_HEADER) return false;
    turgo_fail_large();
    return true;
}

/* turgo_grow makes room behind all that an output holds. */
static TURGO_RARE bool turgo_grow(uint32_t output, uint64_t size) {
    turgo_pending *o = &turgo_instance.outputs[output];
    uint32_t number = output == TURGO_OUTPUTS_MAX ? turgo_instance.accumulators : output;
    if (turgo_is_large(size)) return false;
    turgo_settle(o, number);
    turgo_make_room(o, number, size);
    return true;
}

/* turgo_extend makes room for one record of an output and returns its place; NULL =
 * it is too large. */
static inline uint8_t *turgo_extend(uint32_t output, uint64_t size) {
    if (output >= turgo_instance.operator->output_count && output != TURGO_OUTPUTS_MAX) __builtin_trap();
    turgo_pending *o = &turgo_instance.outputs[output];
    if (__builtin_expect(size > o->room, 0) && !turgo_grow(output, size)) return NULL;
    uint8_t *p = o->region.data + o->region.length;
    o->region.length += (uint32_t)size;
    o->room -= (uint32_t)size;
    o->count++;
    return p;
}

static inline void turgo_emit_record(uint32_t output, const turgo_record *record) {
    uint64_t size = (uint64_t)TURGO_FIXED + record->key.length + record->value.length + record->extensions.length;
    uint8_t *p = turgo_extend(output, size);
    if (p == NULL) return;
    uint32_t flags = (uint32_t)record->kind << 2 | (record->key.data == NULL) | (uint32_t)(record->value.data == NULL) << 1;
    turgo_store32(p, (uint32_t)size);
    turgo_store32(p + 4, flags);
    turgo_store64(p + 8, (uint64_t)record->timestamp);
    turgo_store32(p + 16, turgo_control.hand);
    turgo_store32(p + 20, record->key.length);
    turgo_store32(p + 24, record->value.length);
    p += TURGO_FIXED;
    if (record->key.length > 0) turgo_copy(p, record->key.data, record->key.length);
    p += record->key.length;
    if (record->value.length > 0) turgo_copy(p, record->value.data, record->value.length);
    p += record->value.length;
    if (record->extensions.length > 0) turgo_copy(p, record->extensions.data, record->extensions.length);
}

static inline void turgo_emit(uint32_t output, turgo_bytes key, turgo_bytes value) {
    turgo_record record = {key, value, (int64_t)turgo_load64(turgo_instance.batch->at + 8), TURGO_INSERT, turgo_null};
    turgo_emit_record(output, &record);
}

static inline void turgo_accumulate(turgo_groups *groups, turgo_bytes accumulator) {
    (void)groups; /* the group is in hand */
    turgo_record record = {turgo_null, accumulator, 0, TURGO_INSERT, turgo_null};
    turgo_emit_record(TURGO_OUTPUTS_MAX, &record);
}

/* turgo_begin_run forwards a record that does not follow the one before. */
static TURGO_RARE void turgo_begin_run(uint32_t output) {
    const turgo_batch *batch = turgo_instance.batch;
    if (output >= turgo_instance.operator->output_count) __builtin_trap();
    turgo_pending *o = &turgo_instance.outputs[output];
    turgo_settle(o, output);
    if (batch->fixed == TURGO_FIXED) {
        o->run = (uint8_t *)batch->at;
        o->run_end = batch->at + batch->size;
        o->run_count = 1;
        o->room = 0;
        turgo_store32(o->run + 16, turgo_control.hand);
        return;
    }
    uint32_t skipped = batch->fixed - TURGO_FIXED; /* fields that a later layout adds */
    uint8_t *p = turgo_extend(output, batch->size - skipped);
    if (p == NULL) return;
    turgo_copy(p, batch->at, TURGO_FIXED);
    turgo_store32(p, batch->size - skipped);
    turgo_store32(p + 16, turgo_control.hand);
    turgo_copy(p + TURGO_FIXED, batch->at + batch->fixed, batch->size - batch->fixed);
}

static inline void turgo_forward(uint32_t output) {
    const turgo_batch *batch = turgo_instance.batch;
    turgo_pending *o = &turgo_instance.outputs[output];
    if (output >= TURGO_OUTPUTS_MAX || o->run_end != batch->at) {
        turgo_begin_run(output);
        return;
    }
    turgo_store32((uint8_t *)batch->at + 16, turgo_control.hand); /* the origin: the batch is the guest's to change */
    o->run_end += batch->size;
    o->run_count++;
}

static inline void turgo_fail(uint32_t code, const char *text) {
    turgo_bytes t = turgo_text(text);
    turgo_host_fail(code, t.data, t.length);
}

/* ---- state ---- */

static inline bool turgo_found(int64_t result, turgo_entry *entry) {
    entry->key = turgo_null;
    bool empty = (uint32_t)result == 0; /* it may come before there is any memory to read to, and is not null */
    entry->value = (turgo_bytes){empty ? (const uint8_t *)"" : turgo_instance.scratch.data, (uint32_t)result};
    entry->version = (uint16_t)(result >> 32);
    return true;
}

static inline bool turgo_get(uint32_t state, turgo_entry *entry) {
    turgo_region *scratch = &turgo_instance.scratch;
    for (;;) {
        int64_t result = turgo_host_state_get(state, scratch->data, scratch->capacity);
        if (result < 0) return false;
        if ((uint32_t)result <= scratch->capacity) return turgo_found(result, entry);
        turgo_reserve(scratch, (uint32_t)result);
    }
}

static inline void turgo_put(uint32_t state, turgo_bytes value) { turgo_host_state_put(state, value.data, value.length); }
static inline void turgo_clear(uint32_t state) { turgo_host_state_clear(state); }

static inline uint64_t turgo_get_u64(uint32_t state, uint64_t fallback) {
    uint64_t value;
    int64_t result = turgo_host_state_get(state, &value, sizeof value);
    if (result < 0) return fallback;
    if ((uint32_t)result != sizeof value) __builtin_trap(); /* not written by turgo_put_u64 */
    return value;
}

static inline void turgo_put_u64(uint32_t state, uint64_t value) { turgo_host_state_put(state, &value, sizeof value); }
static inline void turgo_append(uint32_t state, turgo_bytes value) { turgo_host_list_append(state, value.data, value.length); }

static inline bool turgo_map_get(uint32_t state, turgo_bytes key, turgo_entry *entry) {
    turgo_region *scratch = &turgo_instance.scratch;
    for (;;) {
        int64_t result = turgo_host_map_get(state, key.data, key.length, scratch->data, scratch->capacity);
        if (result < 0) return false;
        if ((uint32_t)result <= scratch->capacity) return turgo_found(result, entry);
        turgo_reserve(scratch, (uint32_t)result);
    }
}

static inline void turgo_map_put(uint32_t state, turgo_bytes key, turgo_bytes value) {
    turgo_host_map_put(state, key.data, key.length, value.data, value.length);
}

static inline void turgo_map_delete(uint32_t state, turgo_bytes key) { turgo_host_map_delete(state, key.data, key.length); }

static inline turgo_walk turgo_walk_list(uint32_t state) { return (turgo_walk){.state = state}; }
static inline turgo_walk turgo_walk_map(uint32_t state) { return (turgo_walk){.state = state, .map = true}; }

/* turgo_take_page finds a page for a walk: one that nobody reads in, or else the one
 * that was used least lately, whose walk most likely was left before its end. */
static inline turgo_page *turgo_take_page(turgo_walk *walk) {
    turgo_page *pages = turgo_instance.pages;
    uint32_t page = 0;
    for (uint32_t i = 0; i < TURGO_WALKS_MAX; i++) {
        if (pages[i].walk == 0 || pages[i].hand != turgo_control.hand) {
            page = i;
            break;
        }
        if (pages[i].turn < pages[page].turn) page = i;
    }
    walk->page = page;
    walk->number = ++turgo_instance.walks;
    if (walk->number == UINT32_MAX) walk->number = turgo_instance.walks = 1;
    pages[page].walk = walk->number;
    pages[page].hand = turgo_control.hand;
    return &pages[page];
}

/* turgo_page_of gives the page that a walk has read ahead. */
static inline turgo_page *turgo_page_of(turgo_walk *walk) {
    turgo_page *page = &turgo_instance.pages[walk->page];
    if (walk->number == 0) return turgo_take_page(walk);
    if (page->walk == walk->number) return page;
    static const char text[] = "turgo: a walk goes on after another took its page: more than 8 are under way, or the record in hand is another";
    turgo_host_log(TURGO_ERROR, text, sizeof text - 1);
    __builtin_trap();
}

/* turgo_turn reads the next page of a walk and reports whether there is one. A
 * map's last key stands in the page before, so it is moved to the page's end. */
static inline bool turgo_turn(turgo_walk *walk, turgo_page *page) {
    turgo_region *region = &page->region;
    turgo_reserve(region, 4096);
    for (;;) {
        uint32_t room = region->capacity, after = UINT32_MAX;
        if (walk->map && walk->started) {
            after = walk->key_length;
            room -= after;
            __builtin_memmove(region->data + room, region->data + walk->key_at, after);
            walk->key_at = room;
        }
        int64_t result = walk->map
            ? turgo_host_map_scan(walk->state, region->data + walk->key_at, after, region->data, room)
            : turgo_host_list_read(walk->state, walk->cursor, region->data, room);
        walk->left = (uint32_t)(result >> 32);
        walk->used = (uint32_t)result;
        walk->at = 0;
        if (walk->left > 0) return true;
        if (walk->used == 0) return false;
        region->length = region->capacity; /* the key moves along */
        turgo_reserve(region, (uint64_t)walk->used + (after == UINT32_MAX ? 0 : after));
        region->length = 0;
    }
}

static inline void turgo_walk_end(turgo_walk *walk) {
    turgo_page *page = &turgo_instance.pages[walk->page];
    if (walk->number != 0 && page->walk == walk->number) page->walk = 0;
    walk->number = UINT32_MAX; /* none is under way */
    walk->left = 0;
}

static inline bool turgo_walk_next(turgo_walk *walk, turgo_entry *entry) {
    if (walk->number == UINT32_MAX) return false;
    turgo_page *page = turgo_page_of(walk);
    if (walk->left == 0 && !turgo_turn(walk, page)) {
        turgo_walk_end(walk);
        return false;
    }
    page->turn = ++turgo_instance.turns;
    const uint8_t *p = page->region.data + walk->at;
    uint32_t length;
    walk->left--;
    walk->started = true;
    if (walk->map) {
        walk->key_length = turgo_load32(p);
        walk->key_at = walk->at + 12;
        length = turgo_load32(p + 4);
        *entry = (turgo_entry){{p + 12, walk->key_length}, {p + 12 + walk->key_length, length}, turgo_load16(p + 8)};
        walk->at += 12 + walk->key_length + length;
        return true;
    }
    walk->cursor = turgo_load64(p);
    length = turgo_load32(p + 8);
    *entry = (turgo_entry){turgo_null, {p + 16, length}, turgo_load16(p + 12)};
    walk->at += 16 + length;
    return true;
}

/* ---- timers, log, metrics ---- */

static inline void turgo_timer_set(uint32_t timer, int64_t timestamp) { turgo_host_timer_set(timer, timestamp); }
static inline void turgo_timer_delete(uint32_t timer, int64_t timestamp) { turgo_host_timer_delete(timer, timestamp); }
static inline void turgo_log(turgo_level level, turgo_bytes text) { turgo_host_log(level, text.data, text.length); }
static inline void turgo_count(uint32_t metric, int64_t value) { turgo_host_metric(metric, value); }
static inline void turgo_gauge(uint32_t metric, int64_t value) { turgo_host_metric(metric, value); }

/* ---- config ---- */

/* turgo_json_end finds the end of the JSON value at p. The host writes valid JSON. */
static inline const uint8_t *turgo_json_end(const uint8_t *p) {
    uint32_t depth = 0;
    do {
        if (*p == '"') {
            for (p++; *p != '"'; p++)
                if (*p == '\\') p++;
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']') {
            depth--;
        } else if (depth == 0) {
            while (*p != ',' && *p != '}' && *p != ']') p++;
            return p;
        }
        p++;
    } while (depth > 0);
    return p;
}

/* turgo_json_member finds a member of the object at p; NULL = there is none. */
static inline const uint8_t *turgo_json_member(const uint8_t *p, turgo_bytes name) {
    if (p == NULL || *p != '{') return NULL;
    for (p++; *p == '"';) {
        const uint8_t *end = turgo_json_end(p);
        bool same = turgo_equal(turgo_bytes_of(p + 1, (size_t)(end - p - 2)), name);
        if (same) return end + 1;
        p = turgo_json_end(end + 1);
        if (*p == ',') p++;
    }
    return NULL;
}

static inline const uint8_t *turgo_config(turgo_bytes request, const char *name) {
    if (turgo_instance.config.count < TURGO_CONFIG_MAX) turgo_instance.config.names[turgo_instance.config.count++] = name;
    const uint8_t *p = turgo_json_member(turgo_json_member(request.data, turgo_text("config")), turgo_text(name));
    return p != NULL && *p == 'n' ? NULL : p;
}

/* turgo_config_wrong remembers the first member that is of another type. */
static inline void turgo_config_wrong(const char *name, const char *want) {
    if (turgo_instance.config.wrong != NULL) return;
    turgo_instance.config.wrong = name;
    turgo_instance.config.want = want;
}

/* turgo_json_hex reads the four digits of an escape. */
static inline uint32_t turgo_json_hex(const uint8_t *p) {
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) code = code << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
    return code;
}

/* turgo_utf8 writes a code point and returns its length. */
static inline uint32_t turgo_utf8(uint8_t *to, uint32_t code) {
    uint32_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (uint32_t i = length - 1; i > 0; i--, code >>= 6) to[i] = (uint8_t)(0x80 | (code & 0x3f));
    to[0] = (uint8_t)(length == 1 ? code : (0xf00u >> length & 0xff) | code);
    return length;
}

static inline turgo_bytes turgo_config_text(turgo_bytes request, const char *name, turgo_bytes fallback) {
    const uint8_t *p = turgo_config(request, name);
    if (p != NULL && *p != '"') turgo_config_wrong(name, "must be text");
    if (p == NULL || *p != '"') return fallback;
    const uint8_t *end = turgo_json_end(p) - 1;
    uint8_t *text = turgo_allocate((size_t)(end - p));
    if (text == NULL) __builtin_trap();
    uint32_t length = 0;
    for (p++; p < end; p++) {
        if (*p != '\\') {
            text[length++] = *p;
            continue;
        }
        uint32_t code = *++p;
        switch (code) {
        case 'b': code = '\b'; break;
        case 'f': code = '\f'; break;
        case 'n': code = '\n'; break;
        case 'r': code = '\r'; break;
        case 't': code = '\t'; break;
        case 'u':
            code = turgo_json_hex(p + 1);
            p += 4;
            if (code >> 10 == 0xd800 >> 10 && p[1] == '\\' && p[2] == 'u' && turgo_json_hex(p + 3) >> 10 == 0xdc00 >> 10) {
                code = 0x10000 + ((code & 0x3ff) << 10 | (turgo_json_hex(p + 3) & 0x3ff));
                p += 6;
            } else if (code >> 11 == 0xd800 >> 11) { /* half of a pair */
                code = 0xfffd;
            }
        }
        length += turgo_utf8(text + length, code);
    }
    return turgo_bytes_of(text, length);
}

static inline int64_t turgo_config_integer(turgo_bytes request, const char *name, int64_t fallback) {
    const uint8_t *p = turgo_config(request, name);
    if (p == NULL) return fallback;
    bool negative = *p == '-', whole = negative || (*p >= '0' && *p <= '9');
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + negative;
    for (p += negative; whole && *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        whole = value <= (limit - digit) / 10;
        value = value * 10 + digit;
    }
    if (whole && *p != '.' && *p != 'e' && *p != 'E') return (int64_t)(negative ? 0 - value : value);
    turgo_config_wrong(name, "must be a whole number of 64 bits");
    return fallback;
}

static inline bool turgo_config_bool(turgo_bytes request, const char *name, bool fallback) {
    const uint8_t *p = turgo_config(request, name);
    if (p == NULL) return fallback;
    if (*p == 't' || *p == 'f') return *p == 't';
    turgo_config_wrong(name, "must be true or false");
    return fallback;
}

/* ---- describe ---- */

static inline void turgo_write(turgo_region *to, const char *text) {
    turgo_bytes t = turgo_text(text);
    turgo_reserve(to, (uint64_t)to->length + t.length);
    turgo_copy(to->data + to->length, t.data, t.length);
    to->length += t.length;
}

static inline void turgo_write_string(turgo_region *to, const char *text) {
    turgo_write(to, "\"");
    for (const char *c = text; *c != 0; c++) {
        char escaped[7] = {'\\', 'u', '0', '0', "0123456789abcdef"[*c >> 4 & 15], "0123456789abcdef"[*c & 15], 0};
        char plain[3] = {'\\', *c, 0};
        turgo_write(to, (uint8_t)*c < ' ' ? escaped : *c == '"' || *c == '\\' ? plain : plain + 1);
    }
    turgo_write(to, "\"");
}

static inline void turgo_write_number(turgo_region *to, uint64_t number) {
    char digits[21], *p = digits + 20;
    *p = 0;
    do *--p = (char)('0' + number % 10);
    while (number /= 10);
    turgo_write(to, p);
}

/* turgo_write_item begins an object of a list that has a name. */
static inline void turgo_write_item(turgo_region *to, uint32_t index, const char *name) {
    turgo_write(to, index > 0 ? ",{\"name\":" : "{\"name\":");
    turgo_write_string(to, name);
}

static inline void turgo_write_input(turgo_region *to, uint32_t index, const turgo_input *input) {
    static const char *const names[] = {"\"insert\"", "\"update_before\"", "\"update_after\"", "\"delete\""};
    turgo_write_item(to, index, input->name);
    for (uint32_t kind = 0, n = 0; kind < 4; kind++) {
        if ((input->changes >> kind & 1) == 0) continue;
        turgo_write(to, n++ == 0 ? ",\"changes\":[" : ",");
        turgo_write(to, names[kind]);
    }
    if (input->changes & 15) turgo_write(to, "]");
    if (input->aggregation != NULL) {
        turgo_write(to, ",\"aggregation\":");
        turgo_write_string(to, input->aggregation);
    }
    turgo_write(to, "}");
}

static inline void turgo_write_life(turgo_region *to, uint64_t time_to_live_ms, uint16_t schema_version) {
    if (time_to_live_ms > 0) {
        turgo_write(to, ",\"time_to_live_ms\":");
        turgo_write_number(to, time_to_live_ms);
    }
    if (schema_version > 0) {
        turgo_write(to, ",\"schema_version\":");
        turgo_write_number(to, schema_version);
    }
}

static inline void turgo_write_state(turgo_region *to, uint32_t index, const turgo_state *state) {
    static const char *const kinds[] = {",\"kind\":\"value\"", ",\"kind\":\"list\"", ",\"kind\":\"map\""};
    turgo_write_item(to, index, state->name);
    turgo_write(to, kinds[state->kind]);
    turgo_write_life(to, state->time_to_live_ms, state->schema_version);
    turgo_write(to, state->prefetch ? ",\"prefetch\":true}" : "}");
}

static inline void turgo_write_operator(turgo_region *to, uint32_t index, const turgo_operator *o) {
    turgo_write_item(to, index, o->name);
    turgo_write(to, ",\"inputs\":[");
    for (uint32_t i = 0; i < o->input_count; i++) turgo_write_input(to, i, &o->inputs[i]);
    turgo_write(to, "],\"outputs\":[");
    for (uint32_t i = 0; i < o->output_count; i++) {
        turgo_write_item(to, i, o->outputs[i].name);
        turgo_write(to, "}");
    }
    turgo_write(to, "],\"states\":[");
    for (uint32_t i = 0; i < o->state_count; i++) turgo_write_state(to, i, &o->states[i]);
    turgo_write(to, "],\"aggregations\":[");
    for (uint32_t i = 0; i < o->aggregation_count; i++) {
        turgo_write_item(to, i, o->aggregations[i].name);
        turgo_write_life(to, o->aggregations[i].time_to_live_ms, o->aggregations[i].schema_version);
        turgo_write(to, "}");
    }
    turgo_write(to, "],\"timers\":[");
    for (uint32_t i = 0; i < o->timer_count; i++) {
        turgo_write_item(to, i, o->timers[i].name);
        turgo_write(to, o->timers[i].domain == TURGO_EVENT_TIME ? ",\"domain\":\"event\"}" : ",\"domain\":\"processing\"}");
    }
    turgo_write(to, "],\"metrics\":[");
    for (uint32_t i = 0; i < o->metric_count; i++) {
        turgo_write_item(to, i, o->metrics[i].name);
        turgo_write(to, o->metrics[i].kind == TURGO_COUNTER ? ",\"kind\":\"counter\"}" : ",\"kind\":\"gauge\"}");
    }
    turgo_write(to, "]");
    if (o->assigns_timestamps) turgo_write(to, ",\"assigns_timestamps\":true");
    if (o->config_schema != NULL) {
        turgo_write(to, ",\"config_schema\":");
        turgo_write(to, o->config_schema);
    }
    turgo_write(to, "}");
}

static inline turgo_bytes turgo_describe_all(const turgo_operator *operators, uint32_t count) {
    turgo_region *to = &turgo_instance.scratch;
    to->length = 0;
    turgo_write(to, "{\"abi\":\"turgo_v1\",\"sdk\":\"turgo-c\",\"language\":\"c\",\"requires\":[");
    bool aggregates = false;
    for (uint32_t i = 0; i < count; i++) aggregates = aggregates || operators[i].aggregation_count > 0;
    turgo_write(to, aggregates ? "\"aggregate\"],\"operators\":[" : "],\"operators\":[");
    for (uint32_t i = 0; i < count; i++) turgo_write_operator(to, i, &operators[i]);
    turgo_write(to, "]}");
    turgo_bytes description = {to->data, to->length};
    to->length = 0;
    return description;
}

/* ---- calls of the host ---- */

static inline void *turgo_take_buffer(uint32_t length) {
    turgo_region *buffer = &turgo_instance.buffer;
    if (length <= buffer->capacity) return buffer->data;
    uint32_t capacity = length < 2 * (uint64_t)buffer->capacity ? 2 * buffer->capacity : length; /* what it leaves is lost */
    uint8_t *data = turgo_allocate(capacity);
    if (data == NULL) data = turgo_allocate(capacity = length);
    if (data != NULL) *buffer = (turgo_region){data, 0, capacity};
    return data;
}

static inline void turgo_write_bytes(turgo_region *to, turgo_bytes bytes) {
    turgo_reserve(to, (uint64_t)to->length + bytes.length);
    turgo_copy(to->data + to->length, bytes.data, bytes.length);
    to->length += bytes.length;
}

/* turgo_refuse_config says which member of the config is wrong, and how. */
static inline bool turgo_refuse_config(turgo_bytes name, const char *how) {
    turgo_region *to = &turgo_instance.scratch;
    to->length = 0;
    turgo_write(to, "config: ");
    turgo_write_bytes(to, name);
    turgo_write(to, " ");
    turgo_write(to, how);
    turgo_host_fail(0, to->data, to->length);
    to->length = 0;
    return false;
}

/* turgo_config_fits tells whether open found what it asked for and, where the config
 * has a schema, nothing else. */
static inline bool turgo_config_fits(const turgo_operator *o, turgo_bytes request) {
    if (turgo_instance.config.wrong != NULL) return turgo_refuse_config(turgo_text(turgo_instance.config.wrong), turgo_instance.config.want);
    const uint8_t *p = turgo_json_member(request.data, turgo_text("config"));
    if (o->config_schema == NULL || p == NULL || turgo_instance.config.count == TURGO_CONFIG_MAX) return true;
    for (p++; *p == '"';) {
        const uint8_t *end = turgo_json_end(p);
        turgo_bytes name = turgo_bytes_of(p + 1, (size_t)(end - p - 2));
        bool asked = false;
        for (uint32_t i = 0; i < turgo_instance.config.count; i++) asked = asked || turgo_equal(name, turgo_text(turgo_instance.config.names[i]));
        if (!asked) return turgo_refuse_config(name, "is not known");
        p = turgo_json_end(end + 1);
        if (*p == ',') p++;
    }
    return true;
}

static inline volatile void *turgo_open_one(const turgo_operator *o, turgo_bytes request) {
    turgo_instance.operator = o;
    if (o->output_count > TURGO_OUTPUTS_MAX) {
        turgo_fail(0, "turgo-c: an operator has more than 64 outputs");
        return NULL;
    }
    turgo_control.hand = UINT32_MAX;
    turgo_instance.config.count = 0;
    turgo_instance.config.wrong = NULL;
    if (o->open != NULL && !o->open(request)) return NULL;
    return turgo_config_fits(o, request) ? &turgo_control : NULL;
}

static inline int32_t turgo_run(void (*handle)(turgo_batch *), const uint8_t *data) {
    turgo_batch batch = {data, TURGO_HEADER, turgo_load32(data + 8), turgo_load16(data + 6)};
    turgo_instance.batch = &batch;
    turgo_control.hand = UINT32_MAX;
    handle(&batch);
    for (uint32_t i = 0; i < turgo_instance.operator->output_count; i++) turgo_flush(i, i);
    return 0;
}

static inline int32_t turgo_run_groups(uint32_t aggregation, const uint8_t *data) {
    const uint8_t *records = data + ((turgo_load32(data + 12) + 7) & ~7u);
    turgo_groups groups = {
        {data, TURGO_HEADER, turgo_load32(data + 8), turgo_load16(data + 6)},
        {records, 0, turgo_load32(records + 8), turgo_load16(records + 6)},
        records + TURGO_HEADER, 0,
    };
    turgo_instance.batch = &groups.groups;
    turgo_instance.accumulators = 1u << 31 | aggregation;
    turgo_control.hand = UINT32_MAX;
    turgo_instance.operator->aggregations[aggregation].process(&groups);
    for (uint32_t i = 0; i < turgo_instance.operator->output_count; i++) turgo_flush(i, i);
    turgo_flush(TURGO_OUTPUTS_MAX, 1u << 31 | aggregation);
    return 0;
}

/* TURGO_MODULE makes a module of a table of operators. It stands once, at the end. */
#define TURGO_MODULE(table)                                                                                   \
    TURGO_EXPORT(turgo_describe) int64_t turgo_describe(void) {                                               \
        turgo_bytes d = turgo_describe_all(table, TURGO_COUNT(table));                                        \
        return (int64_t)((uint64_t)(uintptr_t)d.data << 32 | d.length);                                       \
    }                                                                                                         \
    TURGO_EXPORT(turgo_buffer) void *turgo_buffer(uint32_t length) { return turgo_take_buffer(length); }      \
    TURGO_EXPORT(turgo_open) volatile void *turgo_open(uint32_t index, const void *data, uint32_t length) {   \
        return turgo_open_one(&(table)[index], turgo_bytes_of(data, length));                                 \
    }                                                                                                         \
    TURGO_EXPORT(turgo_process) int32_t turgo_process(uint32_t input, const uint8_t *data, uint32_t length) { \
        (void)length;                                                                                         \
        return turgo_run(turgo_instance.operator->inputs[input].process, data);                               \
    }                                                                                                         \
    TURGO_EXPORT(turgo_timers) int32_t turgo_timers(uint32_t timer, const uint8_t *data, uint32_t length) {   \
        (void)length;                                                                                         \
        return turgo_run(turgo_instance.operator->timers[timer].fire, data);                                  \
    }                                                                                                         \
    TURGO_EXPORT(turgo_aggregate)                                                                             \
    int32_t turgo_aggregate(uint32_t aggregation, const uint8_t *data, uint32_t length) {                     \
        (void)length;                                                                                         \
        return turgo_run_groups(aggregation, data);                                                           \
    }

#endif
