use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::raw::{Parts, NO_TIMESTAMP};
use crate::record::{Hand, Kind, Record};

/// A null key or value.
pub const NULL: Option<&[u8]> = None;

/// A key or a value: bytes, text, or an option of these, where `None` is null. An
/// empty one is not null.
pub trait Part {
    /// The bytes; `None` = null.
    fn part(&self) -> Option<&[u8]>;
}

impl Part for [u8] {
    #[inline(always)]
    fn part(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl<const N: usize> Part for [u8; N] {
    #[inline(always)]
    fn part(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl Part for str {
    #[inline(always)]
    fn part(&self) -> Option<&[u8]> {
        Some(self.as_bytes())
    }
}

impl Part for Vec<u8> {
    #[inline(always)]
    fn part(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl Part for String {
    #[inline(always)]
    fn part(&self) -> Option<&[u8]> {
        Some(self.as_bytes())
    }
}

impl<P: Part + ?Sized> Part for &P {
    #[inline(always)]
    fn part(&self) -> Option<&[u8]> {
        (**self).part()
    }
}

impl<P: Part> Part for Option<P> {
    #[inline(always)]
    fn part(&self) -> Option<&[u8]> {
        self.as_ref()?.part()
    }
}

/// All parts of a record to emit:
///
/// ```
/// # use turgo::{Emit, Hand, Kind, Output};
/// # fn example(out: &Output, hand: &Hand) {
/// out.emit_record(hand, &Emit { key: Some(b"a"), timestamp: Some(5), ..Emit::default() });
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Emit<'a> {
    /// `None` = null.
    pub key: Option<&'a [u8]>,
    /// `None` = null.
    pub value: Option<&'a [u8]>,
    /// Insert by default.
    pub kind: Kind,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Encoded extensions, such as those of the record in hand.
    pub extensions: &'a [u8],
}

impl Default for Emit<'_> {
    fn default() -> Self {
        Emit { key: None, value: None, kind: Kind::Insert, timestamp: None, extensions: &[] }
    }
}

/// One output of the operator. What is emitted gathers in a buffer, which goes to
/// the host at the end of the call, or earlier when it is full.
#[derive(Clone)]
pub struct Output {
    pub(crate) number: u32,
    pub(crate) name: Rc<str>,
}

impl Output {
    /// Emits an insert with the timestamp of what is in hand, without extensions.
    #[inline(always)]
    pub fn emit(&self, hand: &Hand, key: impl Part, value: impl Part) {
        let parts = Parts { key: key.part(), value: value.part(), kind: Kind::Insert, timestamp: hand.raw.timestamp(), extensions: &[] };
        hand.core.emit(self.number, hand.index, &parts);
    }

    /// Emits as [`emit`](Output::emit) does, with a value that is formatted; it
    /// allocates nothing.
    ///
    /// ```
    /// # use turgo::{Hand, Output};
    /// # fn example(out: &Output, hand: &Hand, total: u64) {
    /// out.emit_text(hand, hand.key(), format_args!("{} in all", total));
    /// # }
    /// ```
    pub fn emit_text(&self, hand: &Hand, key: impl Part, text: fmt::Arguments) {
        let mut scratch = Text(hand.core.take_scratch());
        // Text takes all there is. Only what is formatted can fail, and what it
        // wrote before is text all the same.
        let _ = fmt::write(&mut scratch, text);
        self.emit(hand, key, &scratch.0);
        hand.core.give_scratch(scratch.0);
    }

    /// Emits a record that tells all its parts.
    pub fn emit_record(&self, hand: &Hand, record: &Emit) {
        let parts = Parts {
            key: record.key,
            value: record.value,
            kind: record.kind,
            timestamp: record.timestamp.unwrap_or(NO_TIMESTAMP),
            extensions: record.extensions,
        };
        hand.core.emit(self.number, hand.index, &parts);
    }

    /// Passes a record on as it is, with its extensions. A batch whose records are
    /// all passed on is not copied.
    #[inline(always)]
    pub fn forward(&self, record: &Record) {
        record.hand.core.forward(self.number, record.hand.index, record.hand.raw);
    }

    /// The output's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

struct Text(Vec<u8>);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
