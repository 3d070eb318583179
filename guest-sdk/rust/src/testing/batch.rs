//! Batches as the host makes and checks them: SPEC.md section 6.

use std::convert::TryInto;
use std::fmt;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::row::Row;
use crate::raw::{FIXED, HEADER, NO_TIMESTAMP};
use crate::record::{timestamp, Kind};

const BATCH_MAX: usize = 64 << 20;
const EXTENSION_HEAD: usize = 8;
const MUST_UNDERSTAND: u16 = 1 << 15;
const HEADER_TYPE: u16 = 1;
const NULL: u32 = 1 << 31;

/// Says where bytes stop being a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedBatch {
    /// In bytes from the batch's start.
    pub offset: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for MalformedBatch {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "the batch is malformed at byte {}: {}", self.offset, self.reason)
    }
}

fn malformed<T>(offset: usize, reason: &str) -> Result<T, MalformedBatch> {
    Err(MalformedBatch { offset, reason: reason.to_string() })
}

/// Encodes rows as a batch.
pub(super) fn build<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Vec<u8> {
    let mut batch = begin(FIXED as u16);
    let mut count = 0;
    for row in rows {
        let (key, value) = (row.key.as_deref().unwrap_or_default(), row.value.as_deref().unwrap_or_default());
        let size = FIXED + key.len() + value.len() + row.extensions.len();
        let flags = u32::from(row.key.is_none()) | u32::from(row.value.is_none()) << 1 | (row.kind as u32) << 2;
        push32(&mut batch, &[size as u32, flags]);
        batch.extend_from_slice(&row.timestamp.unwrap_or(NO_TIMESTAMP).to_le_bytes());
        push32(&mut batch, &[count, key.len() as u32, value.len() as u32]);
        for part in [key, value, &row.extensions] {
            batch.extend_from_slice(part);
        }
        count += 1;
    }
    end(&mut batch, count);
    batch
}

/// Begins a batch whose records have a fixed part of that length.
pub(super) fn begin(fixed: u16) -> Vec<u8> {
    let mut batch = b"TRGB\x01\x00".to_vec();
    batch.extend_from_slice(&fixed.to_le_bytes());
    batch.resize(HEADER, 0);
    batch
}

pub(super) fn push32(to: &mut Vec<u8>, words: &[u32]) {
    for word in words {
        to.extend_from_slice(&word.to_le_bytes());
    }
}

/// Ends a batch of so many records.
pub(super) fn end(batch: &mut [u8], count: u32) {
    let length = batch.len() as u32;
    batch[8..12].copy_from_slice(&count.to_le_bytes());
    batch[12..16].copy_from_slice(&length.to_le_bytes());
}

fn load16(data: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(data[at..at + 2].try_into().expect("two bytes"))
}

fn load32(data: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(data[at..at + 4].try_into().expect("four bytes"))
}

fn load64(data: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(data[at..at + 8].try_into().expect("eight bytes"))
}

/// Checks bytes as the host does what a guest emits while it handles so many
/// records, and decodes them with their origins.
pub(super) fn parse(data: &[u8], origins: u64) -> Result<Vec<(Row, u32)>, MalformedBatch> {
    let fixed = parse_header(data)?;
    let count = load32(data, 8);
    let (mut rows, mut at) = (Vec::new(), HEADER);
    for _ in 0..count {
        let (row, origin, size) = parse_record(data, at, fixed, origins)?;
        rows.push((row, origin));
        at += size;
    }
    if at != data.len() {
        return malformed(at, &format!("{} bytes follow the last of {} records", data.len() - at, count));
    }
    Ok(rows)
}

fn parse_header(data: &[u8]) -> Result<usize, MalformedBatch> {
    if data.len() < HEADER {
        return malformed(data.len(), "the header is cut off");
    }
    if data.len() > BATCH_MAX {
        return malformed(BATCH_MAX, "a batch has at most 64 MiB");
    }
    if &data[..4] != b"TRGB" {
        return malformed(0, "the magic is not TRGB");
    }
    if data[4] != 1 {
        return malformed(4, "the version is not 1");
    }
    if data[5] != 0 {
        return malformed(5, "the encoding is not 0");
    }
    let fixed = usize::from(load16(data, 6));
    if fixed < FIXED {
        return malformed(6, "the fixed part is shorter than 28");
    }
    if load32(data, 12) as usize != data.len() {
        return malformed(12, &format!("the length is not that of the {} bytes", data.len()));
    }
    if load64(data, 16) != 0 {
        return malformed(16, "flags or reserved bytes are not 0");
    }
    Ok(fixed)
}

fn parse_record(data: &[u8], at: usize, fixed: usize, origins: u64) -> Result<(Row, u32, usize), MalformedBatch> {
    let rest = &data[at..];
    if rest.len() < fixed {
        return malformed(at, "a record's fixed part is cut off");
    }
    let size = load32(rest, 0) as usize;
    if size > rest.len() {
        return malformed(at, "a record is longer than the batch");
    }
    let flags = load32(rest, 4);
    if flags & !15 != 0 {
        return malformed(at + 4, "unknown flags, or reserved bytes that are not 0");
    }
    let origin = load32(rest, 16);
    if u64::from(origin) >= origins {
        return malformed(at + 16, &format!("the origin is {}, and there are {} records", origin, origins));
    }
    let (key, value) = (u64::from(load32(rest, 20)), u64::from(load32(rest, 24)));
    if (size as u64) < fixed as u64 + key + value {
        return malformed(at + 20, "key and value are longer than the record");
    }
    if flags & 1 != 0 && key != 0 {
        return malformed(at + 20, "a null key has bytes");
    }
    if flags & 2 != 0 && value != 0 {
        return malformed(at + 24, "a null value has bytes");
    }
    let (middle, end) = (fixed + key as usize, fixed + key as usize + value as usize);
    check_extensions(&rest[end..size], at + end)?;
    let row = Row {
        key: (flags & 1 == 0).then(|| rest[fixed..middle].to_vec()),
        value: (flags & 2 == 0).then(|| rest[middle..end].to_vec()),
        kind: Kind::from_bits((flags >> 2) as u8),
        timestamp: timestamp(load64(rest, 8) as i64),
        extensions: rest[end..size].to_vec(),
    };
    Ok((row, origin, size))
}

fn check_extensions(mut rest: &[u8], mut at: usize) -> Result<(), MalformedBatch> {
    while !rest.is_empty() {
        if rest.len() < EXTENSION_HEAD {
            return malformed(at, "an extension's head is cut off");
        }
        let kind = load16(rest, 0);
        if kind & MUST_UNDERSTAND != 0 {
            return malformed(at, "an extension must be understood, and is not");
        }
        if load16(rest, 2) != 0 {
            return malformed(at + 2, "reserved bytes are not 0");
        }
        let length = load32(rest, 4) as usize;
        if length > rest.len() - EXTENSION_HEAD {
            return malformed(at + 4, "an extension is longer than the record");
        }
        let (content, after) = rest[EXTENSION_HEAD..].split_at(length);
        if kind == HEADER_TYPE && !is_header(content) {
            return malformed(at + EXTENSION_HEAD, "a header does not hold what it tells of");
        }
        rest = after;
        at += EXTENSION_HEAD + length;
    }
    Ok(())
}

fn is_header(content: &[u8]) -> bool {
    if content.len() < 4 {
        return false;
    }
    let name = load32(content, 0);
    let (length, after) = ((name & !NULL) as usize, content.len() - 4);
    length <= after && (name & NULL == 0 || length == after)
}
