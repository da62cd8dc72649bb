//! HTTP: Docker and libpod routes over the engine traits.
