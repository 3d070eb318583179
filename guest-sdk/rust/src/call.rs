//! What the calls of one open operator share: the control block, the outputs'
//! buffers, memory to read and encode in, and the host.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::{Cell, UnsafeCell};

use crate::codec::Encode;
use crate::host::Host;
use crate::raw::{self, Buffer, Destination, Parts, Raw};

/// No record is in hand.
pub(crate) const NO_HAND: u32 = u32::MAX;
/// The outputs of accumulators have the numbers from here on.
const ACCUMULATORS: u32 = 1 << 31;

/// The control block: SPEC.md section 4. The host reads and writes it, so that
/// each access is volatile.
#[repr(C, align(8))]
pub(crate) struct Control {
    hand: Cell<u32>,
    unused: u32,
    watermark: Cell<i64>,
    processing_time: Cell<i64>,
    reserved: i64,
}

impl Control {
    #[inline(always)]
    pub(crate) fn take(&self, record: u32) {
        unsafe { self.hand.as_ptr().write_volatile(record) }
    }
    #[inline(always)]
    pub(crate) fn hand(&self) -> u32 {
        unsafe { self.hand.as_ptr().read_volatile() }
    }
    pub(crate) fn watermark(&self) -> i64 {
        unsafe { self.watermark.as_ptr().read_volatile() }
    }
    pub(crate) fn processing_time(&self) -> i64 {
        unsafe { self.processing_time.as_ptr().read_volatile() }
    }
    #[cfg(all(feature = "std", not(target_arch = "wasm32")))]
    pub(crate) fn set_times(&self, watermark: i64, processing_time: i64) {
        self.take(NO_HAND);
        self.watermark.set(watermark);
        self.processing_time.set(processing_time);
    }
}

pub(crate) struct Core {
    pub(crate) control: Control,
    pub(crate) host: Host,
    /// Of the outputs, then of the aggregations. Nothing that runs while one is
    /// borrowed comes back here.
    buffers: Box<[UnsafeCell<Buffer>]>,
    outputs: u32,
    scratch: Cell<Vec<u8>>,
    page: Cell<Vec<u8>>,
}

impl Core {
    pub(crate) fn new(host: Host, outputs: usize, aggregations: usize) -> Core {
        Core {
            control: Control {
                hand: Cell::new(NO_HAND),
                unused: 0,
                watermark: Cell::new(i64::MIN),
                processing_time: Cell::new(0),
                reserved: 0,
            },
            host,
            buffers: (0..outputs + aggregations).map(|_| UnsafeCell::new(Buffer::new())).collect(),
            outputs: outputs as u32,
            scratch: Cell::new(Vec::new()),
            page: Cell::new(Vec::new()),
        }
    }

    /// Emits a record that belongs to the one at `origin`, which is in hand.
    #[inline(always)]
    pub(crate) fn emit(&self, output: u32, origin: u32, parts: &Parts) {
        // push calls the host and nobody else, and the host does not come back.
        let buffer = unsafe { &mut *self.buffers[output as usize].get() };
        buffer.push(self.destination(output), origin, parts);
    }

    /// Passes on the record at `origin`, which is in hand.
    #[inline(always)]
    pub(crate) fn forward(&self, output: u32, origin: u32, record: Raw) {
        let buffer = unsafe { &mut *self.buffers[output as usize].get() };
        buffer.forward(self.destination(output), origin, record);
    }

    /// The place of an aggregation's accumulators among the outputs.
    pub(crate) fn accumulators(&self, aggregation: u32) -> u32 {
        self.outputs + aggregation
    }

    #[inline(always)]
    fn destination(&self, output: u32) -> Destination<'_> {
        let number = if output < self.outputs { output } else { ACCUMULATORS + (output - self.outputs) };
        Destination { host: &self.host, output: number }
    }

    /// Emits what the outputs hold, at the end of a call.
    ///
    /// # Safety
    ///
    /// `batch` is the one that was handled, and no slice of it is in use.
    pub(crate) unsafe fn flush(&self, batch: *mut u8) {
        for (output, buffer) in self.buffers.iter().enumerate() {
            unsafe { (*buffer.get()).flush(self.destination(output as u32), batch) };
        }
    }

    /// Reads an entry of which only the host knows the length.
    #[inline(always)]
    pub(crate) fn read<R>(&self, call: impl Fn(&Host, u32, *mut u8, u32) -> i64, decode: impl FnOnce(u16, &[u8]) -> R) -> Option<R> {
        let hand = self.control.hand();
        raw::read(
            || self.scratch.take(),
            |data, capacity| call(&self.host, hand, data, capacity),
            decode,
            |scratch| self.scratch.set(scratch),
        )
    }

    /// Encodes a value and passes the bytes on.
    #[inline(always)]
    pub(crate) fn encoded<V: Encode + ?Sized, R>(&self, value: &V, then: impl FnOnce(&Host, u32, &[u8]) -> R) -> R {
        let mut scratch = self.scratch.take();
        scratch.clear();
        value.encode(&mut scratch);
        let result = then(&self.host, self.control.hand(), &scratch);
        self.scratch.set(scratch);
        result
    }

    /// Memory to put something together in. Give it back.
    pub(crate) fn take_scratch(&self) -> Vec<u8> {
        let mut scratch = self.scratch.take();
        scratch.clear();
        scratch
    }

    pub(crate) fn give_scratch(&self, scratch: Vec<u8>) {
        self.scratch.set(scratch);
    }

    /// A page for a walk. A walk within another gets one of its own.
    pub(crate) fn take_page(&self) -> Vec<u8> {
        self.page.take()
    }

    pub(crate) fn give_page(&self, page: Vec<u8>) {
        self.page.set(page);
    }
}
