//! A reader of JSON that allocates only for what is asked of it.

use alloc::string::String;
use alloc::vec::Vec;

const DEPTH_MAX: usize = 64;

/// Reads JSON from front to end. Each method gives `None` where the text is not
/// what was asked for.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Reader<'a> {
        Reader { rest: text }
    }

    fn space(&mut self) {
        while let [b' ' | b'\n' | b'\t' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Skips space and one byte, if that is next.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        if self.rest.first() != Some(&byte) {
            return false;
        }
        self.rest = &self.rest[1..];
        true
    }

    /// There is nothing more.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.space();
        self.rest.is_empty().then_some(())
    }

    /// Calls `field` with each name and value of an object.
    pub(crate) fn object(&mut self, mut field: impl FnMut(String, &'a [u8]) -> Option<()>) -> Option<()> {
        self.list(b'{', b'}', |reader| {
            reader.space();
            let start = reader.rest;
            reader.skip_string()?;
            let name = string(&start[..start.len() - reader.rest.len()])?;
            reader.take(b':').then_some(())?;
            let value = reader.value(0)?;
            field(name, value)
        })
    }

    /// Calls `element` with each element of an array.
    pub(crate) fn array(&mut self, mut element: impl FnMut(&'a [u8]) -> Option<()>) -> Option<()> {
        self.list(b'[', b']', |reader| {
            let value = reader.value(0)?;
            element(value)
        })
    }

    fn list(&mut self, open: u8, close: u8, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(open).then_some(())?;
        if self.take(close) {
            return Some(());
        }
        loop {
            element(self)?;
            if self.take(close) {
                return Some(());
            }
            self.take(b',').then_some(())?;
        }
    }

    /// Skips one value and gives its text.
    fn value(&mut self, depth: usize) -> Option<&'a [u8]> {
        self.space();
        let start = self.rest;
        self.skip(depth)?;
        Some(&start[..start.len() - self.rest.len()])
    }

    fn skip(&mut self, depth: usize) -> Option<()> {
        if depth == DEPTH_MAX {
            return None;
        }
        match self.rest.first()? {
            b'"' => self.skip_string(),
            b'{' => self.list(b'{', b'}', |reader| {
                reader.space();
                reader.skip_string()?;
                reader.take(b':').then_some(())?;
                reader.value(depth + 1).map(|_| ())
            }),
            b'[' => self.list(b'[', b']', |reader| reader.value(depth + 1).map(|_| ())),
            _ => self.skip_word(),
        }
    }

    /// Skips true, false, null or a number.
    fn skip_word(&mut self) -> Option<()> {
        let in_word = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'+' | b'.');
        let length = self.rest.iter().take_while(|c| in_word(c)).count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        match word {
            b"true" | b"false" | b"null" | [b'-' | b'0'..=b'9', ..] => Some(()),
            _ => None,
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        (self.rest.first() == Some(&b'"')).then_some(())?;
        let mut at = 1;
        loop {
            match self.rest.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.rest = &self.rest[at + 1..];
        Some(())
    }
}

/// The text that a whole JSON string holds.
pub(crate) fn string(json: &[u8]) -> Option<String> {
    let mut rest = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut text = Vec::with_capacity(rest.len());
    while let [c, after @ ..] = rest {
        rest = after;
        match c {
            b'"' => return None,
            b'\\' => {
                let (c, after) = escaped(rest)?;
                text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            _ => text.push(*c),
        }
    }
    String::from_utf8(text).ok()
}

/// The character of an escape, behind its backslash, and what follows it.
fn escaped(text: &[u8]) -> Option<(char, &[u8])> {
    let (kind, rest) = text.split_first()?;
    let c = match kind {
        b'"' | b'\\' | b'/' => char::from(*kind),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(rest),
        _ => return None,
    };
    Some((c, rest))
}

/// The character of four hexadecimal digits, or of two such escapes that are one
/// character. Half of such a pair becomes U+FFFD.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (first, rest) = hexadecimal(text)?;
    if (0xd800..0xdc00).contains(&first) {
        if let Some((second, after)) = rest.strip_prefix(b"\\u").and_then(hexadecimal) {
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Some((char::from_u32(code)?, after));
            }
        }
    }
    Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), rest))
}

fn hexadecimal(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.get(..4)?;
    let mut code = 0;
    for digit in digits {
        code = code << 4 | char::from(*digit).to_digit(16)?;
    }
    Some((code, &text[4..]))
}
