//! The module of examples/languages in Rust: four operators that are written in
//! each language and do the same, to the byte.

mod count;
mod parse;
mod sum;

use turgo::{Declaration, Failure, Hand, Kind, Operator, Output, Record};

turgo::operators! {
    "pass" => Pass,
    "parse" => parse::Parse,
    "count" => count::Count,
    "sum" => sum::Sum,
}

/// The code of a line that cannot be read.
const NOT_A_LINE: u32 = 1;
/// The code of a record that is not one of parse.
const NOT_A_PAYMENT: u32 = 2;

/// Passes each record on as it is.
struct Pass {
    out: Output,
}

impl Operator for Pass {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", Self::pass).changes(&[Kind::Insert, Kind::UpdateBefore, Kind::UpdateAfter, Kind::Delete]);
        Pass { out: d.output("out") }
    }
}

impl Pass {
    fn pass(&mut self, record: &Record) {
        self.out.forward(record);
    }
}

/// The time and the cents of a record of parse.
fn payment(record: &Record) -> Result<(i64, i64), Failure> {
    let cents = record.value().and_then(|value| <[u8; 8]>::try_from(value).ok());
    match (record.timestamp(), cents) {
        (Some(time), Some(cents)) => Ok((time, i64::from_le_bytes(cents))),
        _ => Err(Failure::new(NOT_A_PAYMENT, "not a payment")),
    }
}

/// Whether a payment comes after its time was over.
fn is_late(hand: &Hand, time: i64) -> bool {
    time < hand.watermark()
}

#[cfg(test)]
mod tests {
    use super::*;
    use turgo::testing::{row, run, Row};

    #[test]
    fn pass_keeps_all_of_a_record() {
        let rows = [row("a", "1").at(5), Row::new(turgo::NULL, "").of_kind(Kind::Delete).with_header("trace", Some(b"2a"))];
        run::<Pass>(|h| {
            h.send("in", &rows);
            h.expect("out", &rows);
        });
    }
}
