//! The client side of the OCI distribution protocol.
//!
//! [`RegistryClient`] opens sources and destinations; a session per repository answers challenges, follows redirects without taking
//! credentials along, tries again what may pass, and turns failures into messages.

mod challenge;
mod delete;
mod destination;
mod dns;
mod download;
mod failure;
mod http;
mod open;
mod options;
mod patience;
mod search;
mod session;
mod signatures;
mod source;
mod tls;
mod user;

pub use destination::{PushOptions, RegistryDestination};
pub use download::{Download, download, download_guarded};
pub use open::RegistryClient;
pub use options::{CredentialLookup, RegistryOptions, RetryPolicy};
pub use search::FoundRepository;
pub use source::RegistrySource;
pub use user::credentials;
