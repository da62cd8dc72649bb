//! An engine in memory, for everything that is written over the engine traits.
//!
//! It notes every call as a line of text ([`FakeEngine::calls`]) and answers from [`Contents`]. There are two forms:
//! a still life ([`FakeEngine::default`]) answers every name with the same sample objects, whatever is done to them;
//! a living one ([`FakeEngine::living`]) holds containers and images that change, and tells events.
//!
//! Some names behave in a way of their own:
//!
//! | name | what |
//! |---|---|
//! | [`BROKEN`] | every call fails; removing such an image is reported as an error |
//! | `idle` | a container or session that never says anything and never ends |
//! | `quiet` | a session without input |
//! | `missing` | a session whose command does not exist |
//! | `panic` | inspecting it panics |
//! | `endless` | a log that goes on for ever |
//! | `half` | a pull or archive that breaks off in the middle; events of such a container do, too |
//! | `nothing` | an archive that fails before its first byte |
//! | `never` | a pull that never ends |

mod artifacts;
mod containers;
mod execs;
mod fake;
mod files;
mod images;
mod kube;
mod manifests;
mod networks;
mod pods;
mod quadlets;
pub mod sample;
mod secrets;
mod system;
mod units;
mod volumes;

pub use fake::{BROKEN, Contents, FakeEngine};
