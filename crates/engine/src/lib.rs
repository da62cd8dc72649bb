//! The use-cases: state database, life cycles, volumes, networks, events; implements the traits.
