//! `cove compose up`, `down` and `create` against docker-compose: of one file both make the same, and neither makes
//! anew what the other made.

mod facts;
mod stage;
mod stories;
mod table;
