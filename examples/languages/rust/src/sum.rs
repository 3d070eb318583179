use std::fmt::Write;

use turgo::{
    Codec, Context, Counter, Declaration, DecodeError, Emit, Encode, Failure, Fired, Map, Operator, Ordered, Output, Record, Timer,
};

use crate::{is_late, payment};

/// A run of payments of an account without a gap. Its first timestamp is its key
/// in the map.
#[derive(Clone, Copy)]
struct Session {
    last: i64,
    cents: i64,
}

/// Two integers, little-endian.
impl Encode for Session {
    fn encode(&self, to: &mut Vec<u8>) {
        self.last.encode(to);
        self.cents.encode(to);
    }
}

impl Codec for Session {
    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        if data.len() != 16 {
            return Err(DecodeError::new("a session does not have 16 bytes"));
        }
        Ok(Session { last: i64::decode(&data[..8])?, cents: i64::decode(&data[8..])? })
    }
}

/// Adds up the payments of each session of an account, and tells the sum when the
/// watermark says that nothing more can belong to it.
pub struct Sum {
    sessions: Map<Ordered<i64>, Session>, // by the first timestamp
    end: Timer,                           // of a session: its last timestamp and the gap
    late: Counter,
    sums: Output,
    gap: i64,
    text: String,
}

impl Operator for Sum {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("payments", Self::add);
        d.config_schema(
            r#"{"type":"object","properties":{"gap_ms":{"type":"integer","minimum":1,"default":30000}},"additionalProperties":false}"#,
        );
        Sum {
            sessions: d.map("sessions"),
            end: d.event_timer("session_end", Self::tell),
            late: d.counter("late"),
            sums: d.output("sums"),
            gap: 0,
            text: String::new(),
        }
    }

    fn open(&mut self, context: &Context) -> Result<(), Failure> {
        self.gap = context.config().get_or("gap_ms", 30_000)?;
        if self.gap < 1 {
            return Err("config: gap_ms must be 1 or more".into());
        }
        Ok(())
    }
}

impl Sum {
    /// Adds a payment to the session that it belongs to, joins two that it connects,
    /// or begins one.
    fn add(&mut self, record: &Record) -> Result<(), Failure> {
        let (time, cents) = payment(record)?;
        if is_late(record, time) {
            self.late.add(record, 1);
            return Ok(());
        }
        let (mut first, mut joined) = (time, Session { last: time, cents });
        for (Ordered(start), session) in self.sessions.iter(record) {
            if time - session.last >= self.gap || start - time >= self.gap {
                continue;
            }
            first = first.min(start);
            joined.last = joined.last.max(session.last);
            joined.cents += session.cents;
            if (first, joined.last) != (start, session.last) {
                self.sessions.delete(record, &Ordered(start));
                self.end.delete(record, session.last + self.gap);
            }
        }
        self.sessions.put(record, &Ordered(first), &joined);
        self.end.set(record, joined.last + self.gap);
        Ok(())
    }

    fn tell(&mut self, end: &Fired) -> Result<(), Failure> {
        let over = self.sessions.iter(end).find(|(_, session)| session.last + self.gap == end.time());
        if let Some((first, session)) = over {
            self.sessions.delete(end, &first);
            self.text.clear();
            write!(self.text, "{} {} {}", first.0, session.last, session.cents)?;
            let timestamp = Some(session.last);
            self.sums.emit_record(end, &Emit { key: end.key(), value: Some(self.text.as_bytes()), timestamp, ..Emit::default() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use turgo::testing::{refusal, row, run_with, Options, Row};

    fn paid(account: &str, cents: i64, time: i64) -> Row {
        Row::new(account, cents.to_le_bytes()).at(time)
    }

    fn gap_of_ten() -> Options {
        Options::new().config(r#"{"gap_ms":10}"#)
    }

    #[test]
    fn a_gap_ends_a_session() {
        run_with::<Sum>(gap_of_ten(), |h| {
            h.send("payments", &[paid("a", 1, 0), paid("a", 2, 9), paid("a", 4, 19), paid("b", 8, 9)]);
            h.advance_watermark(19);
            h.expect("sums", &[row("a", "0 9 3").at(9), row("b", "9 9 8").at(9)]);
            h.end();
            h.expect("sums", &[row("a", "19 19 4").at(19)]);
        });
    }

    #[test]
    fn a_payment_between_joins_two_sessions() {
        run_with::<Sum>(gap_of_ten(), |h| {
            h.send("payments", &[paid("a", 1, 0), paid("a", 2, 18), paid("a", -4, 9), paid("a", 8, 5)]);
            h.end();
            h.expect("sums", &[row("a", "0 18 7").at(18)]);
        });
    }

    #[test]
    fn what_is_late_is_counted_apart() {
        run_with::<Sum>(gap_of_ten(), |h| {
            h.advance_watermark(50);
            h.send("payments", &[paid("a", 1, 49), paid("a", 2, 50)]);
            h.end();
            h.expect("sums", &[row("a", "50 50 2").at(50)]);
            assert_eq!(h.metric("late"), 1);
        });
    }

    #[test]
    fn a_gap_is_at_least_one() {
        assert_eq!(refusal::<Sum>(r#"{"gap_ms":0}"#).unwrap(), "config: gap_ms must be 1 or more");
    }
}
