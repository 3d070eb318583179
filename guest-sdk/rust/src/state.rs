//! What the kinds of state have in common.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use core::cell::Cell;

use crate::codec::{Codec, DecodeError};

/// What a state is declared as. Its handles and the declaration share it, so that
/// a handle can be told more: `d.value("total").expiring(20)`.
pub(crate) struct StateDeclaration {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) number: Cell<u32>,
    pub(crate) version: Cell<u16>,
    pub(crate) time_to_live_ms: Cell<u64>,
    pub(crate) prefetch: Cell<bool>,
}

impl StateDeclaration {
    pub(crate) fn new(name: &str, kind: &'static str) -> Rc<StateDeclaration> {
        Rc::new(StateDeclaration {
            name: name.to_string(),
            kind,
            number: Cell::new(0),
            version: Cell::new(0),
            time_to_live_ms: Cell::new(0),
            prefetch: Cell::new(false),
        })
    }
}

type Migrate<T> = Rc<dyn Fn(u16, &[u8]) -> Result<T, DecodeError>>;

/// A declared state and how its entries are read.
pub(crate) struct Typed<T> {
    pub(crate) declared: Rc<StateDeclaration>,
    migrate: Option<Migrate<T>>,
}

impl<T> Clone for Typed<T> {
    fn clone(&self) -> Self {
        Typed { declared: self.declared.clone(), migrate: self.migrate.clone() }
    }
}

impl<T: Codec> Typed<T> {
    pub(crate) fn new(declared: Rc<StateDeclaration>) -> Typed<T> {
        Typed { declared, migrate: None }
    }

    pub(crate) fn version(&mut self, version: u16, migrate: impl Fn(u16, &[u8]) -> Result<T, DecodeError> + 'static) {
        self.declared.version.set(version);
        self.migrate = Some(Rc::new(migrate));
    }

    #[inline(always)]
    pub(crate) fn number(&self) -> u32 {
        self.declared.number.get()
    }

    /// Reads an entry that was written under a schema version.
    #[inline(always)]
    pub(crate) fn decode(&self, version: u16, data: &[u8]) -> T {
        let decoded = match &self.migrate {
            Some(migrate) if version != self.declared.version.get() => migrate(version, data),
            _ => T::decode(data),
        };
        match decoded {
            Ok(value) => value,
            Err(error) => self.unreadable(version, &error),
        }
    }

    /// Ends the call: the state holds what this program cannot read.
    #[cold]
    pub(crate) fn unreadable(&self, version: u16, error: &DecodeError) -> ! {
        panic!("turgo: state {}: an entry of schema version {} cannot be read: {}", self.declared.name, version, error);
    }
}
