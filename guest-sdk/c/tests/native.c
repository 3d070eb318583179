/* native.c tests the SDK as a native program, without a host: it reproduces the
 * golden batches (abi/testdata/batches.txt, the argument), and it walks state of
 * many pages. */
#include <stdio.h>
#include <string.h>

#include "../turgo.h"

static int failures;

#define CHECK(what, ...)                           \
    do {                                           \
        if (what) break;                           \
        failures++;                                \
        printf("%s:%d: ", __FILE__, __LINE__);     \
        printf(__VA_ARGS__);                       \
        printf("\n");                              \
    } while (0)

/* ---- a host for one key ---- */

typedef struct {
    uint8_t key[16], value[3000];
    uint32_t key_length, value_length;
} entry;

static uint8_t emitted[2][1 << 17];
static uint32_t emitted_length[2];

/* lines of records, as they came and as they should */
static struct {
    uint8_t bytes[1 << 18];
    uint32_t length, count, batches;
} came[2], wanted[2];
static entry entries[300]; /* of the list or the map, in order */
static uint32_t entry_count;

void turgo_host_emit(uint32_t output, const void *data, uint32_t length) {
    memcpy(emitted[output], data, length);
    emitted_length[output] = length;
    CHECK(length == turgo_load32(emitted[output] + 12) && memcmp(data, "TRGB\1\0\34\0", 8) == 0, "a batch without its header");
    memcpy(came[output].bytes + came[output].length, emitted[output] + TURGO_HEADER, length - TURGO_HEADER);
    came[output].length += length - TURGO_HEADER;
    came[output].count += turgo_load32(emitted[output] + 8);
    came[output].batches++;
}
static uint32_t failed;
void turgo_host_fail(uint32_t code, const void *text, uint32_t length) { (void)code, (void)text, (void)length, failed++; }

static int64_t give(const entry *e, void *data, uint32_t capacity) {
    if (e->value_length > 0 && e->value_length <= capacity) memcpy(data, e->value, e->value_length);
    return (int64_t)7 << 32 | e->value_length;
}
int64_t turgo_host_state_get(uint32_t state, void *data, uint32_t capacity) {
    return state == 0 && entry_count > 0 ? give(&entries[0], data, capacity) : -1;
}
void turgo_host_state_put(uint32_t state, const void *data, uint32_t length) {
    (void)state;
    memcpy(entries[0].value, data, length);
    entries[0].value_length = length;
    entry_count = 1;
}
void turgo_host_state_clear(uint32_t state) { (void)state, entry_count = 0; }
void turgo_host_list_append(uint32_t state, const void *data, uint32_t length) {
    (void)state;
    memcpy(entries[entry_count].value, data, length);
    entries[entry_count++].value_length = length;
}
int64_t turgo_host_list_read(uint32_t state, uint64_t from, void *data, uint32_t capacity) {
    (void)state;
    uint32_t used = 0, count = 0;
    for (uint64_t i = from; i < entry_count; i++, count++) {
        uint32_t size = 16 + entries[i].value_length;
        if (used + size > capacity) return (int64_t)count << 32 | (count == 0 ? size : used);
        uint64_t cursor = i + 1;
        uint8_t *p = (uint8_t *)data + used;
        memcpy(p, &cursor, 8);
        memcpy(p + 8, &entries[i].value_length, 4);
        memcpy(p + 12, (uint16_t[]){7, 0}, 4);
        memcpy(p + 16, entries[i].value, entries[i].value_length);
        used += size;
    }
    return (int64_t)count << 32 | used;
}
static int compare(const entry *e, const void *key, uint32_t length) {
    int order = memcmp(e->key, key, e->key_length < length ? e->key_length : length);
    return order != 0 ? order : (int)e->key_length - (int)length;
}
int64_t turgo_host_map_get(uint32_t state, const void *key, uint32_t key_length, void *data, uint32_t capacity) {
    (void)state;
    for (uint32_t i = 0; i < entry_count; i++)
        if (compare(&entries[i], key, key_length) == 0) return give(&entries[i], data, capacity);
    return -1;
}
void turgo_host_map_put(uint32_t state, const void *key, uint32_t key_length, const void *data, uint32_t length) {
    (void)state; /* keys come in order here */
    entry *e = &entries[entry_count++];
    memcpy(e->key, key, e->key_length = key_length);
    memcpy(e->value, data, e->value_length = length);
}
void turgo_host_map_delete(uint32_t state, const void *key, uint32_t length) { (void)state, (void)key, (void)length; }
int64_t turgo_host_map_scan(uint32_t state, const void *after, uint32_t after_length, void *data, uint32_t capacity) {
    (void)state;
    uint32_t used = 0, count = 0;
    for (uint32_t i = 0; i < entry_count; i++) {
        entry *e = &entries[i];
        if (after_length != UINT32_MAX && compare(e, after, after_length) <= 0) continue;
        uint32_t size = 12 + e->key_length + e->value_length;
        if (used + size > capacity) return (int64_t)count << 32 | (count == 0 ? size : used);
        uint8_t *p = (uint8_t *)data + used;
        memcpy(p, &e->key_length, 4);
        memcpy(p + 4, &e->value_length, 4);
        memcpy(p + 8, (uint16_t[]){7, 0}, 4);
        memcpy(p + 12, e->key, e->key_length);
        memcpy(p + 12 + e->key_length, e->value, e->value_length);
        used += size;
        count++;
    }
    return (int64_t)count << 32 | used;
}
void turgo_host_timer_set(uint32_t timer, int64_t timestamp) { (void)timer, (void)timestamp; }
void turgo_host_timer_delete(uint32_t timer, int64_t timestamp) { (void)timer, (void)timestamp; }
void turgo_host_log(uint32_t level, const void *text, uint32_t length) { (void)level, (void)text, (void)length; }
void turgo_host_metric(uint32_t metric, int64_t value) { (void)metric, (void)value; }

