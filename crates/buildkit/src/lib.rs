//! BuildKit's API, as far as Docker's clients build through it: `docker buildx`, Compose, and the docker command line.
//!
//! A client opens two connections. Over one it calls us ([`BuildKit::grpc`]): a build is asked for, its end waited for and
//! its progress followed (`control.rs`); what is built may come in between, as the work of a *frontend* (`bridge.rs`). Over the other
//! we call it ([`BuildKit::session`]): for the files of the context, for secrets and credentials (`session/`). What is
//! asked for becomes options of the engine's own builder (`attributes.rs`), which runs the build (`work.rs`). The context is
//! received into a folder that the next build of the same client finds again (`mirror/`), so that only what has changed
//! is sent.
//!
//! Nothing here knows HTTP's routes: the connections come from `cove-server`. The messages are those of BuildKit's
//! protocol (`messages/`); of its graph of operations (LLB) nothing is done, and all that is not done is refused by name.

mod attributes;
mod bridge;
mod builds;
mod control;
mod daemon;
mod dockerfile;
mod error;
mod grpc;
mod messages;
mod mirror;
mod output;
mod progress;
mod session;
mod work;

pub use daemon::BuildKit;
pub use session::SessionHeaders;
