use turgo::{Context, Counter, Declaration, Emit, Failure, Operator, Output, Record};

use crate::NOT_A_LINE;

const NUMBER_DIGITS_MAX: usize = 15;
const ACCOUNT_BYTES_MAX: usize = 64;

/// Makes a record of each payment that is not small: the account is its key, the
/// cents are its value, 8 bytes little-endian.
pub struct Parse {
    payments: Output,
    small: Counter,
    cents_min: i64,
}

impl Operator for Parse {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("lines", Self::line);
        d.assigns_timestamps();
        d.config_schema(r#"{"type":"object","properties":{"cents_min":{"type":"integer","default":100}},"additionalProperties":false}"#);
        Parse { payments: d.output("payments"), small: d.counter("small"), cents_min: 0 }
    }

    fn open(&mut self, context: &Context) -> Result<(), Failure> {
        self.cents_min = context.config().get_or("cents_min", 100)?;
        Ok(())
    }
}

impl Parse {
    fn line(&mut self, line: &Record) -> Result<(), Failure> {
        let payment = Payment::read(line.value().unwrap_or_default()).map_err(|text| Failure::new(NOT_A_LINE, text))?;
        if payment.cents < self.cents_min {
            self.small.add(line, 1);
            return Ok(());
        }
        let value = payment.cents.to_le_bytes();
        let record = Emit { key: Some(payment.account), value: Some(&value), timestamp: Some(payment.time), ..Emit::default() };
        self.payments.emit_record(line, &record);
        Ok(())
    }
}

/// A line: TIME,ACCOUNT,CENTS,NOTE. The note is not kept.
struct Payment<'a> {
    time: i64,
    account: &'a [u8],
    cents: i64,
}

impl<'a> Payment<'a> {
    /// Reads a line. The error tells the first field that is wrong.
    fn read(line: &'a [u8]) -> Result<Self, &'static str> {
        let mut fields = line.splitn(4, |c| *c == b',');
        let mut field = || fields.next().unwrap_or_default();
        let time = digits(field()).ok_or("not a payment: time")?;
        let account = field();
        if account.is_empty() || account.len() > ACCOUNT_BYTES_MAX {
            return Err("not a payment: account");
        }
        let text = field();
        let cents = match text.strip_prefix(b"-") {
            Some(text) => digits(text).map(|cents| -cents),
            None => digits(text),
        };
        let cents = cents.ok_or("not a payment: cents")?;
        fields.next().ok_or("not a payment: note")?;
        Ok(Payment { time, account, cents })
    }
}

/// Reads decimal digits and nothing else.
fn digits(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > NUMBER_DIGITS_MAX {
        return None;
    }
    text.iter().try_fold(0, |number, c| c.is_ascii_digit().then(|| number * 10 + i64::from(c - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use turgo::testing::{refusal, row, run, run_with, Options, Row};

    fn line(text: &str) -> Row {
        Row::new(turgo::NULL, text)
    }

    fn payment(account: &str, cents: i64, time: i64) -> Row {
        Row::new(account, cents.to_le_bytes()).at(time)
    }

    #[test]
    fn a_line_becomes_a_payment() {
        run::<Parse>(|h| {
            h.send("lines", &[line("5,ada,100,rent, and more"), line("999999999999999,b,99,"), line("07,b,0123,"), line("8,c,-500,")]);
            h.expect("payments", &[payment("ada", 100, 5), payment("b", 123, 7)]);
            assert_eq!(h.metric("small"), 2);
        });
    }

    #[test]
    fn what_is_small_is_configured() {
        run_with::<Parse>(Options::new().config(r#"{"cents_min":-10}"#), |h| {
            h.send("lines", &[line("5,ada,-10,"), line("5,ada,-11,")]);
            h.expect("payments", &[payment("ada", -10, 5)]);
        });
        assert_eq!(refusal::<Parse>(r#"{"cents_min":"1"}"#).unwrap(), "config: cents_min must be a whole number (i64)");
        assert_eq!(refusal::<Parse>(r#"{"cents":1}"#).unwrap(), "config: cents is not known");
    }

    #[test]
    fn the_first_wrong_field_is_told() {
        let account = "a".repeat(65);
        let cases = [
            ("", "time"),
            ("-1,a,1,", "time"),
            ("1234567890123456,,,", "time"),
            ("1", "account"),
            ("1,,x,", "account"),
            (&*format!("1,{},1,", account), "account"),
            ("1,a", "cents"),
            ("1,a,--1,", "cents"),
            ("1,a,1.5,", "cents"),
            ("1,a,+1,", "cents"),
            ("1,a,1", "note"),
        ];
        for (text, wrong) in cases {
            run::<Parse>(|h| {
                h.send("lines", &[line(text), line("5,ada,100,")]);
                let failures = h.failures();
                assert_eq!(failures.len(), 1, "{}", text);
                assert_eq!((failures[0].code, &*failures[0].text), (1, &*format!("not a payment: {}", wrong)), "{}", text);
                h.expect("payments", &[payment("ada", 100, 5)]);
            });
        }
    }

    #[test]
    fn a_null_value_is_no_payment() {
        run::<Parse>(|h| {
            h.send("lines", &[Row::new("a", turgo::NULL), row("", "x")]);
            assert_eq!(h.failures().len(), 2);
        });
    }
}
