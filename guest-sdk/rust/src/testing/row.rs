use std::fmt;
use std::string::String;
use std::vec::Vec;

use crate::headers::push_header;
use crate::output::Part;
use crate::record::Kind;

/// A record to send or to expect.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// `None` = null.
    pub key: Option<Vec<u8>>,
    /// `None` = null.
    pub value: Option<Vec<u8>>,
    /// What it does.
    pub kind: Kind,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// As they are encoded.
    pub extensions: Vec<u8>,
}

/// An insert with a key and a value of text, and no timestamp.
pub fn row(key: &str, value: &str) -> Row {
    Row::new(key, value)
}

impl Row {
    /// An insert with a key and a value, and no timestamp.
    pub fn new(key: impl Part, value: impl Part) -> Row {
        Row {
            key: key.part().map(<[u8]>::to_vec),
            value: value.part().map(<[u8]>::to_vec),
            kind: Kind::Insert,
            timestamp: None,
            extensions: Vec::new(),
        }
    }

    /// The row with a timestamp, in milliseconds since the epoch.
    #[must_use]
    pub fn at(mut self, timestamp: i64) -> Row {
        self.timestamp = Some(timestamp);
        self
    }

    /// The row as another kind of change.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Row {
        self.kind = kind;
        self
    }

    /// The row with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: Option<&[u8]>) -> Row {
        push_header(&mut self.extensions, name, value);
        self
    }
}

/// As a test's message shows it.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.kind != Kind::Insert {
            write!(f, "{} ", self.kind.name())?;
        }
        for (before, part) in [("", &self.key), ("=", &self.value)] {
            match part {
                None => write!(f, "{}null", before)?,
                Some(bytes) => write!(f, "{}{:?}", before, String::from_utf8_lossy(bytes))?,
            }
        }
        if let Some(timestamp) = self.timestamp {
            write!(f, " at {}", timestamp)?;
        }
        if !self.extensions.is_empty() {
            write!(f, " with extensions {:02x?}", self.extensions)?;
        }
        Ok(())
    }
}
