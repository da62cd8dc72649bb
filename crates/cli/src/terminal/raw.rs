//! Raw mode and the size of the terminal.

use cove_api::TerminalSize;

/// The terminal of standard input in raw mode; dropping it gives it back as it was.
#[derive(Debug)]
pub(crate) struct RawMode {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl RawMode {
    /// Switches to raw mode.
    ///
    /// # Errors
    /// Standard input is no terminal.
    pub(crate) fn enter() -> std::io::Result<Self> {
        let input = std::io::stdin();
        let before = rustix::termios::tcgetattr(&input)?;
        let mut raw = before.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(&input, rustix::termios::OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

#[cfg(not(unix))]
impl RawMode {
    /// Not possible here.
    ///
    /// # Errors
    /// Always.
    pub(crate) fn enter() -> std::io::Result<Self> {
        Err(std::io::Error::from(std::io::ErrorKind::Unsupported))
    }
}

#[cfg(unix)]
impl Drop for RawMode {
    fn drop(&mut self) {
        // Nothing can be done where the terminal is gone.
        let _ = rustix::termios::tcsetattr(
            std::io::stdin(),
            rustix::termios::OptionalActions::Drain,
            &self.before,
        );
    }
}

/// The size of the terminal, from whichever of the three streams is one.
#[cfg(unix)]
pub(crate) fn size() -> Option<TerminalSize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdin())
        .or_else(|_| rustix::termios::tcgetwinsize(std::io::stdout()))
        .or_else(|_| rustix::termios::tcgetwinsize(std::io::stderr()))
        .ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(TerminalSize { width: size.ws_col, height: size.ws_row })
}

/// The size of the terminal.
#[cfg(not(unix))]
pub(crate) fn size() -> Option<TerminalSize> {
    None
}
