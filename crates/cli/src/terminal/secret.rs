//! Questions to the person at the terminal.

use std::io::{self, BufRead, Write};

use crate::command_error::CommandError;

/// Asks for a line without showing what is typed.
///
/// # Errors
/// Standard input is at its end or cannot be read.
pub(crate) fn ask_secret(prompt: &str) -> Result<String, CommandError> {
    #[cfg(unix)]
    let _quiet = Quiet::enter();
    let answer = ask(prompt);
    let _ = io::stderr().write_all(b"\n");
    answer
}

/// Asks for a line.
///
/// # Errors
/// Standard input is at its end or cannot be read.
pub(crate) fn ask(prompt: &str) -> Result<String, CommandError> {
    let mut error = io::stderr();
    // It may name a file or a registry.
    let prompt = cove_api::shown::line(prompt);
    let _ = error.write_all(prompt.as_bytes()).and_then(|()| error.flush());
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(CommandError::other("standard input ended before the answer"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Most bytes of a password.
const LONGEST: u64 = 64 << 10;

/// Reads standard input to its end; line ends are no part of the secret.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_secret() -> Result<String, CommandError> {
    use std::io::Read;
    let mut text = String::new();
    io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    Ok(text.lines().collect())
}

/// The terminal without echo, as long as this lives.
#[cfg(unix)]
struct Quiet(rustix::termios::Termios);

#[cfg(unix)]
impl Quiet {
    fn enter() -> Option<Self> {
        let before = rustix::termios::tcgetattr(io::stdin()).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes -= rustix::termios::LocalModes::ECHO;
        rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &quiet).ok()?;
        Some(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &self.0);
    }
}
