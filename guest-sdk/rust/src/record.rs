use core::ops::Deref;

use crate::call::Core;
use crate::failure::{Failure, Outcome};
use crate::headers::Headers;
use crate::host::Level;
use crate::raw::{Cursor, Raw, NO_TIMESTAMP};

/// What a record does to the collection that it belongs to. A stream without
/// updates holds inserts only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A new row.
    Insert = 0,
    /// A row as it was.
    UpdateBefore = 1,
    /// The row as it is now.
    UpdateAfter = 2,
    /// A row that is gone.
    Delete = 3,
}

impl Kind {
    #[inline(always)]
    pub(crate) fn from_bits(bits: u8) -> Kind {
        match bits & 3 {
            0 => Kind::Insert,
            1 => Kind::UpdateBefore,
            2 => Kind::UpdateAfter,
            _ => Kind::Delete,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        ["insert", "update_before", "update_after", "delete"][self as usize]
    }
}

/// The timestamp as an option.
pub(crate) fn timestamp(timestamp: i64) -> Option<i64> {
    (timestamp != NO_TIMESTAMP).then_some(timestamp)
}

/// What is in hand: a [`Record`], a [`Fired`] timer or a [`Group`](crate::Group).
/// State and timers act on its key, what is emitted belongs to it, and it is what
/// fails. All that acts on it takes a `&Hand`, so that nothing can be done when
/// nothing is in hand, nor to a record that was before.
pub struct Hand<'a> {
    pub(crate) core: &'a Core,
    pub(crate) raw: Raw<'a>,
    /// Its place in the batch.
    pub(crate) index: u32,
}

impl<'a> Hand<'a> {
    /// The key; `None` where it is null.
    #[inline(always)]
    pub fn key(&self) -> Option<&'a [u8]> {
        self.raw.key()
    }

    /// The time of the record or fired timer, the greatest of a group's records, in
    /// milliseconds since the epoch; `None` where it has none.
    #[inline(always)]
    pub fn timestamp(&self) -> Option<i64> {
        timestamp(self.raw.timestamp())
    }

    /// The operator's watermark: no record with an earlier timestamp is still to
    /// come. It stands still during the call.
    pub fn watermark(&self) -> i64 {
        self.core.control.watermark()
    }

    /// The clock at the start of the call, in milliseconds since the epoch. It
    /// stands still during the call.
    pub fn processing_time(&self) -> i64 {
        self.core.control.processing_time()
    }

    /// Fails what is in hand: what was emitted and written for it is undone, and
    /// the job's failure policy decides what becomes of it. The first failure
    /// counts. A handler that returns an error does the same; after a call of this
    /// one do not use state or timers until the next is in hand.
    pub fn fail(&self, failure: impl Into<Failure>) {
        let failure = failure.into();
        self.core.host.fail(self.core.control.hand(), failure.code(), failure.text());
    }

    /// Writes a line to the operator's log. It stays when the record fails.
    pub fn log(&self, level: Level, text: &str) {
        self.core.host.log(self.core.control.hand(), level as u32, text);
    }

    #[inline(always)]
    pub(crate) fn conclude(&self, outcome: impl Outcome) {
        if let Err(failure) = outcome.into_result() {
            self.fail_cold(failure);
        }
    }

    #[cold]
    fn fail_cold(&self, failure: Failure) {
        self.fail(failure);
    }
}

/// The record in hand. It is a [`Hand`] too.
pub struct Record<'a> {
    pub(crate) hand: Hand<'a>,
}

impl<'a> Deref for Record<'a> {
    type Target = Hand<'a>;
    #[inline(always)]
    fn deref(&self) -> &Hand<'a> {
        &self.hand
    }
}

impl<'a> Record<'a> {
    /// The value; `None` where it is null.
    #[inline(always)]
    pub fn value(&self) -> Option<&'a [u8]> {
        self.hand.raw.value()
    }

    /// The change kind.
    #[inline(always)]
    pub fn kind(&self) -> Kind {
        self.hand.raw.kind()
    }

    /// The extensions as they are encoded, empty where there are none. Emit them
    /// with what is made of this record.
    #[inline(always)]
    pub fn extensions(&self) -> &'a [u8] {
        self.hand.raw.extensions()
    }

    /// The headers among the extensions.
    pub fn headers(&self) -> Headers<'a> {
        Headers::new(self.extensions())
    }
}

/// A timer that fired, in hand. It is a [`Hand`] too.
pub struct Fired<'a> {
    pub(crate) hand: Hand<'a>,
}

impl<'a> Deref for Fired<'a> {
    type Target = Hand<'a>;
    fn deref(&self) -> &Hand<'a> {
        &self.hand
    }
}

impl Fired<'_> {
    /// The time that the timer was set to.
    pub fn time(&self) -> i64 {
        self.hand.raw.timestamp()
    }
}

/// Walks the records of one call. Only one is in hand at a time: it must be let go
/// before the next one is taken.
///
/// ```
/// # fn each(batch: &mut turgo::Batch, out: &turgo::Output) {
/// while let Some(record) = batch.next() {
///     out.forward(&record);
/// }
/// # }
/// ```
pub struct Batch<'a> {
    core: &'a Core,
    cursor: Cursor<'a>,
    index: u32,
}

impl<'a> Batch<'a> {
    /// # Safety
    ///
    /// As for [`Cursor::new`].
    pub(crate) unsafe fn new(core: &'a Core, data: *mut u8) -> Batch<'a> {
        Batch { core, cursor: unsafe { Cursor::new(data) }, index: 0 }
    }

    /// The records that are left, as a walk that goes on alone.
    pub(crate) fn rest(&mut self) -> Batch<'_> {
        Batch { core: self.core, cursor: self.cursor.clone(), index: self.index }
    }

    /// Takes the next record in hand, if there is one.
    #[allow(clippy::should_implement_trait)] // an iterator could give two at a time
    #[inline(always)]
    pub fn next(&mut self) -> Option<Record<'_>> {
        Some(Record { hand: self.take()? })
    }

    #[inline(always)]
    pub(crate) fn take(&mut self) -> Option<Hand<'_>> {
        let raw = self.cursor.next()?;
        let index = self.index;
        self.core.control.take(index);
        self.index = index.wrapping_add(1);
        Some(Hand { core: self.core, raw, index })
    }

    /// How many records are left.
    pub fn len(&self) -> usize {
        self.cursor.left() as usize
    }

    /// Whether no record is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
