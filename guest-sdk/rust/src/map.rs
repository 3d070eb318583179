use alloc::vec::Vec;
use core::borrow::Borrow;
use core::convert::TryInto;
use core::marker::PhantomData;

use crate::call::Core;
use crate::codec::{Codec, DecodeError, Encode};
use crate::raw;
use crate::record::Hand;
use crate::state::Typed;

/// A state with a map for each key. Its entries stand in the byte order of their
/// encoded keys: use [`Ordered`](crate::Ordered) for numbers.
/// [`Declaration::map`](crate::Declaration::map) declares it.
pub struct Map<K, V> {
    pub(crate) typed: Typed<V>,
    pub(crate) keys: PhantomData<fn(K) -> K>,
}

impl<K, V> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Map { typed: self.typed.clone(), keys: PhantomData }
    }
}

impl<K: Codec, V: Codec> Map<K, V> {
    /// Declares the schema version of values that are written from now on. `migrate`
    /// reads values of other versions. Keys have no version.
    #[must_use]
    pub fn versioned(mut self, version: u16, migrate: impl Fn(u16, &[u8]) -> Result<V, DecodeError> + 'static) -> Self {
        self.typed.version(version, migrate);
        self
    }

    /// Declares that an entry vanishes so many milliseconds after it was written.
    pub fn expiring(self, time_to_live_ms: u64) -> Self {
        self.typed.declared.time_to_live_ms.set(time_to_live_ms);
        self
    }

    /// The value of one entry.
    pub fn get<Q: Encode + ?Sized>(&self, hand: &Hand, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut encoded = hand.core.take_page();
        encoded.clear();
        key.encode(&mut encoded);
        let state = self.typed.number();
        let found = hand.core.read(
            |host, hand, data, capacity| host.map_get(hand, state, &encoded, data, capacity),
            |version, data| self.typed.decode(version, data),
        );
        hand.core.give_page(encoded);
        found
    }

    /// Writes one entry.
    pub fn put<Q: Encode + ?Sized, U: Encode + ?Sized>(&self, hand: &Hand, key: &Q, value: &U)
    where
        K: Borrow<Q>,
        V: Borrow<U>,
    {
        let state = self.typed.number();
        let mut encoded = hand.core.take_scratch();
        key.encode(&mut encoded);
        let middle = encoded.len();
        value.encode(&mut encoded);
        let (key, value) = encoded.split_at(middle);
        hand.core.host.map_put(hand.core.control.hand(), state, key, value);
        hand.core.give_scratch(encoded);
    }

    /// Removes one entry. Removing one that is not there does nothing.
    pub fn delete<Q: Encode + ?Sized>(&self, hand: &Hand, key: &Q)
    where
        K: Borrow<Q>,
    {
        let state = self.typed.number();
        hand.core.encoded(key, |host, hand, key| host.map_delete(hand, state, key));
    }

    /// The entries of the key in hand. What is written meanwhile is seen where it
    /// stands after the current entry and was not read ahead.
    pub fn iter<'h>(&self, hand: &'h Hand) -> MapIter<'h, K, V> {
        self.scan(hand, None)
    }

    /// The entries whose encoded keys stand after that of `key`.
    pub fn after<'h, Q: Encode + ?Sized>(&self, hand: &'h Hand, key: &Q) -> MapIter<'h, K, V>
    where
        K: Borrow<Q>,
    {
        let mut after = Vec::new();
        key.encode(&mut after);
        self.scan(hand, Some(after))
    }

    fn scan<'h>(&self, hand: &'h Hand, after: Option<Vec<u8>>) -> MapIter<'h, K, V> {
        MapIter { core: hand.core, typed: self.typed.clone(), keys: PhantomData, page: hand.core.take_page(), at: 0, left: 0, after }
    }

    /// Removes all entries of the key in hand.
    pub fn clear(&self, hand: &Hand) {
        hand.core.host.state_clear(hand.core.control.hand(), self.typed.number());
    }
}

/// Walks the entries of a map.
pub struct MapIter<'h, K, V> {
    core: &'h Core,
    typed: Typed<V>,
    keys: PhantomData<fn(K) -> K>,
    page: Vec<u8>,
    at: usize,
    left: u32,
    after: Option<Vec<u8>>,
}

const HEAD: usize = 12; // u32 key length, u32 value length, u16 schema version, u16 0

impl<K: Codec, V: Codec> Iterator for MapIter<'_, K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        if self.left == 0 {
            let (core, state, after) = (self.core, self.typed.number(), self.after.as_deref());
            let hand = core.control.hand();
            self.left = raw::read_page(&mut self.page, |data, capacity| core.host.map_scan(hand, state, after, data, capacity));
            self.at = 0;
            if self.left == 0 {
                return None;
            }
        }
        self.left -= 1;
        let head = &self.page[self.at..self.at + HEAD];
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes")) as usize;
        let (start, version) = (self.at + HEAD, u16::from_le_bytes([head[8], head[9]]));
        let middle = start + word(0);
        self.at = middle + word(4);
        let key = &self.page[start..middle];
        if self.left == 0 {
            let after = self.after.get_or_insert_with(Vec::new);
            after.clear();
            after.extend_from_slice(key);
        }
        let key = K::decode(key).unwrap_or_else(|error| self.typed.unreadable(version, &error));
        Some((key, self.typed.decode(version, &self.page[middle..self.at])))
    }
}

impl<K, V> Drop for MapIter<'_, K, V> {
    fn drop(&mut self) {
        self.core.give_page(core::mem::take(&mut self.page));
    }
}
