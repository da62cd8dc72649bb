//! The signals that are passed on to an attached process.

/// What arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// A signal to be passed on.
    Signal(i32),
    /// The terminal has another size.
    Resized,
}

/// Catches signals from its making on, so that none is lost between two awaits.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    caught: Vec<(i32, tokio::signal::unix::Signal)>,
}

#[cfg(unix)]
impl Signals {
    /// Catches them. Only a process without descriptors fails.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(crate) fn catch() -> std::io::Result<Self> {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        let caught = [
            Signal::HUP,
            Signal::INT,
            Signal::QUIT,
            Signal::TERM,
            Signal::USR1,
            Signal::USR2,
            Signal::ALARM,
            Signal::CONT,
            Signal::WINCH,
        ];
        let caught = caught
            .iter()
            .map(|kind| Ok((kind.as_raw(), signal(SignalKind::from_raw(kind.as_raw()))?)))
            .collect::<std::io::Result<_>>()?;
        Ok(Self { caught })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Arrived {
        use std::task::Poll;
        std::future::poll_fn(|context| {
            for (number, signal) in &mut self.caught {
                if let Poll::Ready(Some(())) = signal.poll_recv(context) {
                    let resized = *number == rustix::process::Signal::WINCH.as_raw();
                    return Poll::Ready(if resized { Arrived::Resized } else { Arrived::Signal(*number) });
                }
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Nothing to catch before it happens.
    ///
    /// # Errors
    /// None.
    pub(crate) fn catch() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Ctrl-C, as SIGINT.
    pub(crate) async fn next(&mut self) -> Arrived {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Arrived::Signal(2),
            Err(_) => std::future::pending().await,
        }
    }
}
