//! Memory without checks: reading a batch that the host wrote, and writing one.
//!
//! What all of it relies on:
//!
//! 1. A batch that reaches the guest is valid (SPEC.md section 3): the lengths in
//!    it stay inside of it. Whoever makes a [`Cursor`] vouches for that.
//! 2. A batch stays where it is, and nobody else writes to it, until the call that
//!    handles it returns. Records and their slices do not outlive the call: their
//!    lifetimes are bound to the cursor's.
//! 3. This module writes to a batch only the origins of records and, after the last
//!    record, its header. No slice that is handed out covers these bytes.
//! 4. What an output's buffer copies never lies in that buffer: its memory is
//!    private to it.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use crate::host::Host;
use crate::record::Kind;

pub(crate) const HEADER: usize = 24;
pub(crate) const FIXED: usize = 28;
const KEY_NULL: u8 = 1;
const VALUE_NULL: u8 = 2;
/// A batch has at most so many bytes.
const BATCH_MAX: u64 = 64 << 20;
/// An output's buffer is emitted when it would hold more than this.
const FLUSH: usize = 1 << 20;
/// A larger buffer is given back after the call.
const KEEP: usize = 4 << 20;
const FIRST: usize = 64 << 10;

/// The timestamp of a record that has none.
pub(crate) const NO_TIMESTAMP: i64 = i64::MIN;

unsafe fn load16(p: *const u8, offset: usize) -> u16 {
    unsafe { u16::from_le(p.add(offset).cast::<u16>().read_unaligned()) }
}

unsafe fn load32(p: *const u8, offset: usize) -> u32 {
    unsafe { u32::from_le(p.add(offset).cast::<u32>().read_unaligned()) }
}

unsafe fn load64(p: *const u8, offset: usize) -> u64 {
    unsafe { u64::from_le(p.add(offset).cast::<u64>().read_unaligned()) }
}

unsafe fn store32(p: *mut u8, offset: usize, v: u32) {
    unsafe { p.add(offset).cast::<u32>().write_unaligned(v.to_le()) }
}

unsafe fn store64(p: *mut u8, offset: usize, v: u64) {
    unsafe { p.add(offset).cast::<u64>().write_unaligned(v.to_le()) }
}

/// Copies short data with a few loads and stores: a call of memcpy costs more
/// than the usual key.
#[inline(always)]
unsafe fn copy(from: *const u8, to: *mut u8, n: usize) {
    unsafe {
        if n > 16 {
            copy_long(from, to, n);
        } else if n >= 8 {
            let last = load64(from, n - 8);
            store64(to, 0, load64(from, 0));
            store64(to, n - 8, last);
        } else if n >= 4 {
            let last = load32(from, n - 4);
            store32(to, 0, load32(from, 0));
            store32(to, n - 4, last);
        } else if n > 0 {
            *to = *from;
            *to.add(n >> 1) = *from.add(n >> 1);
            *to.add(n - 1) = *from.add(n - 1);
        }
    }
}

/// Copies more than 16 bytes.
#[inline(never)]
unsafe fn copy_long(mut from: *const u8, mut to: *mut u8, n: usize) {
    // Where there is no instruction that copies, memcpy goes by 4 bytes.
    const COPIES: bool = cfg!(any(not(target_arch = "wasm32"), target_feature = "bulk-memory"));
    unsafe {
        if COPIES && n > 512 {
            core::ptr::copy_nonoverlapping(from, to, n);
            return;
        }
        let mut left = n;
        while left > 32 {
            let words = [load64(from, 0), load64(from, 8), load64(from, 16), load64(from, 24)];
            store64(to, 0, words[0]);
            store64(to, 8, words[1]);
            store64(to, 16, words[2]);
            store64(to, 24, words[3]);
            from = from.add(32);
            to = to.add(32);
            left -= 32;
        }
        if left > 16 {
            let words = [load64(from, 0), load64(from, 8)];
            store64(to, 0, words[0]);
            store64(to, 8, words[1]);
            from = from.add(16);
            to = to.add(16);
            left -= 16;
        }
        // What is left is 1 to 16 bytes: the last 16 of all overlap what is done.
        let (from, to) = (from.add(left).sub(16), to.add(left).sub(16));
        let words = [load64(from, 0), load64(from, 8)];
        store64(to, 0, words[0]);
        store64(to, 8, words[1]);
    }
}

/// Walks the records of a valid batch.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    at: *mut u8,
    /// Of the record at `at`; at first of the header.
    size: u32,
    left: u32,
    fixed: u32,
    batch: PhantomData<&'a [u8]>,
}

