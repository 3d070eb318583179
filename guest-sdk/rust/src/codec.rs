use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use core::convert::TryInto;
use core::fmt;

/// Turns a value into bytes.
pub trait Encode {
    /// Appends the bytes of the value.
    fn encode(&self, to: &mut Vec<u8>);
}

/// A type that state can hold. The formats are those of Turgo's other SDKs, so
/// that a module in another language reads the same state: integers are 8 bytes,
/// little-endian, text and bytes stand as they are.
///
/// ```
/// use turgo::{Codec, DecodeError, Encode};
///
/// struct Point { x: i64, y: i64 }
///
/// impl Encode for Point {
///     fn encode(&self, to: &mut Vec<u8>) {
///         self.x.encode(to);
///         self.y.encode(to);
///     }
/// }
///
/// impl Codec for Point {
///     fn decode(data: &[u8]) -> Result<Self, DecodeError> {
///         if data.len() != 16 {
///             return Err(DecodeError::new("a point has 16 bytes"));
///         }
///         Ok(Point { x: i64::decode(&data[..8])?, y: i64::decode(&data[8..])? })
///     }
/// }
/// ```
pub trait Codec: Encode + Sized {
    /// Makes a value of its bytes.
    fn decode(data: &[u8]) -> Result<Self, DecodeError>;
}

/// Why bytes in state are no value of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    text: Cow<'static, str>,
}

impl DecodeError {
    /// An error that says what is wrong.
    pub fn new(text: impl Into<Cow<'static, str>>) -> DecodeError {
        DecodeError { text: text.into() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    #[inline(always)]
    fn encode(&self, to: &mut Vec<u8>) {
        (**self).encode(to);
    }
}

fn word(data: &[u8]) -> Result<[u8; 8], DecodeError> {
    data.try_into().map_err(|_| DecodeError::new("an integer in state does not have 8 bytes"))
}

impl Encode for u64 {
    #[inline(always)]
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }
}

impl Codec for u64 {
    #[inline(always)]
    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        word(data).map(u64::from_le_bytes)
    }
}

impl Encode for i64 {
    #[inline(always)]
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }
}

impl Codec for i64 {
    #[inline(always)]
    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        word(data).map(i64::from_le_bytes)
    }
}

/// An integer whose bytes are in the order of the numbers: 8 bytes, big-endian, the
/// sign bit flipped where it has one. It is for the keys of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordered<T>(pub T);

impl Encode for Ordered<u64> {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.0.to_be_bytes());
    }
}

impl Codec for Ordered<u64> {
    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        word(data).map(|word| Ordered(u64::from_be_bytes(word)))
    }
}

const SIGN: u64 = 1 << 63;

impl Encode for Ordered<i64> {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&(self.0 as u64 ^ SIGN).to_be_bytes());
    }
}

impl Codec for Ordered<i64> {
    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        word(data).map(|word| Ordered((u64::from_be_bytes(word) ^ SIGN) as i64))
    }
}

impl Encode for [u8] {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }
}

impl Encode for Vec<u8> {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }
}

impl Codec for Vec<u8> {
    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        Ok(data.to_vec())
    }
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }
}

impl<const N: usize> Codec for [u8; N] {
    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        data.try_into().map_err(|_| DecodeError::new("an array in state has another length"))
    }
}

impl Encode for str {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_bytes());
    }
}

impl Encode for String {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_bytes());
    }
}

impl Codec for String {
    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        core::str::from_utf8(data).map(ToOwned::to_owned).map_err(|_| DecodeError::new("text in state is not UTF-8"))
    }
}

/// Nothing, as the values of a map that is a set.
impl Encode for () {
    fn encode(&self, _to: &mut Vec<u8>) {}
}

impl Codec for () {
    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        if data.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::new("there is something where nothing was expected"))
        }
    }
}
