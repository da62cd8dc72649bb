//! The desktop's core without a window: one call and one stream of events over client and machine.