/* ---- an operator that emits each record twice: by its parts, and forwarded ---- */

static char seen[64][1024];
static uint32_t seen_count;

static void spell(char *to, turgo_bytes bytes) {
    if (bytes.data == NULL) strcat(to, "null");
    else if (bytes.length == 0) strcat(to, "empty");
    for (uint32_t i = 0; i < bytes.length; i++) sprintf(to + strlen(to), "%02x", ((const uint8_t *)bytes.data)[i]);
}

static void copy_twice(turgo_batch *batch) {
    static const char *const kinds[] = {"insert", "update_before", "update_after", "delete"};
    turgo_record record;
    seen_count = 0;
    while (turgo_next(batch, &record)) {
        char *line = seen[seen_count++];
        line[0] = 0;
        spell(line, record.key);
        strcat(line, " ");
        spell(line, record.value);
        sprintf(line + strlen(line), " %s ", kinds[record.kind]);
        if (record.timestamp == TURGO_NO_TIMESTAMP) strcat(line, "none");
        else sprintf(line + strlen(line), "%lld", (long long)record.timestamp);
        turgo_emit_record(0, &record);
        turgo_forward(1);
    }
}

/* mix forwards some records to each output, some twice, and emits others by their
 * parts, in stretches that are long or short. Whatever it does, records come out
 * whole, in its order, and none is changed for who reads on. */
static uint32_t seed;

static uint32_t draw(uint32_t below) { return (seed = seed * 1664525 + 1013904223) / 65536 % below; }

static void want(int output) {
    const turgo_batch *in = turgo_instance.batch;
    uint8_t *to = wanted[output].bytes + wanted[output].length;
    memcpy(to, in->at, in->size);
    turgo_store32(to + 16, turgo_control.hand);
    wanted[output].length += in->size;
    wanted[output].count++;
}

static void mix(turgo_batch *batch) {
    turgo_record record, first = {0};
    uint8_t before[16] = {0};
    uint32_t stretch[2] = {0}, kind[2] = {0};
    while (turgo_next(batch, &record)) {
        if (first.value.data == NULL) memcpy(before, (first = record).value.data, sizeof before);
        for (int output = 0; output < 2; output++) {
            if (stretch[output]-- == 0) stretch[output] = draw(2) ? draw(5) : draw(150), kind[output] = draw(8);
            for (uint32_t n = kind[output] == 0 ? 0 : kind[output] == 1 ? 2 : 1; n > 0; n--) {
                want(output);
                if (kind[output] == 2) turgo_emit_record((uint32_t)output, &record);
                else turgo_forward((uint32_t)output);
            }
        }
        CHECK(memcmp(first.value.data, before, sizeof before) == 0, "the value of an earlier record has changed");
    }
}

static const turgo_input inputs[] = {{.name = "in", .process = copy_twice}, {.name = "mixed", .process = mix}};
static const turgo_output outputs[] = {{.name = "parts"}, {.name = "whole"}};
static const turgo_timer timers[] = {{.name = "never", .fire = copy_twice}};
static const turgo_operator operators[] = {
    {.name = "copy", TURGO_INPUTS(inputs), TURGO_OUTPUTS(outputs), TURGO_TIMERS(timers)}};
