use core::borrow::Borrow;
use core::ops::Deref;

use crate::call::Core;
use crate::codec::{Codec, DecodeError, Encode};
use crate::headers::Headers;
use crate::raw::{Cursor, Parts, Raw, NO_TIMESTAMP};
use crate::record::{timestamp, Hand, Kind};
use crate::value::Value;

/// A keyed aggregation over the records of a batch. The host groups the records of
/// its input by key and passes each group with its accumulator, so that state is
/// read and written once for a group:
///
/// ```
/// use turgo::{Aggregation, Declaration, Group, Operator};
///
/// struct Count;
///
/// impl Operator for Count {
///     fn declare(d: &mut Declaration<Self>) -> Self {
///         let total = d.aggregation::<u64>("total");
///         d.aggregated_input("words", &total, Self::add);
///         Count
///     }
/// }
///
/// impl Count {
///     fn add(&mut self, group: &Group<u64>) {
///         group.put(&(group.accumulator().unwrap_or(0) + group.len() as u64));
///     }
/// }
/// # turgo::testing::run::<Count>(|h| {
/// #     h.send("words", &[turgo::testing::row("a", ""), turgo::testing::row("a", "")]);
/// # });
/// ```
///
/// How records are divided into calls has no meaning: the same key comes again in
/// the next call.
pub struct Aggregation<T> {
    pub(crate) state: Value<T>,
    /// Its number among the aggregations.
    pub(crate) number: u32,
}

impl<T> Clone for Aggregation<T> {
    fn clone(&self) -> Self {
        Aggregation { state: self.state.clone(), number: self.number }
    }
}

impl<T: Codec> Aggregation<T> {
    /// Declares the schema version of the accumulators that are written from now
    /// on. `migrate` reads those of other versions. Call it before the input is
    /// declared.
    #[must_use]
    pub fn versioned(mut self, version: u16, migrate: impl Fn(u16, &[u8]) -> Result<T, DecodeError> + 'static) -> Self {
        self.state = self.state.versioned(version, migrate);
        self
    }

    /// Declares that an accumulator vanishes so many milliseconds after it was written.
    pub fn expiring(mut self, time_to_live_ms: u64) -> Self {
        self.state = self.state.expiring(time_to_live_ms);
        self
    }

    /// The accumulator of the key in hand. It is for timers and other inputs: a
    /// group has its own.
    pub fn get(&self, hand: &Hand) -> Option<T> {
        self.state.get(hand)
    }

    /// Removes the accumulator of the key in hand. It is for timers and other
    /// inputs: a group has [`remove`](Group::remove).
    pub fn clear(&self, hand: &Hand) {
        self.state.clear(hand);
    }
}

/// The records of one key in a batch, in hand. It is a [`Hand`] too: its timestamp
/// is the greatest of its records.
pub struct Group<'a, T> {
    hand: Hand<'a>,
    aggregation: &'a Aggregation<T>,
    members: Cursor<'a>,
}

impl<'a, T> Deref for Group<'a, T> {
    type Target = Hand<'a>;
    fn deref(&self) -> &Hand<'a> {
        &self.hand
    }
}

impl<'a, T: Codec> Group<'a, T> {
    /// The accumulator before this call, if there is one.
    pub fn accumulator(&self) -> Option<T> {
        let data = self.hand.raw.value()?;
        Some(self.aggregation.state.typed.decode(self.hand.raw.group_version(), data))
    }

    /// The number of the group's records, 1 or more.
    #[allow(clippy::len_without_is_empty)] // no group is
    pub fn len(&self) -> usize {
        self.hand.raw.group_count() as usize
    }

    /// The records of the group, in the order of the input.
    pub fn records(&self) -> Members<'a> {
        Members { cursor: self.members.clone() }
    }

    /// Makes a value the group's accumulator. Without it the group keeps what it has.
    pub fn put<V: Encode + ?Sized>(&self, accumulator: &V)
    where
        T: Borrow<V>,
    {
        let mut data = self.hand.core.take_scratch();
        accumulator.encode(&mut data);
        self.emit(Some(&data));
        self.hand.core.give_scratch(data);
    }

    /// Removes the group's accumulator.
    pub fn remove(&self) {
        self.emit(None);
    }

    fn emit(&self, value: Option<&[u8]>) {
        let core = self.hand.core;
        let parts = Parts { key: None, value, kind: Kind::Insert, timestamp: NO_TIMESTAMP, extensions: &[] };
        core.emit(core.accumulators(self.aggregation.number), self.hand.index, &parts);
    }
}

/// Walks the records of a group.
#[derive(Clone)]
pub struct Members<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Member<'a>> {
        self.cursor.next().map(|raw| Member { raw })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.cursor.left() as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Members<'_> {}

/// One record of a group. Its key is that of the group.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    raw: Raw<'a>,
}

impl<'a> Member<'a> {
    /// The value; `None` where it is null.
    pub fn value(&self) -> Option<&'a [u8]> {
        self.raw.value()
    }

    /// The change kind.
    pub fn kind(&self) -> Kind {
        self.raw.kind()
    }

    /// Milliseconds since the epoch; `None` where it has none.
    pub fn timestamp(&self) -> Option<i64> {
        timestamp(self.raw.timestamp())
    }

    /// The extensions as they are encoded, empty where there are none.
    pub fn extensions(&self) -> &'a [u8] {
        self.raw.extensions()
    }

    /// The headers among the extensions.
    pub fn headers(&self) -> Headers<'a> {
        Headers::new(self.extensions())
    }
}

/// Walks the groups of one call.
pub(crate) struct Groups<'a> {
    pub(crate) core: &'a Core,
    groups: Cursor<'a>,
    records: Cursor<'a>,
    index: u32,
}

impl<'a> Groups<'a> {
    /// # Safety
    ///
    /// `data` is the argument of `turgo_aggregate`, which stays as for [`Cursor::new`].
    pub(crate) unsafe fn new(core: &'a Core, data: *mut u8) -> Groups<'a> {
        let (groups, records) = unsafe { (Cursor::new(data), Cursor::behind(data)) };
        Groups { core, groups, records, index: 0 }
    }

    pub(crate) fn next<'g, T>(&'g mut self, aggregation: &'g Aggregation<T>) -> Option<Group<'g, T>> {
        let raw = self.groups.next()?;
        let index = self.index;
        self.core.control.take(index);
        self.index = index.wrapping_add(1);
        Some(Group { hand: Hand { core: self.core, raw, index }, aggregation, members: self.records.take(raw) })
    }
}
