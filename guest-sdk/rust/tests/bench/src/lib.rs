//! Operators that show what the SDK costs, and what the host hears of a panic.

use turgo::{Declaration, Emit, Operator, Output, Record};

/// Forwards each record.
struct Pass(Output);

impl Operator for Pass {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", |operator: &mut Self, record| operator.0.forward(record));
        Pass(d.output("out"))
    }
}

/// Forwards each second record, so that each is copied.
struct Half(Output, bool);

impl Operator for Half {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", |operator: &mut Self, record| {
            operator.1 = !operator.1;
            if operator.1 {
                operator.0.forward(record);
            }
        });
        Half(d.output("out"), false)
    }
}

/// Emits each record's key and value.
struct Copy(Output);

impl Operator for Copy {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", |operator: &mut Self, record| operator.0.emit(record, record.key(), record.value()));
        Copy(d.output("out"))
    }
}

/// Emits each record by its parts.
struct Parts(Output);

impl Parts {
    fn emit(&mut self, r: &Record) {
        let parts = Emit { key: r.key(), value: r.value(), kind: r.kind(), timestamp: r.timestamp(), extensions: r.extensions() };
        self.0.emit_record(r, &parts);
    }
}

impl Operator for Parts {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", Self::emit);
        Parts(d.output("out"))
    }
}

/// Panics.
struct Panic;

impl Operator for Panic {
    fn declare(d: &mut Declaration<Self>) -> Self {
        d.input("in", |_: &mut Self, record: &Record| -> () { panic!("a key of {} bytes", record.key().map_or(0, <[u8]>::len)) });
        Panic
    }
}

turgo::operators! {
    "pass" => Pass,
    "half" => Half,
    "copy" => Copy,
    "parts" => Parts,
    "panic" => Panic,
}
