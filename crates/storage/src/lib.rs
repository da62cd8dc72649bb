//! The on-disk store, compatible with containers/storage.
