//! Lines on the console: the only place where PID 1 can say something.

use std::fmt::Display;
use std::io::Write;

use rustix::time::{ClockId, clock_gettime};

use crate::boot_log::PREFIX;

/// Seconds since the kernel started.
pub(super) fn uptime() -> f64 {
    let now = clock_gettime(ClockId::Boottime);
    #[expect(clippy::cast_precision_loss, reason = "seconds since boot are far below 2^52")]
    let seconds = now.tv_sec as f64 + now.tv_nsec as f64 / 1e9;
    seconds
}

/// Says that a stage of the boot has been reached; the host reads these lines back for its time table.
pub(super) fn stage(name: &str) {
    line(format_args!("stage {name} {:.3}", uptime()));
}

/// Reports an error; PID 1 goes on where it can.
pub(super) fn problem(what: &str, error: impl Display) {
    line(format_args!("{what}: {error}"));
}

/// Any other line.
pub(super) fn line(message: impl Display) {
    // The console is standard error; a failure to write to it has no place to be reported to.
    let _ = writeln!(std::io::stderr().lock(), "{PREFIX}{message}");
}
