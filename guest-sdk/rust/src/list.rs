use alloc::vec::Vec;
use core::borrow::Borrow;
use core::convert::TryInto;

use crate::call::Core;
use crate::codec::{Codec, DecodeError, Encode};
use crate::raw;
use crate::record::Hand;
use crate::state::Typed;

/// A state with a list of elements for each key.
/// [`Declaration::list`](crate::Declaration::list) declares it.
pub struct List<T> {
    pub(crate) typed: Typed<T>,
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        List { typed: self.typed.clone() }
    }
}

impl<T: Codec> List<T> {
    /// Declares the schema version of what is written from now on. `migrate` reads
    /// elements of other versions.
    #[must_use]
    pub fn versioned(mut self, version: u16, migrate: impl Fn(u16, &[u8]) -> Result<T, DecodeError> + 'static) -> Self {
        self.typed.version(version, migrate);
        self
    }

    /// Declares that an element vanishes so many milliseconds after it was written.
    pub fn expiring(self, time_to_live_ms: u64) -> Self {
        self.typed.declared.time_to_live_ms.set(time_to_live_ms);
        self
    }

    /// Adds an element to the list of the key in hand. It reads nothing.
    pub fn append<V: Encode + ?Sized>(&self, hand: &Hand, value: &V)
    where
        T: Borrow<V>,
    {
        let state = self.typed.number();
        hand.core.encoded(value, |host, hand, data| host.list_append(hand, state, data));
    }

    /// The elements of the key in hand, in the order of the appends.
    pub fn iter<'h>(&self, hand: &'h Hand) -> ListIter<'h, T> {
        ListIter { core: hand.core, typed: self.typed.clone(), page: hand.core.take_page(), at: 0, left: 0, cursor: 0 }
    }

    /// Removes all elements of the key in hand.
    pub fn clear(&self, hand: &Hand) {
        hand.core.host.state_clear(hand.core.control.hand(), self.typed.number());
    }
}

/// Walks a list. Elements that are appended meanwhile may be seen.
pub struct ListIter<'h, T> {
    core: &'h Core,
    typed: Typed<T>,
    page: Vec<u8>,
    at: usize,
    left: u32,
    cursor: u64,
}

const HEAD: usize = 16; // u64 cursor, u32 length, u16 schema version, u16 0

impl<T: Codec> Iterator for ListIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.left == 0 {
            let (core, state, cursor) = (self.core, self.typed.number(), self.cursor);
            let hand = core.control.hand();
            self.left = raw::read_page(&mut self.page, |data, capacity| core.host.list_read(hand, state, cursor, data, capacity));
            self.at = 0;
            if self.left == 0 {
                return None;
            }
        }
        self.left -= 1;
        let head = &self.page[self.at..self.at + HEAD];
        self.cursor = u64::from_le_bytes(head[..8].try_into().expect("eight bytes"));
        let length = u32::from_le_bytes(head[8..12].try_into().expect("four bytes")) as usize;
        let version = u16::from_le_bytes([head[12], head[13]]);
        let start = self.at + HEAD;
        self.at = start + length;
        Some(self.typed.decode(version, &self.page[start..self.at]))
    }
}

impl<T> Drop for ListIter<'_, T> {
    fn drop(&mut self) {
        self.core.give_page(core::mem::take(&mut self.page));
    }
}
