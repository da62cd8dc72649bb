//! The signals that are passed on to an attached process.

use std::collections::VecDeque;
use std::time::Duration;

/// What arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// A signal to be passed on.
    Signal(i32),
    /// The second or a further request to end: whatever the process makes of it, the command is to end soon.
    Insisted(i32),
    /// The terminal has another size.
    Resized,
}

/// Catches signals from its making on, so that none is lost between two awaits.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    caught: Vec<(i32, tokio::signal::unix::Signal)>,
    /// How often SIGINT or SIGTERM has arrived.
    requests: u32,
    /// What arrived while nobody could pass it on.
    early: VecDeque<i32>,
}

/// How long a command that is to end waits for what it still hopes for: the end of the process.
pub(crate) const LAST_WAIT: Duration = Duration::from_secs(1);

impl Signals {
    /// Does something that must not hold up the end of the command: the first signals are kept for later, the second
    /// request to end ends the waiting.
    ///
    /// # Errors
    /// The work is given up because of that signal.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, i32> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                arrived = self.arrived() => match arrived {
                    Arrived::Signal(number) => self.early.push_back(number),
                    Arrived::Insisted(number) => return Err(number),
                    Arrived::Resized => {}
                },
            }
        }
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Arrived {
        match self.early.pop_front() {
            Some(number) => Arrived::Signal(number),
            None => self.arrived().await,
        }
    }

    fn judged(&mut self, number: i32) -> Arrived {
        if !matches!(number, INTERRUPT | TERMINATE) {
            return Arrived::Signal(number);
        }
        self.requests += 1;
        if self.requests > 1 { Arrived::Insisted(number) } else { Arrived::Signal(number) }
    }
}

const INTERRUPT: i32 = 2;
const TERMINATE: i32 = 15;

/// The exit code of a command that a signal ended, as a shell shows it.
pub(crate) fn ended_by(number: i32) -> u8 {
    128_u8.wrapping_add(u8::try_from(number).unwrap_or(0))
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
        Ok(Self { caught, requests: 0, early: VecDeque::new() })
    }

    async fn arrived(&mut self) -> Arrived {
        use std::task::Poll;
        let number = std::future::poll_fn(|context| {
            for (number, signal) in &mut self.caught {
                if let Poll::Ready(Some(())) = signal.poll_recv(context) {
                    return Poll::Ready(*number);
                }
            }
            Poll::Pending
        })
        .await;
        if number == rustix::process::Signal::WINCH.as_raw() { Arrived::Resized } else { self.judged(number) }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Nothing to catch before it happens.
    ///
    /// # Errors
    /// None.
    pub(crate) fn catch() -> std::io::Result<Self> {
        Ok(Self { requests: 0, early: VecDeque::new() })
    }

    /// Ctrl-C, as SIGINT.
    async fn arrived(&mut self) -> Arrived {
        match tokio::signal::ctrl_c().await {
            Ok(()) => self.judged(INTERRUPT),
            Err(_) => std::future::pending().await,
        }
    }
}

/// Ends when the user or the system wants the command to end.
#[cfg(unix)]
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        }
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn send(signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
    }

    /// One test, because signals belong to the whole process.
    #[tokio::test]
    async fn the_second_request_to_end_insists() {
        use rustix::process::Signal;
        let mut signals = Signals::catch().unwrap();
        send(Signal::USR1);
        assert_eq!(signals.next().await, Arrived::Signal(Signal::USR1.as_raw()));
        send(Signal::TERM);
        let work = tokio::time::sleep(Duration::from_millis(100));
        assert_eq!(signals.during(work).await, Ok(()));
        assert_eq!(signals.next().await, Arrived::Signal(TERMINATE), "kept for later");
        send(Signal::INT);
        assert_eq!(signals.during(std::future::pending::<()>()).await, Err(INTERRUPT));
        send(Signal::TERM);
        assert_eq!(signals.next().await, Arrived::Insisted(TERMINATE));
    }

    #[test]
    fn exit_codes() {
        assert_eq!((ended_by(2), ended_by(15)), (130, 143));
    }
}
