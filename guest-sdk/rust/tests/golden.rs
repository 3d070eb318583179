//! The SDK reads the golden batches, and writes them byte for byte but for the
//! origins, which are those of the call.

use std::fs;

use turgo::testing::{Harness, Mode, Options, Row};
use turgo::{Declaration, Emit, Failure, Kind, Operator, Output, Record};

/// Emits each record by its parts and forwarded, in three ways: all in place, all
/// copied, and one of each that follow another.
struct Copier {
    parts: Output,
    whole: Output,
    mixed: Output,
    turn: bool,
}

impl Operator for Copier {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", Self::copy).changes(&[Kind::Insert, Kind::UpdateBefore, Kind::UpdateAfter, Kind::Delete]);
        Copier { parts: d.output("parts"), whole: d.output("whole"), mixed: d.output("mixed"), turn: false }
    }
}

impl Copier {
    fn copy(&mut self, r: &Record) -> Result<(), Failure> {
        let parts = Emit { key: r.key(), value: r.value(), kind: r.kind(), timestamp: r.timestamp(), extensions: r.extensions() };
        self.parts.emit_record(r, &parts);
        self.whole.forward(r);
        self.turn = !self.turn;
        if self.turn {
            self.mixed.forward(r);
        } else {
            self.mixed.emit_record(r, &parts);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Vector {
    name: String,
    bytes: Vec<u8>,
    rows: Vec<Row>,
    error: Option<usize>,
}

fn part(text: &str) -> Option<Vec<u8>> {
    match text {
        "null" => None,
        "empty" => Some(Vec::new()),
        _ => Some((0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()),
    }
}

/// KEY VALUE KIND TIMESTAMP ORIGIN EXTENSIONS
fn row(words: &[&str]) -> Row {
    let kind = match words[2] {
        "insert" => Kind::Insert,
        "update_before" => Kind::UpdateBefore,
        "update_after" => Kind::UpdateAfter,
        "delete" => Kind::Delete,
        other => panic!("kind {}", other),
    };
    let mut row = Row::new(part(words[0]), part(words[1])).of_kind(kind);
    row.timestamp = if words[3] == "none" { None } else { Some(words[3].parse().unwrap()) };
    row.extensions = part(words[5]).unwrap();
    row
}

fn vectors() -> Vec<Vector> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../abi/testdata/batches.txt");
    let mut vectors: Vec<Vector> = Vec::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        match words.first() {
            None => {}
            Some(&"vector") => vectors.push(Vector { name: words[1].to_string(), ..Vector::default() }),
            Some(&"record") => vectors.last_mut().unwrap().rows.push(row(&words[1..])),
            Some(&"error") => vectors.last_mut().unwrap().error = Some(words[1].parse().unwrap()),
            Some(_) => vectors.last_mut().unwrap().bytes.extend(words.iter().map(|word| u8::from_str_radix(word, 16).unwrap())),
        }
    }
    vectors
}

/// The batch with each record's index as its origin.
fn with_origins(batch: &[u8]) -> Vec<u8> {
    let mut batch = batch.to_vec();
    let (mut at, mut index) = (24, 0_u32);
    while at < batch.len() {
        batch[at + 16..at + 20].copy_from_slice(&index.to_le_bytes());
        at += u32::from_le_bytes([batch[at], batch[at + 1], batch[at + 2], batch[at + 3]]) as usize;
        index += 1;
    }
    batch
}

fn harness() -> Harness {
    Harness::new::<Copier>(Mode::Whole, Options::new())
}

#[test]
fn valid_batches_are_reproduced() {
    let mut seen = 0;
    for vector in vectors().iter().filter(|vector| vector.error.is_none()) {
        seen += 1;
        let mut h = harness();
        h.send_encoded("in", &vector.bytes).unwrap();
        for output in ["parts", "whole", "mixed"] {
            assert_eq!(h.output(output), vector.rows, "{}, {}", vector.name, output);
            let batches = h.encoded(output);
            if vector.rows.is_empty() {
                assert!(batches.is_empty(), "{}: a batch without records", vector.name);
            } else if vector.name != "longer_fixed_part" || output == "whole" {
                // A record of a later layout is written in this one, but where the
                // batch is passed on.
                assert_eq!(batches, [with_origins(&vector.bytes)], "{}, {}", vector.name, output);
            }
        }
    }
    assert!(seen >= 9, "{} valid batches", seen);
}

#[test]
fn malformed_batches_are_refused_where_they_are_wrong() {
    let mut seen = 0;
    for vector in vectors() {
        if let Some(offset) = vector.error {
            seen += 1;
            let error = harness().send_encoded("in", &vector.bytes).expect_err(&vector.name);
            assert_eq!(error.offset, offset, "{}: {}", vector.name, error);
        }
    }
    assert!(seen >= 20, "{} malformed batches", seen);
}
