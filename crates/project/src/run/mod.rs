//! Doing it: through any engine, with a word about each step.

mod check;
mod down;
mod files;
mod make;
mod one_off;
mod order;
mod progress;
mod stop;
mod up;
mod wait;

pub use check::check;
pub use down::{Down, DownOptions, down};
pub use one_off::{OneOff, one_off};
pub use progress::{Event, Sink, Status};
pub use stop::{stop, stop_one, thaw};
pub use up::{UpOptions, up};
pub use wait::{Awaited, completed, until};
