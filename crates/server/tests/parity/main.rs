//! Client → server → an engine in memory, over a unix socket: every call of the engine traits arrives as it was made
//! and answers as it was answered. Neither root nor a container is needed.

mod client;
mod docker;
mod heads;
mod hostile;
mod images;
mod own;
mod quirks;
mod routes;
mod service;
mod spellings;
mod strangers;
mod streams;
mod tls;
