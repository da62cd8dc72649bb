//! What a user writes, parsed and validated into typed specs; pure functions.
