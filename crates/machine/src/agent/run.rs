//! The agent's life.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cove_api::{Event, ValueStream};
use cove_client::Client;
use cove_sys::fs;
use cove_sys::lock::FileLock;
use futures_util::StreamExt as _;
use tokio::sync::watch;

use super::forward::Sessions;
use super::ports::Ports;
use super::state::{self, AgentPhase, Report};
use super::{engine, listener};
use crate::boot_log::{self, STAGE_SSH};
use crate::error::{Error, Result};
use crate::name::MachineName;
use crate::ops::Machines;
use crate::paths::{MachinePaths, private_folder};
use crate::provider::VmProvider;
use crate::ssh::{SshSession, SshTarget};
use crate::trust;

/// How often the VM's process and the connection are looked at.
const WATCH: Duration = Duration::from_millis(250);
/// How often the guest's clock and the console log are looked at.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Without a word from the guest, a connection is tried after this time. Trying early is no good: QEMU accepts
/// it and the handshake hangs.
const BLIND: Duration = Duration::from_secs(60);
/// How often a port that could not be opened is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// Events that follow one another closely are answered once.
const SETTLE: Duration = Duration::from_millis(30);
/// A console log longer than this is cut to its end.
const CONSOLE_LIMIT: u64 = 8 << 20;
const CONSOLE_KEPT: u64 = 1 << 20;
/// Difference of the clocks that is corrected, in seconds.
const SKEW: u64 = 2;

/// Serves the machine `name` until its VM ends; the body of the hidden command `cove machine agent NAME`.
///
/// # Errors
/// The machine does not exist or does not run, another agent serves it, or its keys cannot be used.
pub async fn run(machines: &Machines, name: &MachineName) -> Result<()> {
    let (record, paths) = machines.load(name)?;
    let provider = machines.provider(record.provider);
    if !provider.is_alive(&paths) {
        return Err(Error::NotRunning { name: name.to_string() });
    }
    private_folder(&paths.runtime)?;
    let _lock = take_lock(name, &paths).await?;
    let mut report = Report::new(&paths)?;
    let target = SshTarget::new(&record, &paths, provider.address(&record, &paths))?;
    let (sender, sessions) = Sessions::new(provider.network().map(|network| network.address));
    let api_socket = tokio::spawn(listener::serve(listener::bind(&paths)?, sessions.clone()));
    let ports = Ports::new(name, &paths, provider.as_ref(), sessions);
    let console = provider.capabilities().console;
    let trust = record.import_native_ca;
    let mut agent = Agent { paths: &paths, target, sender, ports, console, trust };

    let mut result = Ok(());
    tokio::select! {
        () = vm_end(provider.as_ref(), &paths) => {}
        () = asked_to_end() => {}
        Err(error) = agent.serve(&mut report) => result = Err(error),
    }
    api_socket.abort();
    let _ = fs::remove_file(paths.api());
    state::remove(&paths);
    result
}

