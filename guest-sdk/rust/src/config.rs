use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use crate::failure::Failure;
use crate::json::{string, Reader};

/// A JSON object: the operator's config, or an object in it. A field that is `null`
/// counts as missing.
///
/// ```
/// # use turgo::{Context, Failure};
/// # fn open(context: &Context) -> Result<(), Failure> {
/// let gap: i64 = context.config().get_or("gap_ms", 30_000)?;
/// let name: Option<String> = context.config().get("name")?;
/// # Ok(())
/// # }
/// ```
pub struct Config {
    path: String,
    fields: Vec<Field>,
    any: Cell<bool>,
}

struct Field {
    name: String,
    json: Vec<u8>,
    /// The fields of a field that is an object.
    object: Option<Config>,
    asked: Cell<bool>,
}

/// A type that a field of a config can be read as: integers, `f64`, `bool`,
/// `String`, and `Vec` of these.
pub trait FromJson: Sized {
    /// What it must be, for the message where it is something else.
    const WANTED: &'static str;
    /// Reads one JSON value, without space around it.
    fn from_json(json: &[u8]) -> Option<Self>;
}

impl Config {
    pub(crate) fn new(json: &[u8]) -> Option<Config> {
        Config::within(String::new(), json)
    }

    /// Reads an object that stands at a path.
    fn within(path: String, json: &[u8]) -> Option<Config> {
        let mut fields = Vec::new();
        let mut reader = Reader::new(json);
        reader.object(|name, json| {
            // The reader bounds how deep objects stand in each other.
            let object = if json[0] == b'{' { Some(Config::within(format!("{}{}.", path, name), json)?) } else { None };
            fields.push(Field { name, json: json.to_vec(), object, asked: Cell::new(false) });
            Some(())
        })?;
        reader.end()?;
        Some(Config { path, fields, any: Cell::new(false) })
    }

    fn field(&self, name: &str) -> Option<&Field> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        field.asked.set(true);
        (field.json != b"null").then_some(field)
    }

    /// The field's value as JSON; `None` where it is missing.
    pub fn json(&self, name: &str) -> Option<&[u8]> {
        let field = self.field(name)?;
        if let Some(object) = &field.object {
            object.any.set(true);
        }
        Some(&field.json)
    }

    /// The field's value; `None` where it is missing. A value of another type is an error.
    pub fn get<T: FromJson>(&self, name: &str) -> Result<Option<T>, Failure> {
        match self.field(name) {
            None => Ok(None),
            Some(field) => T::from_json(&field.json).map(Some).ok_or_else(|| self.wrong(name, T::WANTED)),
        }
    }

    /// The field's value, or another where it is missing.
    pub fn get_or<T: FromJson>(&self, name: &str, missing: T) -> Result<T, Failure> {
        Ok(self.get(name)?.unwrap_or(missing))
    }

    /// A field that is an object.
    pub fn object(&self, name: &str) -> Result<Option<&Config>, Failure> {
        match self.field(name) {
            None => Ok(None),
            Some(field) => field.object.as_ref().map(Some).ok_or_else(|| self.wrong(name, "an object")),
        }
    }

    /// The names of the fields, in the order of the config.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| &*field.name)
    }

    /// Accepts fields that nobody asks for.
    pub fn allow_unknown(&self) {
        self.any.set(true);
    }

    fn wrong(&self, name: &str, wanted: &str) -> Failure {
        Failure::new(0, format!("config: {}{} must be {}", self.path, name, wanted))
    }

    /// Fails where there is a field that nobody asked for.
    pub(crate) fn check_asked(&self) -> Result<(), Failure> {
        if self.any.get() {
            return Ok(());
        }
        for field in &self.fields {
            if !field.asked.get() {
                return Err(Failure::new(0, format!("config: {}{} is not known", self.path, field.name)));
            }
            if let Some(object) = &field.object {
                object.check_asked()?;
            }
        }
        Ok(())
    }
}

fn parsed<T: core::str::FromStr>(json: &[u8]) -> Option<T> {
    // What parse takes and JSON does not: a plus sign, and the names of numbers.
    matches!(json, [b'-' | b'0'..=b'9', ..]).then(|| ())?;
    core::str::from_utf8(json).ok()?.parse().ok()
}

macro_rules! integers {
    ($($integer:ty),+) => {$(
        impl FromJson for $integer {
            const WANTED: &'static str = concat!("a whole number (", stringify!($integer), ")");
            fn from_json(json: &[u8]) -> Option<Self> {
                parsed(json)
            }
        }
    )+};
}

integers!(i64, u64, i32, u32);

impl FromJson for f64 {
    const WANTED: &'static str = "a number";
    fn from_json(json: &[u8]) -> Option<Self> {
        parsed(json).filter(|number: &f64| number.is_finite())
    }
}

impl FromJson for bool {
    const WANTED: &'static str = "true or false";
    fn from_json(json: &[u8]) -> Option<Self> {
        match json {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }
}

impl FromJson for String {
    const WANTED: &'static str = "text";
    fn from_json(json: &[u8]) -> Option<Self> {
        string(json)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    const WANTED: &'static str = "a list";
    fn from_json(json: &[u8]) -> Option<Self> {
        let mut elements = Vec::new();
        Reader::new(json).array(|element| {
            elements.push(T::from_json(element)?);
            Some(())
        })?;
        Some(elements)
    }
}
