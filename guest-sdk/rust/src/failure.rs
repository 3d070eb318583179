use alloc::borrow::Cow;
use alloc::string::ToString;
use core::fmt::Display;

/// Why a record failed. The code is the author's own, 0 = none. Whatever can be
/// displayed becomes a failure without a code by `?`:
///
/// ```
/// # use turgo::Failure;
/// fn cents(text: &str) -> Result<i64, Failure> {
///     if text.is_empty() {
///         return Err(Failure::new(7, "no cents"));
///     }
///     Ok(text.parse::<i64>()?)
/// }
/// # assert_eq!(cents("").unwrap_err().code(), 7);
/// # assert_eq!(cents("x").unwrap_err().text(), "invalid digit found in string");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: u32,
    text: Cow<'static, str>,
}

impl Failure {
    /// A failure with a code and a text.
    pub fn new(code: u32, text: impl Into<Cow<'static, str>>) -> Failure {
        Failure { code, text: text.into() }
    }

    /// The author's code.
    pub fn code(&self) -> u32 {
        self.code
    }

    /// What went wrong.
    pub fn text(&self) -> &str {
        &self.text
    }
}

// Failure has no Display of its own, or this would be its own From too.
impl<E: Display> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure { code: 0, text: Cow::Owned(error.to_string()) }
    }
}

/// What a handler may return: nothing, or a result whose error fails what is in hand.
pub trait Outcome {
    /// The outcome as a result.
    fn into_result(self) -> Result<(), Failure>;
}

impl Outcome for () {
    #[inline(always)]
    fn into_result(self) -> Result<(), Failure> {
        Ok(())
    }
}

impl<E: Into<Failure>> Outcome for Result<(), E> {
    #[inline(always)]
    fn into_result(self) -> Result<(), Failure> {
        self.map_err(Into::into)
    }
}
