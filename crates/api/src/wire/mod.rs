//! Reading requests, and writing queries, in the way that every client of the two APIs relies on: as Go's services
//! read them.
//!
//! - [`json::decode`] reads a body: keys in any case, `null` for any default, data after the first value passed over.
//! - [`query::decode`] reads a query, [`query::encode`] writes one.
//! - [`NotDone`] types a field that the peers document and this version does not do.
//! - `clients` lists, once for all requests, what clients in the field send although it asks for nothing.
//!
//! A field that is not declared is refused by name in a body and passed over in a query, where clients add their own.
//! Every error names the field.
//!
//! A request declares its fields itself, also where another has the same ones: a group by `serde(flatten)` would be read
//! through serde's own buffer, in which keys in another case, unknown keys and [`NotDone`] have lost their meaning.

mod clients;
mod error;
mod integer;
pub mod json;
mod not_done;
pub mod query;
mod trace;
mod tree;

pub use error::WireError;
pub use not_done::NotDone;

/// Whether a number is 0; for `skip_serializing_if`.
pub(crate) fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}
