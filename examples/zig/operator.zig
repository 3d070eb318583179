//! Two operators in Zig without an SDK, straight from abi/SPEC.md: `pass` and `parse`
//! of examples/languages. Numbers in brackets are the sections of SPEC.md.
const std = @import("std");

// [5] What the host offers, as far as it is used here: Zig imports no more.
const host = struct {
    extern "turgo_v1" fn emit(output: u32, data: [*]const u8, length: u32) void;
    extern "turgo_v1" fn fail(code: u32, text: [*]const u8, length: u32) void;
    extern "turgo_v1" fn metric(index: u32, value: i64) void;
};

// [10] What this module holds. The operators are numbered in this order.
const Operator = enum(u32) { pass, parse };
const small_counter = 0;
const description =
    \\{"abi": "turgo_v1", "language": "zig", "operators": [
    \\  {"name": "pass",
    \\   "inputs": [{"name": "in", "changes": ["insert", "update_before", "update_after", "delete"]}],
    \\   "outputs": [{"name": "out"}]},
    \\  {"name": "parse", "inputs": [{"name": "lines"}], "outputs": [{"name": "payments"}],
    \\   "metrics": [{"name": "small", "kind": "counter"}], "assigns_timestamps": true,
    \\   "config_schema": {"type": "object", "properties": {"cents_min": {"type": "integer", "default": 100}},
    \\                     "additionalProperties": false}}]}
;

// [3] Pointer and length in one number.
export fn turgo_describe() u64 {
    return @as(u64, @intFromPtr(description.ptr)) << 32 | description.len;
}

// [3] The buffer that the host writes arguments into, and behind it the output of
// parse. Pages that it outgrows are lost: it doubles, so they are never more than it has.
var buffer: []u8 = &.{};

export fn turgo_buffer(length: u32) ?[*]u8 {
    if (length > buffer.len) {
        const bytes = @max(@as(u64, length), 2 * @as(u64, buffer.len));
        const pages = (bytes + outputMax(bytes) + 65535) / 65536;
        if (pages > 65535) return null;
        const first = @wasmMemoryGrow(0, @intCast(pages));
        if (first < 0) return null;
        buffer = @as([*]u8, @ptrFromInt(@as(usize, @intCast(first)) * 65536))[0..@intCast(bytes)];
    }
    return buffer.ptr;
}

/// The most that parse emits for a batch: its records are 3 bytes longer than those
/// of their lines at most, which have 28 or more.
fn outputMax(batch_length: u64) u64 {
    return batch_length + batch_length / fixed_length * 3 + header_length;
}

// [4] The control block. The record in hand is volatile: the host reads it where a
// call ends by a trap, so no store may be left out or put off.
const Control = extern struct { hand: u32, reserved0: u32, watermark: i64, processing_time: i64, reserved1: i64 };
var control: Control = undefined;
const hand: *volatile u32 = &control.hand;

var opened: Operator = undefined;
var cents_min: i64 = undefined;

// [3] The open request is JSON; fields of it that are not known are skipped. The config
// is this module's own: the host does not check it against its schema. 0 refuses.
export fn turgo_open(operator: u32, data: [*]const u8, length: u32) ?*Control {
    opened = @enumFromInt(operator);
    cents_min = readConfig(data[0..length]) catch {
        const text = "config: cents_min, a whole number, is all there may be";
        fail(0, text);
        return null;
    };
    return &control;
}

fn readConfig(data: []const u8) !i64 {
    const Request = struct { config: std.json.Value };
    const Config = struct { cents_min: i64 = 100 };
    var memory: [64 << 10]u8 = undefined;
    var buffered = std.heap.FixedBufferAllocator.init(&memory);
    const allocator = buffered.allocator();
    const request = try std.json.parseFromSliceLeaky(Request, allocator, data, .{ .ignore_unknown_fields = true });
    const config = try std.json.parseFromValueLeaky(Config, allocator, request.config, .{});
    return config.cents_min;
}

// [6] The layout of a batch. Nothing is aligned, all is little-endian.
const header_length = 24;
const fixed_length = 28; // as written here; of what is read, the header tells it
const value_null = 2;

fn load(comptime T: type, data: []const u8, offset: usize) T {
    return std.mem.readInt(T, data[offset..][0..@sizeOf(T)], .little);
}

