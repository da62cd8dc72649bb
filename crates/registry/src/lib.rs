//! References, authentication, the OCI distribution protocol, transports and the one copy loop.
