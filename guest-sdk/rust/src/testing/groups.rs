//! Groups of records with their accumulators, as the host makes them: SPEC.md
//! section 15.

use std::vec::Vec;

use super::batch::{begin, build, end, push32};
use super::host::Inner;
use super::row::Row;
use super::store::Address;
use crate::raw::{HEADER, NO_TIMESTAMP};

const GROUP_FIXED: usize = 52;

/// Divides records by key, in the order of the first of each.
pub(super) fn divide(rows: &[Row]) -> Vec<Vec<Row>> {
    let mut groups: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|group| group[0].key == row.key) {
            Some(group) => group.push(row.clone()),
            None => groups.push(Vec::from([row.clone()])),
        }
    }
    groups
}

/// The argument of `turgo_aggregate`.
pub(super) fn argument(inner: &Inner, aggregation: u32, groups: &[Vec<Row>]) -> Vec<u8> {
    let state = inner.accumulator_state(aggregation);
    let mut batch = begin(GROUP_FIXED as u16);
    for group in groups {
        let key = group[0].key.as_deref().expect("an aggregation needs a key");
        let entry = inner.store.get(&Address::value(state, key), inner.processing_time);
        let (accumulator, version) = entry.map_or((&[][..], 0), |entry| (&*entry.data, entry.version));
        let latest = group.iter().map(|row| row.timestamp.unwrap_or(NO_TIMESTAMP)).max();
        let size = GROUP_FIXED + key.len() + accumulator.len();
        push32(&mut batch, &[size as u32, u32::from(entry.is_none()) << 1]);
        batch.extend_from_slice(&latest.expect("a group has records").to_le_bytes());
        push32(&mut batch, &[group.len() as u32, key.len() as u32, accumulator.len() as u32]);
        for _ in ["start", "end"] {
            batch.extend_from_slice(&NO_TIMESTAMP.to_le_bytes());
        }
        push32(&mut batch, &[u32::from(version), (build(group).len() - HEADER) as u32]);
        batch.extend_from_slice(key);
        batch.extend_from_slice(accumulator);
    }
    end(&mut batch, groups.len() as u32);
    batch.resize((batch.len() + 7) & !7, 0);
    batch.extend(build(groups.iter().flatten()));
    batch
}