fn store(comptime T: type, data: []u8, offset: usize, value: T) void {
    std.mem.writeInt(T, data[offset..][0..@sizeOf(T)], value, .little);
}

/// Walks the records of a batch: each is in hand until the next.
const Records = struct {
    rest: []u8,
    count: u32,
    index: u32 = 0,

    fn of(batch: []u8) Records {
        return .{ .rest = batch[header_length..], .count = load(u32, batch, 8) };
    }

    fn next(records: *Records) ?[]u8 {
        if (records.index == records.count) return null;
        hand.* = records.index;
        records.index += 1;
        const length = load(u32, records.rest, 0);
        defer records.rest = records.rest[length..];
        return records.rest[0..length];
    }
};

export fn turgo_process(_: u32, data: [*]u8, length: u32) u32 {
    switch (opened) {
        .pass => pass(data[0..length]),
        .parse => parse(data[0..length]),
    }
    return 0;
}

// The batch goes out of the very buffer that it came in, once each record tells
// which one it came from.
fn pass(batch: []u8) void {
    var records = Records.of(batch);
    while (records.next()) |record| store(u32, record, 16, hand.*);
    host.emit(0, batch.ptr, batch.len);
}

fn parse(batch: []u8) void {
    const fixed = load(u16, batch, 6);
    const output = buffer.ptr[buffer.len..][0..@intCast(outputMax(batch.len))];
    var used: u32 = header_length;
    var count: u32 = 0;
    var records = Records.of(batch);
    while (records.next()) |record| {
        const line = if (record[4] & value_null != 0) "" else record[fixed + load(u32, record, 20) ..][0..load(u32, record, 24)];
        const payment = readLine(line) catch |wrong| {
            fail(1, switch (wrong) {
                error.Time => "not a payment: time",
                error.Account => "not a payment: account",
                error.Cents => "not a payment: cents",
                error.Note => "not a payment: note",
            });
            continue;
        };
        if (payment.cents < cents_min) {
            host.metric(small_counter, 1);
            continue;
        }
        used += writePayment(output[used..], payment);
        count += 1;
    }
    if (count == 0) return;
    @memcpy(output[0..8], "TRGB\x01\x00\x1c\x00"); // version 1, rows, a fixed part of 28
    store(u32, output, 8, count);
    store(u32, output, 12, used);
    store(u64, output, 16, 0);
    host.emit(0, output.ptr, used);
}

fn fail(code: u32, text: []const u8) void {
    host.fail(code, text.ptr, text.len);
}

/// Writes the account as key and the cents as value, and returns the record's length.
fn writePayment(to: []u8, payment: Payment) u32 {
    const length: u32 = fixed_length + payment.account.len + 8;
    store(u32, to, 0, length);
    store(u32, to, 4, 0); // nothing is null, an insert
    store(i64, to, 8, payment.time);
    store(u32, to, 16, hand.*); // the origin: where this record fails, it is dropped
    store(u32, to, 20, payment.account.len);
    store(u32, to, 24, 8);
    @memcpy(to[fixed_length..][0..payment.account.len], payment.account);
    store(i64, to, fixed_length + payment.account.len, payment.cents);
    return length;
}

const Payment = struct { time: i64, account: []const u8, cents: i64 };

/// Reads TIME,ACCOUNT,CENTS,NOTE. The first field that is wrong is the error.
fn readLine(line: []const u8) error{ Time, Account, Cents, Note }!Payment {
    var fields = std.mem.splitScalar(u8, line, ',');
    const time = digits(fields.first()) orelse return error.Time;
    const account = fields.next() orelse return error.Account;
    if (account.len < 1 or account.len > 64) return error.Account;
    const text = fields.next() orelse return error.Cents;
    const negative = std.mem.startsWith(u8, text, "-");
    const cents = digits(text[@intFromBool(negative)..]) orelse return error.Cents;
    if (fields.next() == null) return error.Note; // the rest is the note, commas too
    return .{ .time = time, .account = account, .cents = if (negative) -cents else cents };
}

/// Reads 1 to 15 decimal digits and nothing else.
fn digits(text: []const u8) ?i64 {
    if (text.len < 1 or text.len > 15) return null;
    var number: i64 = 0;
    for (text) |c| {
        if (c < '0' or c > '9') return null;
        number = number * 10 + (c - '0');
    }
    return number;
}
