// Operator account in C, freestanding: a running count and sum for each key,
// which some records make it fail at, after it has changed state and emitted. A
// record's value is one line of JSON of fixed widths:
//
//	{"key":"k00017","id":"000012345","amount":"042","kind":"g"}
//
// Its output is a record "id count sum" under the same key; at the end of the
// input a timer of each key emits "total count sum".
//
// clang --target=wasm32 -O2 -nostdlib -mbulk-memory -Wl,--no-entry -o poison.wasm poison.c

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define IMPORT(name) __attribute__((import_module("turgo_v1"), import_name(#name))) extern
#define EXPORT(name) __attribute__((export_name(#name)))

IMPORT(emit) void emit(u32 output, const void *pointer, u32 length);
IMPORT(fail) void fail(u32 code, const void *pointer, u32 length);
IMPORT(state_get) i64 state_get(u32 state, void *pointer, u32 capacity);
IMPORT(state_put) void state_put(u32 state, const void *pointer, u32 length);
IMPORT(timer_set) void timer_set(u32 timer, i64 timestamp);

enum { header_length = 24, fixed_length = 28, page = 65536 };
enum { id_at = 22, id_length = 9, amount_at = 43, amount_length = 3, kind_at = 56, line_length = 59 };

static const char description[] =
    "{\"abi\":\"turgo_v1\",\"language\":\"c\",\"operators\":[{\"name\":\"account\","
    "\"inputs\":[{\"name\":\"payments\"}],\"outputs\":[{\"name\":\"totals\"}],"
    "\"states\":[{\"name\":\"total\",\"kind\":\"value\"}],"
    "\"timers\":[{\"name\":\"end\",\"domain\":\"event\"}]}]}";

// The control block: the record in hand stands first.
static struct { u32 hand, unused; i64 watermark, processing_time, reserved; } control;

static struct { u64 count, sum; } total;

extern u8 __heap_base;

// Of the heap the first part is the host's buffer, the second the output.
static u32 buffer_capacity;
static u8 *output, *output_end, *output_limit;
static u32 output_count;

static void copy(u8 *to, const u8 *from, u32 length) { __builtin_memcpy(to, from, length); }
static u32 load(const u8 *at) { u32 value; __builtin_memcpy(&value, at, 4); return value; }
static void store(u8 *at, u32 value) { __builtin_memcpy(at, &value, 4); }

static u8 *heap(void) { return (u8 *)(((u32)&__heap_base + 15) & ~15u); }

// reach makes the memory end at limit or behind it.
static int reach(u8 *limit) {
	u32 pages = ((u32)limit + page - 1) / page, have = __builtin_wasm_memory_size(0);
	return pages <= have || __builtin_wasm_memory_grow(0, pages - have) != (u32)-1;
}

EXPORT(turgo_describe) u64 turgo_describe(void) {
	return (u64)(u32)description << 32 | (sizeof description - 1);
}

// A record of output is at most as long as its input and 64 bytes.
EXPORT(turgo_buffer) u8 *turgo_buffer(u32 length) {
	u64 end = (u64)(u32)heap() + length + page + 4 * (u64)length;
	if (end > 0xffff0000u || !reach((u8 *)(u32)end)) return 0;
	buffer_capacity = length;
	output = heap() + ((length + 15) & ~15u);
	output_limit = (u8 *)(u32)end;
	return heap();
}

EXPORT(turgo_open) void *turgo_open(u32 operator, u8 *pointer, u32 length) { return &control; }

static void output_start(void) {
	output_end = output + header_length;
	output_count = 0;
}

static void output_flush(void) {
	if (output_count == 0) return;
	__builtin_memset(output, 0, header_length);
	copy(output, (const u8 *)"TRGB\1", 5);
	output[6] = fixed_length;
	store(output + 8, output_count);
	store(output + 12, (u32)(output_end - output));
	emit(0, output, (u32)(output_end - output));
	output_start();
}

static u8 *decimal(u8 *at, u64 value) {
	u8 digits[20];
	u32 n = 0;
	do digits[n++] = '0' + value % 10; while (value /= 10);
	while (n > 0) *at++ = digits[--n];
	return at;
}

// put emits "head count sum" under the key of the record.
static void put(const u8 *record, u32 fixed, const u8 *head, u32 head_length) {
	u32 key_length = load(record + 20);
	if (output_end + fixed_length + key_length + head_length + 64 > output_limit) output_flush();
	u8 *at = output_end;
	__builtin_memset(at, 0, 8);
	copy(at + 8, record + 8, 8); // the timestamp
	store(at + 16, control.hand);
	store(at + 20, key_length);
	u8 *value = at + fixed_length + key_length;
	copy(at + fixed_length, record + fixed, key_length);
	copy(value, head, head_length);
	u8 *end = value + head_length;
	*end++ = ' ';
	end = decimal(end, total.count);
	*end++ = ' ';
	end = decimal(end, total.sum);
	store(at + 24, (u32)(end - value));
	store(at, (u32)(end - at));
	output_end = end;
	output_count++;
}

static volatile u32 zero, sink;

static __attribute__((noinline)) void poison(u8 kind) {
	switch (kind) {
	case 'u': __builtin_trap();
	case 'o': sink = *(volatile u32 *)0xfffffff0u; return;
	case 'd': sink = 7 / zero; return;
	case 'l': for (;;) sink++;
	case 'f': fail(7, "the amount is not to be had", 27);
	}
}

static void account(const u8 *record, u32 fixed) {
	const u8 *line = record + fixed + load(record + 20);
	if (load(record + 24) != line_length) { fail(8, "not a line of payments", 22); return; }
	u32 amount = 0;
	for (u32 i = 0; i < amount_length; i++) amount = amount * 10 + (line[amount_at + i] - '0');
	if (state_get(0, &total, sizeof total) < 0) {
		total.count = total.sum = 0;
		timer_set(0, 0x7fffffffffffffffll);
	}
	total.count++;
	total.sum += amount;
	state_put(0, &total, sizeof total);
	put(record, fixed, line + id_at, id_length);
	if (line[kind_at] != 'g') poison(line[kind_at]);
}

EXPORT(turgo_process) u32 turgo_process(u32 input, u8 *batch, u32 length) {
	u32 count = load(batch + 8), fixed = batch[6] | batch[7] << 8;
	output_start();
	const u8 *record = batch + header_length;
	for (control.hand = 0; control.hand < count; control.hand++) {
		account(record, fixed);
		record += load(record);
	}
	output_flush();
	return 0;
}

EXPORT(turgo_timers) u32 turgo_timers(u32 timer, u8 *batch, u32 length) {
	u32 count = load(batch + 8), fixed = batch[6] | batch[7] << 8;
	output_start();
	const u8 *record = batch + header_length;
	for (control.hand = 0; control.hand < count; control.hand++) {
		if (state_get(0, &total, sizeof total) >= 0) put(record, fixed, (const u8 *)"total", 5);
		record += load(record);
	}
	output_flush();
	return 0;
}