TURGO_MODULE(operators)

/* ---- the golden batches ---- */

static uint8_t batch[1 << 16];
static uint32_t batch_length;
static char expected[64][1200];
static uint32_t expected_count;

/* check runs one vector: read as told, written byte for byte but for the origins. */
static void check(const char *name) {
    memcpy(turgo_buffer(batch_length), batch, batch_length);
    CHECK(turgo_process(0, turgo_instance.buffer.data, batch_length) == 0, "%s: not handled", name);
    CHECK(seen_count == expected_count, "%s: %u records, want %u", name, seen_count, expected_count);
    for (uint32_t i = 0; i < expected_count; i++)
        CHECK(strcmp(seen[i], expected[i]) == 0, "%s, record %u: %s, want %s", name, i, seen[i], expected[i]);
    if (expected_count == 0) return;
    for (uint32_t at = TURGO_HEADER, i = 0; i < expected_count; i++) {
        turgo_store32(batch + at + 16, i);
        at += turgo_load32(batch + at);
    }
    bool longer = strcmp(name, "longer_fixed_part") == 0; /* written with the length of this layout */
    for (int output = 0; output < 2; output++)
        CHECK(longer || (emitted_length[output] == batch_length && memcmp(emitted[output], batch, batch_length) == 0),
              "%s: output %d is not the batch", name, output);
    CHECK(emitted_length[0] == emitted_length[1] && memcmp(emitted[0], emitted[1], emitted_length[0]) == 0,
          "%s: the record by its parts is not the one forwarded", name);
}

static void add_expected(char *line) {
    /* record KEY VALUE KIND TIMESTAMP ORIGIN EXTENSIONS */
    char key[512], value[512], kind[32], timestamp[32];
    if (sscanf(line, "record %511s %511s %31s %31s", key, value, kind, timestamp) != 4) return;
    snprintf(expected[expected_count++], sizeof expected[0], "%s %s %s %s", key, value, kind, timestamp);
}

static void golden(const char *path) {
    char line[4096], name[128] = "", next[128];
    uint32_t checked = 0, byte;
    bool malformed = false;
    FILE *file = fopen(path, "r");
    CHECK(file != NULL, "%s cannot be opened", path);
    while (file != NULL) {
        bool more = fgets(line, sizeof line, file) != NULL;
        if (!more || sscanf(line, "vector %127s", next) == 1) {
            if (name[0] != 0 && !malformed) {
                check(name);
                checked++;
            }
            if (!more) break;
            strcpy(name, next);
            batch_length = expected_count = malformed = 0;
            continue;
        }
        line[strcspn(line, "#")] = 0;
        if (strncmp(line, "record", 6) == 0) add_expected(line);
        else if (strncmp(line, "error", 5) == 0) malformed = true;
        else
            for (char *p = line; sscanf(p, "%2x", &byte) == 1; p += 2 + strspn(p + 2, " \n")) {
                p += strspn(p, " ");
                batch[batch_length++] = (uint8_t)byte;
            }
    }
    if (file != NULL) fclose(file);
    CHECK(checked >= 8, "only %u golden batches", checked);
}

/* ---- forwarding ---- */

static void forwarding(void) {
    enum { RECORDS = 800, VALUE = 60 };
    uint8_t *p = turgo_buffer(TURGO_HEADER + RECORDS * (TURGO_FIXED + VALUE + 16));
    turgo_copy(p, "TRGB\1\0\34\0", 8);
    for (seed = 1; seed <= 200; seed++) {
        uint32_t chosen = seed, length = TURGO_HEADER;
        for (uint32_t i = 0; i < RECORDS; i++, length += TURGO_FIXED + VALUE) {
            memset(p + length, 0, TURGO_FIXED);
            memset(p + length + TURGO_FIXED, (int)i, VALUE);
            turgo_store32(p + length, TURGO_FIXED + VALUE);
            turgo_store32(p + length + 24, VALUE);
            p[length + 4] = 1; /* no key */
        }
        turgo_store32(p + 8, RECORDS);
        turgo_store32(p + 12, length);
        memset(came, 0, sizeof came);
        memset(wanted, 0, sizeof wanted);
        CHECK(turgo_process(1, p, length) == 0, "forwarding, seed %u: not handled", chosen);
        for (int output = 0; output < 2; output++)
            CHECK(came[output].count == wanted[output].count && came[output].length == wanted[output].length &&
                      memcmp(came[output].bytes, wanted[output].bytes, wanted[output].length) == 0,
                  "forwarding, seed %u, output %d: %u records, want %u, or others", chosen, output, came[output].count, wanted[output].count);
        seed = chosen;
    }
    CHECK(came[0].batches > 1, "no run was emitted where it lies");
}

