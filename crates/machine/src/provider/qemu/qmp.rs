//! QEMU's control socket (QMP), through the `qapi` crate.
//!
//! QEMU serves one client at a time, so every connection is short and bounded by a time-out.

use std::path::Path;
use std::time::Duration;

use qapi::futures::{QapiService, QmpStreamTokio};
use qapi::qmp;
use tokio::io::{AsyncReadExt as _, WriteHalf, split};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use super::args::DISK_NODE;
use crate::error::{Error, Result};

/// Time for a connection and each command.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Most that is read from one connection, in bytes; the longest answers have some thousand.
const LIMIT: u64 = 1 << 20;

/// An open control connection.
pub(super) struct Qmp {
    machine: String,
    service: QapiService<QmpStreamTokio<WriteHalf<UnixStream>>>,
    reader: JoinHandle<()>,
}

impl Drop for Qmp {
    fn drop(&mut self) {
        // The reader holds half of the socket; without it QEMU would not serve the next client.
        self.reader.abort();
    }
}

impl Qmp {
    /// Connects and negotiates.
    ///
    /// # Errors
    /// [`Error::Control`]: nobody listens, or no answer in three seconds.
    pub(super) async fn connect(machine: &str, path: &Path) -> Result<Self> {
        let negotiate = async {
            let (read, write) = split(UnixStream::connect(path).await?);
            let stream = QmpStreamTokio::open_split(read.take(LIMIT), write).await?.negotiate().await?;
            Ok::<_, std::io::Error>(stream.spawn_tokio())
        };
        let (service, reader) = bounded(machine, "connect", negotiate).await?;
        Ok(Self { machine: machine.to_owned(), service, reader })
    }

    /// The VM's run state, such as `running` or `paused`.
    pub(super) async fn status(&self) -> Result<qmp::RunState> {
        let answer = self.execute("query-status", qmp::query_status {}).await?;
        Ok(answer.status)
    }

    /// Presses the power button.
    pub(super) async fn power_button(&self) -> Result<()> {
        self.execute("system_powerdown", qmp::system_powerdown {}).await?;
        Ok(())
    }

    /// Lets a paused VM go on.
    pub(super) async fn resume(&self) -> Result<()> {
        self.execute("cont", qmp::cont {}).await?;
        Ok(())
    }

    /// Raises the size of the guest's disk, in bytes; the guest sees that at once.
    pub(super) async fn resize(&self, size: u64) -> Result<()> {
        let size = i64::try_from(size).map_err(|error| self.error(error.to_string()))?;
        let command = qmp::block_resize { device: None, node_name: Some(DISK_NODE.into()), size };
        self.execute("block_resize", command).await?;
        Ok(())
    }

    /// Ends QEMU.
    pub(super) async fn quit(&self) -> Result<()> {
        self.execute("quit", qmp::quit {}).await?;
        Ok(())
    }

    /// A command of the human monitor; an answer with text is an error for the commands we use.
    pub(super) async fn human(&self, command_line: String) -> Result<()> {
        let command = qmp::human_monitor_command { cpu_index: None, command_line };
        let answer = self.execute("human-monitor-command", command).await?;
        if answer.trim().is_empty() { Ok(()) } else { Err(self.error(answer.trim().to_owned())) }
    }

    async fn execute<C: qapi::qmp::QmpCommand>(&self, what: &str, command: C) -> Result<C::Ok> {
        bounded(&self.machine, what, self.service.execute(command)).await
    }

    fn error(&self, reason: String) -> Error {
        Error::Control { name: self.machine.clone(), reason }
    }
}

async fn bounded<T, E: std::fmt::Display>(
    machine: &str,
    what: &str,
    work: impl Future<Output = std::result::Result<T, E>>,
) -> Result<T> {
    let reason = match tokio::time::timeout(TIMEOUT, work).await {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => format!("{what}: {error}"),
        Err(_) => format!("{what}: no answer in {} s", TIMEOUT.as_secs()),
    };
    Err(Error::Control { name: machine.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::UnixListener;

    use super::*;

    const GREETING: &[u8] =
        b"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \
        \"package\": \"\"}, \"capabilities\": []}}\r\n";

    /// Asks a socket that says `answer`, and then nothing or that it is at its end.
    async fn ask(name: &str, answer: Vec<u8>, end: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The client may be gone before it has heard all.
            let _ = stream.write_all(&answer).await;
            if !end {
                std::future::pending::<()>().await;
            }
        });
        let started = Instant::now();
        let result = async { Qmp::connect("dev", &path).await?.status().await }.await;
        assert!(matches!(result, Err(Error::Control { .. })), "{name}: {result:?}");
        assert!(started.elapsed() < Duration::from_secs(40), "{name}: {:?}", started.elapsed());
        server.abort();
    }

    #[tokio::test]
    async fn a_socket_that_talks_nonsense_is_given_up_in_time() {
        let half = GREETING[..GREETING.len() / 2].to_vec();
        tokio::join!(
            ask("garbage", b"\0\xff{no JSON\r\n".to_vec(), false),
            ask("half a greeting", half.clone(), false),
            ask("half a greeting and the end", half, true),
            ask("a line of 100 MB", vec![b'a'; 100 << 20], false),
            ask("no greeting", Vec::new(), false),
            ask("the end", Vec::new(), true),
            ask("a greeting and no answer", GREETING.to_vec(), false),
            ask("a greeting and garbage", [GREETING, b"}{\r\n"].concat(), false),
        );
    }
}
