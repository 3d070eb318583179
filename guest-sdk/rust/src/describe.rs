//! The module's description as JSON: SPEC.md section 10.

use alloc::string::{String, ToString};

use crate::declaration::{InputDeclaration, Shape};
use crate::state::StateDeclaration;

/// Describes a module of operators, of which `operators` has the text and whether
/// they aggregate.
pub(crate) fn module(operators: impl Iterator<Item = (String, bool)>) -> String {
    let (mut list, mut aggregates) = (String::new(), false);
    for (number, (operator, aggregating)) in operators.enumerate() {
        if number > 0 {
            list.push(',');
        }
        list.push_str(&operator);
        aggregates |= aggregating;
    }
    let mut text = String::from(r#"{"abi":"turgo_v1","sdk":"turgo-rust","language":"rust","#);
    if aggregates {
        text.push_str(r#""requires":["aggregate"],"#);
    }
    text.push_str(r#""operators":["#);
    text.push_str(&list);
    text.push_str("]}");
    text
}

/// Describes one operator.
pub(crate) fn operator(name: &str, d: &Shape) -> String {
    let mut text = item(name);
    text.push(',');
    list(&mut text, "inputs", &d.inputs, describe_input);
    text.push(',');
    list(&mut text, "outputs", &d.outputs, |text, output| text.push_str(&item(output.name())));
    optional_list(&mut text, "states", &d.states, |text, state| {
        text.push_str(&item(&state.name));
        field(text, "kind", state.kind);
        describe_life(text, state);
        if state.prefetch.get() {
            text.push_str(r#","prefetch":true"#);
        }
    });
    optional_list(&mut text, "aggregations", &d.aggregations, |text, state| {
        text.push_str(&item(&state.name));
        describe_life(text, state);
    });
    optional_list(&mut text, "timers", &d.timers, |text, (name, domain)| {
        text.push_str(&item(name));
        field(text, "domain", domain);
    });
    optional_list(&mut text, "metrics", &d.metrics, |text, (name, kind)| {
        text.push_str(&item(name));
        field(text, "kind", kind);
    });
    if d.assigns_timestamps {
        text.push_str(r#","assigns_timestamps":true"#);
    }
    if let Some(schema) = &d.config_schema {
        text.push_str(r#","config_schema":"#);
        text.push_str(schema);
    }
    text.push('}');
    text
}

fn describe_input(text: &mut String, input: &InputDeclaration) {
    text.push_str(&item(&input.name));
    for (number, kind) in input.changes.iter().enumerate() {
        text.push_str(if number == 0 { r#","changes":["# } else { "," });
        push_string(text, kind.name());
    }
    if !input.changes.is_empty() {
        text.push(']');
    }
    if let Some(aggregation) = &input.aggregation {
        field(text, "aggregation", aggregation);
    }
}

fn describe_life(text: &mut String, state: &StateDeclaration) {
    if state.time_to_live_ms.get() > 0 {
        text.push_str(r#","time_to_live_ms":"#);
        text.push_str(&state.time_to_live_ms.get().to_string());
    }
    if state.version.get() > 0 {
        text.push_str(r#","schema_version":"#);
        text.push_str(&state.version.get().to_string());
    }
}

/// The beginning of an object with a name.
fn item(name: &str) -> String {
    let mut text = String::from(r#"{"name":"#);
    push_string(&mut text, name);
    text
}

fn field(text: &mut String, name: &str, value: &str) {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str("\":");
    push_string(text, value);
}

/// Writes a list of objects; each is begun by `item` and ended here.
fn list<T>(text: &mut String, name: &str, items: &[T], each: impl Fn(&mut String, &T)) {
    text.push('"');
    text.push_str(name);
    text.push_str("\":[");
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        each(text, item);
        text.push('}');
    }
    text.push(']');
}

/// Writes a list that is left out where it is empty.
fn optional_list<T>(text: &mut String, name: &str, items: &[T], each: impl Fn(&mut String, &T)) {
    if !items.is_empty() {
        text.push(',');
        list(text, name, items, each);
    }
}

/// Appends text as a JSON string.
pub(crate) fn push_string(to: &mut String, text: &str) {
    to.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                to.push('\\');
                to.push(c);
            }
            '\0'..='\x1f' => {
                to.push_str("\\u00");
                to.push(if c < '\x10' { '0' } else { '1' });
                to.push(char::from(b"0123456789abcdef"[c as usize & 15]));
            }
            _ => to.push(c),
        }
    }
    to.push('"');
}
