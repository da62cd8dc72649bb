//! The process that holds a container: terminal, pipes, logs, exit code.
fn main() {}
