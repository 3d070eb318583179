use std::fmt::Write;

use turgo::{Counter, Declaration, Emit, Failure, Fired, Map, Operator, Ordered, Output, Record, Timer};

use crate::{is_late, payment};

const MINUTE_MS: i64 = 60_000;

/// Counts the payments of each account in each minute of event time, and tells a
/// minute's count when the watermark has passed it.
pub struct Count {
    minutes: Map<Ordered<i64>, i64>, // by the minute's start
    end: Timer,                      // of a minute
    late: Counter,
    counts: Output,
    text: String,
}

impl Operator for Count {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("payments", Self::add);
        Count {
            minutes: d.map("minutes"),
            end: d.event_timer("minute_end", Self::tell),
            late: d.counter("late"),
            counts: d.output("counts"),
            text: String::new(),
        }
    }
}

impl Count {
    fn add(&mut self, record: &Record) -> Result<(), Failure> {
        let (time, _) = payment(record)?;
        if is_late(record, time) {
            self.late.add(record, 1);
            return Ok(());
        }
        let start = time - time.rem_euclid(MINUTE_MS);
        let count = self.minutes.get(record, &Ordered(start));
        self.minutes.put(record, &Ordered(start), &(count.unwrap_or(0) + 1));
        if count.is_none() {
            self.end.set(record, start + MINUTE_MS);
        }
        Ok(())
    }

    fn tell(&mut self, end: &Fired) -> Result<(), Failure> {
        let start = end.time() - MINUTE_MS;
        if let Some(count) = self.minutes.get(end, &Ordered(start)) {
            self.minutes.delete(end, &Ordered(start));
            self.text.clear();
            write!(self.text, "{} {}", start, count)?;
            let timestamp = Some(end.time() - 1);
            self.counts.emit_record(end, &Emit { key: end.key(), value: Some(self.text.as_bytes()), timestamp, ..Emit::default() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use turgo::testing::{row, run, Row};

    fn paid(account: &str, time: i64) -> Row {
        Row::new(account, 7_i64.to_le_bytes()).at(time)
    }

    #[test]
    fn a_minute_is_told_when_it_is_over() {
        run::<Count>(|h| {
            h.send("payments", &[paid("a", 0), paid("a", 59_999), paid("b", 30_000), paid("a", 60_000), paid("a", -1)]);
            h.advance_watermark(59_999);
            h.expect("counts", &[row("a", "-60000 1").at(-1)]);
            h.advance_watermark(60_000);
            h.expect("counts", &[row("a", "0 2").at(59_999), row("b", "0 1").at(59_999)]);
            h.end();
            h.expect("counts", &[row("a", "60000 1").at(119_999)]);
        });
    }

    #[test]
    fn what_is_late_is_counted_apart() {
        run::<Count>(|h| {
            h.advance_watermark(50_000);
            h.send("payments", &[paid("a", 49_999), paid("a", 50_000)]);
            h.end();
            h.expect("counts", &[row("a", "0 1").at(59_999)]);
            assert_eq!(h.metric("late"), 1);
        });
    }

    #[test]
    fn only_payments_are_counted() {
        run::<Count>(|h| {
            h.send("payments", &[row("a", "12345678"), row("a", "1234567").at(5), Row::new("a", turgo::NULL).at(5)]);
            let failures = h.failures();
            assert_eq!(failures.len(), 3);
            assert_eq!((failures[0].code, &*failures[0].text), (2, "not a payment"));
        });
    }
}
