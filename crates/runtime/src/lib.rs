//! OCI configuration from a container spec; driving the OCI runtime and the monitor; attach, exec and log streams.