impl<'a> Cursor<'a> {
    /// # Safety
    ///
    /// `data` is the start of a valid batch, which stays as the module tells for
    /// the time of `'a`.
    pub(crate) unsafe fn new(data: *mut u8) -> Cursor<'a> {
        let (left, fixed) = unsafe { (load32(data, 8), load16(data, 6)) };
        Cursor { at: data, size: HEADER as u32, left, fixed: u32::from(fixed), batch: PhantomData }
    }

    /// The records that are left.
    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Raw<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        // A record is left, so the batch holds one behind this one.
        unsafe {
            self.at = self.at.add(self.size as usize);
            self.size = load32(self.at, 0);
        }
        Some(Raw { at: self.at, fixed: self.fixed, batch: PhantomData })
    }

    /// Takes a group's records off: as many as its record tells.
    pub(crate) fn take(&mut self, group: Raw<'a>) -> Cursor<'a> {
        // A record of a group has these fields, and they tell of records that are there.
        let (count, length) = unsafe { (load32(group.at, 16), load32(group.at, 48)) };
        let members = Cursor { left: count, ..self.clone() };
        unsafe { self.at = self.at.add(length as usize) };
        self.left -= count;
        members
    }

    /// The batch behind a batch of groups, which holds their records.
    ///
    /// # Safety
    ///
    /// `data` is the argument of `turgo_aggregate`.
    pub(crate) unsafe fn behind(data: *mut u8) -> Cursor<'a> {
        unsafe {
            let length = load32(data, 12) as usize;
            Cursor::new(data.add((length + 7) & !7))
        }
    }
}

/// One record of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    at: *mut u8,
    fixed: u32,
    batch: PhantomData<&'a [u8]>,
}

impl<'a> Raw<'a> {
    #[inline(always)]
    fn load(&self, offset: usize) -> u32 {
        // All fields stand in the fixed part.
        unsafe { load32(self.at, offset) }
    }

    #[inline(always)]
    fn flags(&self) -> u8 {
        unsafe { *self.at.add(4) }
    }

    /// Bytes behind the fixed part.
    #[inline(always)]
    fn part(&self, offset: u32, length: u32) -> &'a [u8] {
        unsafe { core::slice::from_raw_parts(self.at.add((self.fixed + offset) as usize), length as usize) }
    }

    #[inline(always)]
    pub(crate) fn key(&self) -> Option<&'a [u8]> {
        (self.flags() & KEY_NULL == 0).then(|| self.part(0, self.load(20)))
    }

    #[inline(always)]
    pub(crate) fn value(&self) -> Option<&'a [u8]> {
        (self.flags() & VALUE_NULL == 0).then(|| self.part(self.load(20), self.load(24)))
    }

    #[inline(always)]
    pub(crate) fn extensions(&self) -> &'a [u8] {
        let start = self.load(20) + self.load(24);
        self.part(start, self.load(0) - self.fixed - start)
    }

    #[inline(always)]
    pub(crate) fn kind(&self) -> Kind {
        Kind::from_bits(self.flags() >> 2)
    }

    #[inline(always)]
    pub(crate) fn timestamp(&self) -> i64 {
        unsafe { load64(self.at, 8) as i64 }
    }

    /// Of a group: how many records it has.
    pub(crate) fn group_count(&self) -> u32 {
        self.load(16)
    }

    /// Of a group: the schema version of its accumulator. Only groups have it.
    pub(crate) fn group_version(&self) -> u16 {
        debug_assert!(self.fixed >= 52);
        unsafe { load16(self.at, 44) }
    }
}

/// The parts of a record to write.
pub(crate) struct Parts<'a> {
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) kind: Kind,
    pub(crate) timestamp: i64,
    pub(crate) extensions: &'a [u8],
}

/// Where an output's batches go. The host copies them, and does not come back.
#[derive(Clone, Copy)]
pub(crate) struct Destination<'c> {
    pub(crate) host: &'c Host,
    /// As the host numbers outputs.
    pub(crate) output: u32,
}

impl Destination<'_> {
    fn emit(self, batch: &[u8]) {
        self.host.emit(self.output, batch);
    }

    /// Fails the record at `origin`, which is in hand.
    #[cold]
    fn fail(self, origin: u32, size: u64) {
        let text = alloc::format!("turgo: a record of {} bytes is larger than a batch", size);
        self.host.fail(origin, 0, &text);
    }
}

