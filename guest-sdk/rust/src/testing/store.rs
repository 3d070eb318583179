//! The keyed state and the timers of one operator.

use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

/// Names one entry: the value of a key, one element of a list (by its cursor), or
/// one entry of a map (by its sub-key).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    pub(super) state: u32,
    pub(super) key: Vec<u8>,
    pub(super) cursor: u64,
    pub(super) sub: Vec<u8>,
}

impl Address {
    /// The value of a key, which is also where the entries of a key begin.
    pub(super) fn value(state: u32, key: &[u8]) -> Address {
        Address { state, key: key.to_vec(), cursor: 0, sub: Vec::new() }
    }
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) data: Vec<u8>,
    pub(super) version: u16,
    /// In processing time.
    pub(super) expires: Option<i64>,
}

/// In the order in which timers fire.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SetTimer {
    pub(super) time: i64,
    pub(super) declaration: u32,
    pub(super) key: Vec<u8>,
}

#[derive(Clone, Default)]
pub(super) struct Store {
    pub(super) entries: BTreeMap<Address, Entry>,
    pub(super) timers: BTreeSet<SetTimer>,
    /// Of the last element of a list.
    pub(super) cursor: u64,
}

impl Store {
    /// The entry at an address, if it has not expired.
    pub(super) fn get(&self, address: &Address, now: i64) -> Option<&Entry> {
        self.entries.get(address).filter(|entry| entry.is_live(now))
    }

    /// The entries of one state of a key, in order, without those that expired.
    pub(super) fn of<'s>(&'s self, state: u32, key: &'s [u8], now: i64) -> impl Iterator<Item = (&'s Address, &'s Entry)> {
        self.entries
            .range(Address::value(state, key)..)
            .take_while(move |(address, _)| address.state == state && address.key == key)
            .filter(move |(_, entry)| entry.is_live(now))
    }

    pub(super) fn clear(&mut self, state: u32, key: &[u8]) {
        self.entries.retain(|address, _| address.state != state || address.key != key);
    }

    /// A copy whose states and timers have other numbers. What has none is dropped.
    pub(super) fn renumbered(&self, state: impl Fn(u32) -> Option<u32>, timer: impl Fn(u32) -> Option<u32>) -> Store {
        let entries = self.entries.iter().filter_map(|(address, entry)| {
            let state = state(address.state)?;
            Some((Address { state, ..address.clone() }, entry.clone()))
        });
        let timers = self.timers.iter().filter_map(|set| Some(SetTimer { declaration: timer(set.declaration)?, ..set.clone() }));
        Store { entries: entries.collect(), timers: timers.collect(), cursor: self.cursor }
    }
}

impl Entry {
    fn is_live(&self, now: i64) -> bool {
        self.expires.map_or(true, |expires| now < expires)
    }
}
