//! The engine traits over HTTP.
