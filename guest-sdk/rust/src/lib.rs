#![doc = include_str!("../README.md")]
#![no_std]
#![warn(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod aggregation;
mod call;
mod codec;
mod config;
mod declaration;
mod describe;
#[doc(hidden)]
pub mod exports;
mod failure;
mod headers;
mod host;
mod instance;
mod json;
mod list;
mod map;
mod operator;
mod output;
mod raw;
mod record;
mod state;
#[cfg(all(feature = "std", not(target_arch = "wasm32")))]
pub mod testing;
mod timer;
mod value;

pub use aggregation::{Aggregation, Group, Member, Members};
pub use codec::{Codec, DecodeError, Encode, Ordered};
pub use config::{Config, FromJson};
pub use declaration::{Declaration, InputDeclaration};
pub use failure::{Failure, Outcome};
pub use headers::{push_extension, push_header, Header, Headers};
pub use host::Level;
pub use list::{List, ListIter};
pub use map::{Map, MapIter};
pub use operator::{Context, Operator};
pub use output::{Emit, Output, Part, NULL};
pub use record::{Batch, Fired, Hand, Kind, Record};
pub use timer::{Counter, Gauge, Timer};
pub use value::Value;

/// The watermark before any.
pub const WATERMARK_MIN: i64 = i64::MIN;
/// The watermark at the end of a bounded input. An event timer of this time
/// fires when all input has been read.
pub const WATERMARK_MAX: i64 = i64::MAX;