/* ---- state ---- */

static void values(void) {
    turgo_entry e;
    turgo_clear(0);
    CHECK(!turgo_get(0, &e), "a value that was not written");
    CHECK(turgo_get_u64(0, 42) == 42, "no fallback");
    turgo_put_u64(0, 1ULL << 63);
    CHECK(turgo_get_u64(0, 0) == 1ULL << 63, "another number was read");
    uint8_t large[2900];
    memset(large, 'x', sizeof large);
    turgo_put(0, turgo_bytes_of(large, sizeof large));
    CHECK(turgo_get(0, &e) && e.version == 7 && turgo_equal(e.value, turgo_bytes_of(large, sizeof large)), "a large value");
    turgo_clear(0);
}

/* Any of the functions that read may be the first one: what it gives is not null. */
static void empty_values(void) {
    turgo_entry e;
    turgo_clear(0);
    turgo_put(0, turgo_text(""));
    turgo_instance.scratch = (turgo_region){0};
    CHECK(turgo_get(0, &e) && e.value.data != NULL && e.value.length == 0, "an empty value is null");
    turgo_clear(0);
    turgo_map_put(0, turgo_text(""), turgo_text(""));
    turgo_instance.scratch = (turgo_region){0};
    CHECK(turgo_map_get(0, turgo_text(""), &e) && e.value.data != NULL && e.value.length == 0, "an empty entry is null");
    turgo_clear(0);
}

/* Walks within walks of the same state, reads between the turns, and walks that are
 * left before their end, which end with the record in hand. */
static void nested_walks(bool map) {
    turgo_entry e, f, g;
    uint32_t turns = 0;
    char key[16];
    turgo_clear(0);
    for (uint32_t i = 0; i < 40; i++) {
        int length = snprintf(key, sizeof key, "key %04u", i);
        uint8_t value[1000] = {(uint8_t)i};
        if (map) turgo_map_put(0, turgo_bytes_of(key, (size_t)length), turgo_bytes_of(value, sizeof value));
        else turgo_append(0, turgo_bytes_of(value, sizeof value));
    }
    turgo_walk outer = map ? turgo_walk_map(0) : turgo_walk_list(0);
    for (uint32_t i = 0; turgo_walk_next(&outer, &e); i++) {
        turgo_walk inner = map ? turgo_walk_map(0) : turgo_walk_list(0);
        for (uint32_t j = 0; turgo_walk_next(&inner, &f); j++, turns++) {
            CHECK(turgo_get(0, &g) && *(const uint8_t *)g.value.data == 0, "a read within a walk");
            CHECK(*(const uint8_t *)f.value.data == j, "entry %u within entry %u", j, i);
        }
        for (int left = 0; left < 12; left++) {
            turgo_walk early = map ? turgo_walk_map(0) : turgo_walk_list(0);
            CHECK(turgo_walk_next(&early, &f) && *(const uint8_t *)f.value.data == 0, "a walk that is left");
            if (left % 2 == 0) turgo_walk_end(&early);
        }
        CHECK(*(const uint8_t *)e.value.data == i, "entry %u after other walks", i);
    }
    CHECK(turns == 40 * 40, "%u turns within walks", turns);
    CHECK(!turgo_walk_next(&outer, &e) && !turgo_walk_next(&outer, &e), "a walk goes on after its end");
    turgo_clear(0);
}

/* What no batch can hold fails, and leaves nothing. */
static void too_large(void) {
    turgo_bytes large = {batch, 64 << 20}; /* never read */
    turgo_record record = {large, turgo_null, 0, TURGO_INSERT, turgo_null};
    failed = 0;
    turgo_emit_record(0, &record);
    CHECK(failed == 1 && turgo_instance.outputs[0].count == 0, "a record that is too large");
}

/* The buffer grows with batches that grow a little each, and loses little memory. */
static void buffers(void) {
    uint32_t given = 0;
    const void *last = NULL;
    for (uint32_t length = 1 << 16; length < 8 << 20; length += 1 << 16) {
        const void *buffer = turgo_buffer(length);
        given += buffer != last;
        last = buffer;
    }
    CHECK(given < 12, "%u buffers", given);
}

