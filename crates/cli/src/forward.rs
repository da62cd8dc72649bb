//! This program as the port forwarder of rootless bridge networks, as which the engine starts it again.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::Path;

use crate::printer::Printer;

/// The only argument. It is no command: it is neither parsed nor listed, and does nothing without a request.
const WORD: &str = "internal-forward-ports";

/// Largest request, in bytes: thousands of ports.
const MAX_REQUEST: u64 = 8 << 20;

/// Program and arguments for the engine's options.
pub(crate) fn command(executable: &Path) -> Vec<OsString> {
    vec![executable.into(), WORD.into()]
}

/// Forwards ports until it is ended, where that is what this process was started for. To be called before there is
/// any thread.
pub(crate) fn take_over() -> Option<u8> {
    let mut words = std::env::args_os().skip(1);
    if words.next()? != WORD || words.next().is_some() {
        return None;
    }
    let printer = Printer::new(true);
    let mut request = String::new();
    if let Err(error) = std::io::stdin().take(MAX_REQUEST).read_to_string(&mut request) {
        printer.error_line(&format!("reading the ports to forward: {error}"));
        return Some(125);
    }
    match cove_network::forward(&request, std::io::stdout()) {
        Ok(()) => Some(0),
        Err(error) => {
            printer.error_line(&crate::command_error::chain(&error));
            Some(125)
        }
    }
}
