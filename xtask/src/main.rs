//! Set-up, demo, tests, checks, benchmarks and the machine image.
fn main() {}