static void walks(bool map) {
    char key[16], value[3000];
    uint32_t count = 300, n = 0;
    turgo_clear(0);
    memset(value, 'v', sizeof value);
    for (uint32_t i = 0; i < count; i++) {
        int key_length = snprintf(key, sizeof key, "key %04u", i);
        memcpy(value, key, (size_t)key_length);
        turgo_bytes v = turgo_bytes_of(value, 8 + i * 37 % 2900);
        if (map) turgo_map_put(0, turgo_bytes_of(key, (size_t)key_length), v);
        else turgo_append(0, v);
    }
    turgo_walk walk = map ? turgo_walk_map(0) : turgo_walk_list(0);
    for (turgo_entry e; turgo_walk_next(&walk, &e); n++) {
        snprintf(key, sizeof key, "key %04u", n);
        CHECK(e.value.length == 8 + n * 37 % 2900 && memcmp(e.value.data, key, 8) == 0, "entry %u of the walk", n);
        CHECK(!map || turgo_equal(e.key, turgo_text(key)), "key %u of the walk", n);
    }
    CHECK(n == count, "the walk gave %u entries of %u", n, count);
    turgo_clear(0);
}

static bool config_open(turgo_bytes request) {
    turgo_config_text(request, "text", turgo_null);
    return turgo_config_integer(request, "n", 1) != 0;
}

static void config(void) {
    turgo_bytes request = turgo_text("{\"uid\":\"a}\\\"\",\"config\":{\"list\":[1,{\"n\":3}],\"text\":\"a\\u00e9\\ud83d\\ude00\\n\\\"\",\"n\":-12,\"x\":1.5,\"yes\":true,\"no\":false},\"subtask\":0}");
    CHECK(turgo_equal(turgo_config_text(request, "text", turgo_null), turgo_text("a\xc3\xa9\xf0\x9f\x98\x80\n\"")), "text");
    turgo_bytes halves = turgo_text("{\"config\":{\"a\":\"\\ud83dabcdefgh\",\"b\":\"\\ude00\\ud83d\\ud83d\\ude00\"}}");
    CHECK(turgo_equal(turgo_config_text(halves, "a", turgo_null), turgo_text("\xef\xbf\xbd" "abcdefgh")), "half a pair before text");
    CHECK(turgo_equal(turgo_config_text(halves, "b", turgo_null), turgo_text("\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80")), "halves before a pair");
    CHECK(turgo_config_integer(request, "n", 0) == -12, "a number");
    CHECK(turgo_config_integer(request, "x", 9) == 9, "a fraction is no integer");
    CHECK(turgo_config_integer(request, "uid", 9) == 9, "what is outside of config");
    CHECK(turgo_config_bool(request, "yes", false) && !turgo_config_bool(request, "no", true), "truth");
    CHECK(turgo_config_bool(request, "absent", true), "a fallback");
    CHECK(turgo_equal(turgo_config_text(turgo_text("{\"config\":{}}"), "text", turgo_text("none")), turgo_text("none")), "no config");
    CHECK(turgo_instance.config.wrong != NULL && strcmp(turgo_instance.config.wrong, "x") == 0, "the first member of another type");
    turgo_operator o = {.name = "o", .open = config_open, .config_schema = "{}"};
    CHECK(turgo_open_one(&o, turgo_text("{\"config\":{\"n\":-9223372036854775808,\"text\":null}}")) != NULL, "a config that fits");
    CHECK(turgo_open_one(&o, turgo_text("{\"config\":{\"n\":9223372036854775808}}")) == NULL, "a number of more than 64 bits");
    CHECK(turgo_open_one(&o, turgo_text("{\"config\":{\"n\":\"5\"}}")) == NULL, "text for a number");
    CHECK(turgo_open_one(&o, turgo_text("{\"config\":{\"m\":5}}")) == NULL, "an unknown member");
    o.config_schema = NULL;
    CHECK(turgo_open_one(&o, turgo_text("{\"config\":{\"m\":5}}")) != NULL, "an unknown member without a schema");
}

int main(int count, char **arguments) {
    if (count != 2) {
        printf("usage: native BATCHES\n");
        return 2;
    }
    turgo_bytes request = turgo_text("{\"config\":{}}");
    CHECK(turgo_open(0, request.data, request.length) != NULL, "the operator does not open");
    golden(arguments[1]);
    forwarding();
    values();
    walks(false);
    walks(true);
    empty_values();
    nested_walks(false);
    nested_walks(true);
    too_large();
    buffers();
    config();
    printf(failures == 0 ? "ok\n" : "%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
