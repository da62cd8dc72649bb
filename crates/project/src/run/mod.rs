//! Doing it: through any engine, with a word about each step.

mod check;
mod down;
mod files;
mod order;
mod progress;
mod replace;
mod up;
mod wait;

pub use down::{Down, DownOptions, down, stop};
pub use progress::{Event, Sink, Status};
pub use up::{UpOptions, up};
pub use wait::{Awaited, until};