/// Somebody who only looks may hold the lock for a moment.
async fn take_lock(name: &MachineName, paths: &MachinePaths) -> Result<FileLock> {
    let started = Instant::now();
    loop {
        if let Some(lock) = FileLock::try_exclusive(&paths.agent_lock())? {
            return Ok(lock);
        }
        if started.elapsed() > Duration::from_secs(1) {
            let reason = "another agent serves the machine".into();
            return Err(Error::AgentFailed { name: name.to_string(), reason });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn vm_end(provider: &dyn VmProvider, paths: &MachinePaths) {
    while provider.is_alive(paths) {
        tokio::time::sleep(WATCH).await;
    }
}

async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

struct Agent<'a> {
    paths: &'a MachinePaths,
    target: SshTarget,
    sender: watch::Sender<Option<Arc<SshSession>>>,
    ports: Ports<'a>,
    /// Whether the guest's console can be read.
    console: bool,
    /// Whether the guest is to trust the certificate authorities of this host.
    trust: bool,
}

impl Agent<'_> {
    /// Connects, serves, and connects again; returns only where somebody else than the guest answers.
    async fn serve(&mut self, report: &mut Report) -> Result<std::convert::Infallible> {
        if self.console {
            self.wait_for_sshd().await;
        }
        report.phase(AgentPhase::Connecting, None);
        let mut lost = false;
        loop {
            match self.target.connect().await {
                Ok(session) => {
                    let session = Arc::new(session);
                    let _ = self.sender.send(Some(session.clone()));
                    if !lost {
                        report.phase(AgentPhase::Waiting, None);
                    }
                    self.hand_over_trust(&session).await;
                    self.serve_session(&session, report).await;
                    let _ = self.sender.send(None);
                    session.close().await;
                    report.phase(
                        AgentPhase::Reconnecting,
                        Some("the ssh connection to the guest broke".into()),
                    );
                    lost = true;
                }
                Err(error @ Error::HostKeyChanged { .. }) if !lost => return Err(error),
                Err(error) => {
                    let phase = if lost { AgentPhase::Reconnecting } else { AgentPhase::Connecting };
                    report.phase(phase, Some(error.to_string()));
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    /// Before the engine is said to answer, so that the first pull finds them.
    async fn hand_over_trust(&self, session: &SshSession) {
        if let Err(error) = bounded(trust::hand_over(session, self.trust)).await {
            tracing::warn!("the certificate authorities of this host: {error}");
        }
    }

    /// PID 1 says on the console when sshd listens; QEMU itself accepts connections long before that.
    async fn wait_for_sshd(&self) {
        let started = Instant::now();
        while started.elapsed() < BLIND {
            let log = fs::read(self.paths.console()).unwrap_or_default();
            let text = String::from_utf8_lossy(&log);
            if boot_log::stages(&text).iter().any(|stage| stage.name == STAGE_SSH) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Serves one connection until it ends.
    async fn serve_session(&mut self, session: &Arc<SshSession>, report: &mut Report) {
        let client = engine::engine(session);
        let mut delay = Duration::from_millis(20);
        while !session.is_closed() {
            match bounded(engine::ping(&client)).await {
                Ok(()) => {
                    let Err(error) = self.follow(session, &client, report, &mut delay).await;
                    // The engine answered a moment ago; whether it still does is asked next.
                    report.phase(AgentPhase::Ready, Some(error));
                }
                Err(error) => report.phase(AgentPhase::Waiting, Some(error)),
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(Duration::from_secs(2));
        }
    }

    /// Follows the engine's events; returns only with an error.
    async fn follow(
        &mut self,
        session: &Arc<SshSession>,
        client: &Client,
        report: &mut Report,
        delay: &mut Duration,
    ) -> std::result::Result<std::convert::Infallible, String> {
        // Opened before the first list, so that no change falls between the two.
        let mut events = bounded(engine::events(client)).await?;
        self.update_ports(client, report).await?;
        // Only now is all as the user expects it, ports included.
        report.phase(AgentPhase::Ready, None);
        *delay = Duration::from_millis(20);
        let mut heartbeat = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        let mut watch = tokio::time::interval(WATCH);
        let mut retry = tokio::time::interval(RETRY);
        loop {
            tokio::select! {
                more = next_event(&mut events) => {
                    more?;
                    drain(&mut events).await?;
                    self.update_ports(client, report).await?;
                }
                _ = heartbeat.tick() => {
                    bounded(correct_clock(session)).await?;
                    cut_console(self.paths);
                    self.update_ports(client, report).await?;
                }
                // A port that another program held may be free now.
                _ = retry.tick(), if report.has_failed_ports() => self.update_ports(client, report).await?,
                _ = watch.tick() => {
                    if session.is_closed() {
                        return Err("the ssh connection to the guest broke".into());
                    }
                }
            }
        }
    }

    async fn update_ports(
        &mut self,
        client: &Client,
        report: &mut Report,
    ) -> std::result::Result<(), String> {
        let wanted = bounded(engine::published_ports(client)).await?;
        report.ports(self.ports.reconcile(wanted).await);
        Ok(())
    }
}

async fn bounded<T>(
    work: impl Future<Output = std::result::Result<T, String>>,
) -> std::result::Result<T, String> {
    match tokio::time::timeout(Duration::from_secs(15), work).await {
        Ok(result) => result,
        Err(_) => Err("the guest did not answer in 15 s".into()),
    }
}

async fn next_event(events: &mut ValueStream<Event>) -> std::result::Result<(), String> {
    match events.next().await {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(format!("events: {error}")),
        None => Err("the guest's engine ended the stream of events".into()),
    }
}

/// Reads what follows within [`SETTLE`].
async fn drain(events: &mut ValueStream<Event>) -> std::result::Result<(), String> {
    let end = tokio::time::Instant::now() + SETTLE;
    while let Ok(event) = tokio::time::timeout_at(end, next_event(events)).await {
        event?;
    }
    Ok(())
}

/// Sets the guest's clock after this host has slept or the VM has been paused.
async fn correct_clock(session: &SshSession) -> std::result::Result<(), String> {
    let (_, text) = session.run("date +%s").await.map_err(|error| error.to_string())?;
    let guest: Option<i64> = text.trim().parse().ok();
    let now = jiff::Timestamp::now().as_second();
    if guest.is_some_and(|guest| guest.abs_diff(now) > SKEW) {
        session.run(&format!("date -u -s @{now}")).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The guest writes this file: it must not fill the host's disk.
fn cut_console(paths: &MachinePaths) {
    use std::io::{Read, Seek, SeekFrom, Write};
    let cut = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().read(true).write(true).open(paths.console())?;
        let size = file.metadata()?.len();
        if size <= CONSOLE_LIMIT {
            return Ok(());
        }
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(size - CONSOLE_KEPT))?;
        file.read_to_end(&mut end)?;
        // QEMU appends, so it goes on behind what is kept.
        file.file().set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&end)
    };
    let _ = cut();
}