/// Gathers the records that an output emits. Records that are forwarded one behind
/// the other stay in the batch that they came in, as a run, for as long as nothing
/// else comes between: a batch that is passed on whole is never copied.
pub(crate) struct Buffer {
    /// A batch whose header is written when it is emitted. It has room for its
    /// length at least.
    bytes: Vec<u8>,
    count: u32,
    run: *mut u8,
    run_fixed: u32,
    run_end: *mut u8,
    run_count: u32,
}

impl Buffer {
    pub(crate) fn new() -> Buffer {
        let none = core::ptr::null_mut();
        Buffer { bytes: Vec::new(), count: 0, run: none, run_fixed: 0, run_end: none, run_count: 0 }
    }

    /// Adds a record. One that no batch can hold fails its origin.
    #[inline(always)]
    pub(crate) fn push(&mut self, to: Destination, origin: u32, parts: &Parts) {
        let (key, value) = (parts.key.unwrap_or(&[]), parts.value.unwrap_or(&[]));
        let size = FIXED as u64 + key.len() as u64 + value.len() as u64 + parts.extensions.len() as u64;
        let free = (self.bytes.capacity() - self.bytes.len()) as u64;
        if size > free || self.run_count > 0 || self.count == 0 {
            if size > BATCH_MAX - HEADER as u64 {
                to.fail(origin, size);
                return;
            }
            self.make_room(to, size);
        }
        let size = size as usize;
        let null = u32::from(parts.key.is_none()) | u32::from(parts.value.is_none()) << 1;
        // make_room left room for size bytes, which are all written.
        unsafe {
            let p = self.bytes.as_mut_ptr().add(self.bytes.len());
            store32(p, 0, size as u32);
            store32(p, 4, null | (parts.kind as u32) << 2);
            store64(p, 8, parts.timestamp as u64);
            store32(p, 16, origin);
            store32(p, 20, key.len() as u32);
            store32(p, 24, value.len() as u32);
            let mut to = p.add(FIXED);
            copy(key.as_ptr(), to, key.len());
            to = to.add(key.len());
            copy(value.as_ptr(), to, value.len());
            if !parts.extensions.is_empty() {
                to = to.add(value.len());
                copy(parts.extensions.as_ptr(), to, parts.extensions.len());
            }
            self.bytes.set_len(self.bytes.len() + size);
        }
        self.count += 1;
    }

    /// Passes a record on as it is.
    #[inline(always)]
    pub(crate) fn forward(&mut self, to: Destination, origin: u32, record: Raw) {
        let size = record.load(0) as usize;
        unsafe { store32(record.at, 16, origin) };
        if self.run_end != record.at {
            self.begin_run(to, record);
        }
        self.run_end = unsafe { record.at.add(size) };
        self.run_count += 1;
    }

    #[inline(never)]
    fn begin_run(&mut self, to: Destination, record: Raw) {
        if self.run_count > 0 {
            self.settle(to);
        }
        self.run = record.at;
        self.run_fixed = record.fixed;
    }

    /// Copies the run behind what the buffer holds.
    #[inline(never)]
    fn settle(&mut self, to: Destination) {
        let count = core::mem::take(&mut self.run_count);
        let length = self.run_end as usize - self.run as usize;
        self.run_end = core::ptr::null_mut();
        if self.run_fixed != FIXED as u32 {
            self.copy_by_parts(to, count);
            return;
        }
        self.reserve(to, length as u64);
        // The run's records stand in a batch, and reserve left room for them.
        unsafe {
            copy_long(self.run, self.bytes.as_mut_ptr().add(self.bytes.len()), length);
            self.bytes.set_len(self.bytes.len() + length);
        }
        self.count += count;
    }

    /// Copies the records of a run whose fixed part has fields that this layout does
    /// not know: they are left out, since a batch has one layout.
    #[cold]
    fn copy_by_parts(&mut self, to: Destination, count: u32) {
        let mut at = self.run;
        for _ in 0..count {
            let record = Raw { at, fixed: self.run_fixed, batch: PhantomData };
            let parts = Parts {
                key: record.key(),
                value: record.value(),
                kind: record.kind(),
                timestamp: record.timestamp(),
                extensions: record.extensions(),
            };
            // forward has put its origin there.
            self.push(to, record.load(16), &parts);
            // The run holds so many records.
            at = unsafe { at.add(record.load(0) as usize) };
        }
    }

