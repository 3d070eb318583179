use core::borrow::Borrow;

use crate::codec::{Codec, DecodeError, Encode};
use crate::record::Hand;
use crate::state::Typed;

/// A state with one value for each key. [`Declaration::value`](crate::Declaration::value)
/// declares it.
pub struct Value<T> {
    pub(crate) typed: Typed<T>,
}

impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        Value { typed: self.typed.clone() }
    }
}

impl<T: Codec> Value<T> {
    /// Declares the schema version of what is written from now on. `migrate` reads
    /// values of other versions.
    #[must_use]
    pub fn versioned(mut self, version: u16, migrate: impl Fn(u16, &[u8]) -> Result<T, DecodeError> + 'static) -> Self {
        self.typed.version(version, migrate);
        self
    }

    /// Declares that a value vanishes so many milliseconds after it was written.
    pub fn expiring(self, time_to_live_ms: u64) -> Self {
        self.typed.declared.time_to_live_ms.set(time_to_live_ms);
        self
    }

    /// Declares that the host reads the values of all keys of a batch before it
    /// calls: for state that is larger than memory.
    pub fn prefetched(self) -> Self {
        self.typed.declared.prefetch.set(true);
        self
    }

    /// The value of the key in hand.
    #[inline(always)]
    pub fn get(&self, hand: &Hand) -> Option<T> {
        self.read(hand, |version, data| self.typed.decode(version, data))
    }

    /// Reads the bytes of the value of the key in hand, with the schema version that
    /// they were written under: for what a decoded value would copy.
    #[inline(always)]
    pub fn read<R>(&self, hand: &Hand, read: impl FnOnce(u16, &[u8]) -> R) -> Option<R> {
        let state = self.typed.number();
        hand.core.read(|host, hand, data, capacity| host.state_get(hand, state, data, capacity), read)
    }

    /// Writes the value of the key in hand.
    #[inline(always)]
    pub fn put<V: Encode + ?Sized>(&self, hand: &Hand, value: &V)
    where
        T: Borrow<V>,
    {
        let state = self.typed.number();
        hand.core.encoded(value, |host, hand, data| host.state_put(hand, state, data));
    }

    /// Removes the value of the key in hand.
    pub fn clear(&self, hand: &Hand) {
        hand.core.host.state_clear(hand.core.control.hand(), self.typed.number());
    }
}
