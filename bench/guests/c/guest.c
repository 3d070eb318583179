// Operators in C without a library, to measure what limits cost them.
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

__attribute__((import_module("turgo_v1"), import_name("emit"))) void emit(u32 output, const u8 *data, u32 length);

static const char description[] =
    "{\"abi\":\"turgo_v1\",\"language\":\"c\",\"operators\":["
    "{\"name\":\"pass\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]},"
    "{\"name\":\"arithmetic\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]},"
    "{\"name\":\"count\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]},"
    "{\"name\":\"poison\",\"inputs\":[{\"name\":\"in\"}],\"outputs\":[{\"name\":\"out\"}]}]}";

static u32 control[8];
static u8 buffer[16 << 20];
static u32 chosen;

#define EXPORT(name) __attribute__((export_name(name)))

EXPORT("turgo_describe") u64 turgo_describe(void) {
    return (u64)(u32)description << 32 | (sizeof description - 1);
}

EXPORT("turgo_buffer") u8 *turgo_buffer(u32 length) { return length <= sizeof buffer ? buffer : 0; }

EXPORT("turgo_open") u32 *turgo_open(u32 operator, const u8 *request, u32 length) {
    (void)request, (void)length;
    chosen = operator;
    return control;
}

// A record's fields, of its fixed part.
struct record { u32 size, flags; u64 timestamp; u32 origin, key_length, value_length; } __attribute__((packed));

// arithmetic is a chain of operations that no compiler can shorten.
static u64 arithmetic(u64 x, u32 rounds) {
    for (u32 i = 0; i < rounds; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x += i;
    }
    return x;
}

// count is as tight as a loop can be: a few instructions that do not wait for
// each other.
static u64 count(u64 x, u32 rounds) {
    u64 found = 0;
    for (u32 i = 0; i < rounds; i++) {
        found += ((i ^ x) & 12) == 4;
        __asm__ volatile(""); // or the compiler unrolls it
    }
    return found;
}

EXPORT("turgo_process") u32 turgo_process(u32 input, u8 *batch, u32 length) {
    (void)input;
    u32 records = *(u32 *)(batch + 8);
    u8 *at = batch + 24;
    for (u32 i = 0; i < records; i++) {
        struct record *r = (struct record *)at;
        control[0] = i;
        r->origin = i;
        if (chosen == 1) r->timestamp = arithmetic(r->timestamp | 1, 1000) >> 1;
        if (chosen == 2) r->timestamp = count(r->timestamp, 1000);
        if (chosen == 3 && (long long)r->timestamp < 0) __builtin_trap();
        at += r->size;
    }
    emit(0, batch, length);
    return 0;
}
