//! Everything that crosses a process boundary: specs, options, reports, events, error kinds and the engine traits.