    /// Makes the buffer ready for a record behind what was added so far.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, to: Destination, size: u64) {
        if self.run_count > 0 {
            self.settle(to);
        }
        self.reserve(to, size);
    }

    fn reserve(&mut self, to: Destination, size: u64) {
        let size = size as usize;
        if self.count > 0 && self.bytes.len() + size > FLUSH {
            self.emit_bytes(to);
        }
        if self.bytes.is_empty() {
            self.bytes.reserve_exact(FIRST);
            self.bytes.resize(HEADER, 0);
        }
        if size > self.bytes.capacity() - self.bytes.len() {
            let double = (2 * self.bytes.capacity()).clamp(FIRST, FLUSH);
            let need = (self.bytes.len() + size).max(double);
            self.bytes.reserve_exact(need - self.bytes.len());
        }
    }

    fn emit_bytes(&mut self, to: Destination) {
        let length = self.bytes.len() as u32;
        let head = &mut self.bytes[..HEADER];
        head[..8].copy_from_slice(b"TRGB\x01\x00\x1c\x00");
        head[8..12].copy_from_slice(&self.count.to_le_bytes());
        head[12..16].copy_from_slice(&length.to_le_bytes());
        to.emit(&self.bytes);
        self.bytes.truncate(HEADER);
        self.count = 0;
    }

    /// Emits what was added, after the last record of the call. `batch` is the one
    /// that records were forwarded from.
    ///
    /// # Safety
    ///
    /// `batch` is valid, and no slice of it is in use.
    pub(crate) unsafe fn flush(&mut self, to: Destination, batch: *mut u8) {
        if self.run_count > 0 {
            if self.count == 0 && self.run as usize == batch as usize + HEADER {
                let length = self.run_end as usize - batch as usize;
                // The run stands behind the header, so that both make a batch.
                unsafe {
                    store32(batch, 8, self.run_count);
                    store32(batch, 12, length as u32);
                    to.emit(core::slice::from_raw_parts(batch, length));
                }
                self.run_count = 0;
                self.run_end = core::ptr::null_mut();
                return;
            }
            self.settle(to);
        }
        if self.count > 0 {
            self.emit_bytes(to);
        }
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
    }
}

/// Reads bytes of which only the host knows how many they are. `call` takes where
/// to write and how much room there is; it returns `version << 32 | length`, having
/// written nothing where the length is greater, or a negative number for none.
/// `scratch` is for what is long.
#[inline(always)]
pub(crate) fn read<R>(
    scratch: impl FnOnce() -> Vec<u8>,
    call: impl Fn(*mut u8, u32) -> i64,
    decode: impl FnOnce(u16, &[u8]) -> R,
    give_back: impl FnOnce(Vec<u8>),
) -> Option<R> {
    let mut short = [MaybeUninit::<u8>::uninit(); 64];
    let result = call(short.as_mut_ptr().cast(), short.len() as u32);
    if result < 0 {
        return None;
    }
    let (version, length) = ((result >> 32) as u16, result as u32 as usize);
    if length > short.len() {
        return Some(read_long(scratch(), length, call, decode, give_back));
    }
    // The host has written so many bytes.
    let bytes = unsafe { core::slice::from_raw_parts(short.as_ptr().cast(), length) };
    Some(decode(version, bytes))
}

/// Reads an entry of that length.
#[cold]
#[inline(never)]
fn read_long<R>(
    mut long: Vec<u8>,
    length: usize,
    call: impl Fn(*mut u8, u32) -> i64,
    decode: impl FnOnce(u16, &[u8]) -> R,
    give_back: impl FnOnce(Vec<u8>),
) -> R {
    long.clear();
    long.reserve(length);
    let result = call(long.as_mut_ptr(), length as u32);
    // The entry is still the same: nothing was written in between.
    unsafe { long.set_len(length) };
    let value = decode((result >> 32) as u16, &long);
    give_back(long);
    value
}

/// Fills a page with whole entries and returns how many there are. `call` takes
/// where to write and how much room there is, and returns `count << 32 | bytes`.
pub(crate) fn read_page(page: &mut Vec<u8>, call: impl Fn(*mut u8, u32) -> i64) -> u32 {
    const PAGE: usize = 4 << 10;
    page.clear();
    page.reserve(PAGE);
    loop {
        let result = call(page.as_mut_ptr(), page.capacity() as u32) as u64;
        let (count, used) = ((result >> 32) as u32, result as u32 as usize);
        if count > 0 || used == 0 {
            // The host has written so many bytes.
            unsafe { page.set_len(used) };
            return count;
        }
        page.reserve(used + used / 2);
    }
}
