use alloc::vec::Vec;
use core::convert::TryInto;

const HEADER_TYPE: u16 = 1;
const NULL: u32 = 1 << 31;
const HEAD: usize = 8;

/// One header of a record, such as a message queue has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name. The ABI does not say that it is text.
    pub name: &'a [u8],
    /// Its value; `None` where it is null.
    pub value: Option<&'a [u8]>,
}

/// The headers of a record, in order. Names may repeat.
#[derive(Clone)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    pub(crate) fn new(extensions: &'a [u8]) -> Headers<'a> {
        Headers { rest: extensions }
    }

    /// The last header of that name.
    pub fn find(self, name: &str) -> Option<Header<'a>> {
        self.filter(|header| header.name == name.as_bytes()).last()
    }
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"))
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        while !self.rest.is_empty() {
            let (kind, length) = (word(self.rest) as u16, word(&self.rest[4..]) as usize);
            let (content, rest) = self.rest[HEAD..].split_at(length);
            self.rest = rest;
            if kind != HEADER_TYPE {
                continue;
            }
            let length = word(content);
            let (name, value) = content[4..].split_at((length & !NULL) as usize);
            return Some(Header { name, value: (length & NULL == 0).then_some(value) });
        }
        None
    }
}

/// Appends an extension to encoded ones.
pub fn push_extension(extensions: &mut Vec<u8>, kind: u16, content: &[u8]) {
    extensions.extend_from_slice(&u32::from(kind).to_le_bytes());
    extensions.extend_from_slice(&(content.len() as u32).to_le_bytes());
    extensions.extend_from_slice(content);
}

/// Appends a header to encoded extensions. No value is a null one.
///
/// ```
/// let mut extensions = Vec::new();
/// turgo::push_header(&mut extensions, "trace", Some(b"2a"));
/// ```
pub fn push_header(extensions: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    let content = value.unwrap_or(&[]);
    extensions.extend_from_slice(&u32::from(HEADER_TYPE).to_le_bytes());
    extensions.extend_from_slice(&((4 + name.len() + content.len()) as u32).to_le_bytes());
    let null = if value.is_none() { NULL } else { 0 };
    extensions.extend_from_slice(&(name.len() as u32 | null).to_le_bytes());
    extensions.extend_from_slice(name.as_bytes());
    extensions.extend_from_slice(content);
}
