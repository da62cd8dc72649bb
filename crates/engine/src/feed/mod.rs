//! What the engine has, for those who follow it: one reader of events for all of them.
//!
//! The reader ([`reader`]) listens to the engine's events, and reads again what they tell of. What that changes
//! ([`rows`]) is a line with the next number, of which the last ones are kept ([`lines`]). Whoever follows ([`followers`]) takes
//! lines at their own pace: a queue of their own there is none. Who is behind the oldest line that is kept, be it because
//! they are slow or because they come back after a while, gets all rows in place of the changes.
//!
//! A feed begins with the first who follows, and ends a while after the last.

mod followers;
mod lines;
mod reader;
mod rows;
#[cfg(test)]
mod tests;

pub(crate) use followers::{Feeds, follow};
