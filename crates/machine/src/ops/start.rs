//! `machine start`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use cove_sys::fs;
use rand::RngCore;
use serde::Serialize;
use tokio::process::{Child, Command};

use super::console::{Console, read_log, rotate, tail};
use super::machines::Machines;
use super::options::LOCAL_ZONE;
use crate::agent::{AgentPhase, read_state, remove_state};
use crate::boot_log::{self, BootStage};
use crate::error::{Error, Result};
use crate::keys;
use crate::name::MachineName;
use crate::paths::{MachinePaths, private_folder};
use crate::process;
use crate::progress::{ProgressSink, StepTime, Steps};
use crate::provider::{Launched, Stop, VmProvider, VmState};
use crate::provision::{GUEST_CONFIG_VERSION, GuestConfig, GuestFolder, GuestNetwork, is_zone_name};
use crate::record::MachineRecord;
use crate::share::tag;

/// Time from the VM's launch to an answering engine, on a busy host under emulation.
const BOOT_TIME: Duration = Duration::from_secs(180);
/// How long a guest may leave its console empty; the first words come after a second, after ten on a full host.
const SILENCE: Duration = Duration::from_secs(45);
/// Time for a machine that runs to be reached again before it is started anew.
const REPAIR_TIME: Duration = Duration::from_secs(30);
/// Time for an agent to take its lock.
const AGENT_TIME: Duration = Duration::from_secs(5);
/// How long an agent may take from letting go of its lock to its end.
const LAST_WORDS: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(20);

/// What a start did.
#[derive(Clone, Debug, Serialize)]
pub struct StartReport {
    /// The machine.
    pub name: String,
    /// `kvm` or `tcg`; `None` where the VM was running and only its agent was missing.
    pub accelerator: Option<String>,
    /// The steps on the host.
    pub steps: Vec<StepTime>,
    /// The stages of the guest's boot, in seconds since its kernel started.
    pub boot: Vec<BootStage>,
    /// The forwarded API socket.
    pub socket: std::path::PathBuf,
}

impl Machines {
    /// Starts a machine and returns when its engine answers. Where the VM runs but cannot be reached, the agent is
    /// started anew; a VM that hangs is switched off first.
    ///
    /// # Errors
    /// It is running, something it needs is missing, or it does not come up (with the end of its console); then
    /// no VM is left behind.
    pub async fn start(&self, name: &MachineName, sink: ProgressSink<'_>) -> Result<StartReport> {
        let mut steps = Steps::new(sink);
        steps.begin("check");
        let (_, paths) = self.find(name)?;
        let _lock = self.lock(name, &paths).await?;
        let (mut record, paths) = self.load(name)?;
        paths.check_sockets()?;
        let provider = self.provider(record.provider);
        private_folder(&paths.runtime)?;
        let mut launched = None;
        let mut result = Ok(());
        match provider.state(name.as_str(), &paths).await? {
            VmState::Stopped => {}
            VmState::Unresponsive => {
                steps.note(format!("machine {name:?} did not respond and is switched off first"));
                provider.stop(&record, &paths, Stop::Hard).await?;
            }
            VmState::Running | VmState::Paused if Self::is_served(&paths) => {
                return Err(Error::AlreadyRunning { name: name.to_string() });
            }
            VmState::Running | VmState::Paused => {
                steps.note(format!(
                    "machine {name:?} was running, but could not be reached: connecting again"
                ));
                result = self.bring_up(&record, &paths, provider.as_ref(), &mut steps, REPAIR_TIME).await;
                if result.is_err() {
                    steps.note(format!("machine {name:?} does not answer and is switched off first"));
                    provider.stop(&record, &paths, Stop::Hard).await?;
                }
            }
        }
        if !provider.is_alive(&paths) {
            launched = Some(self.launch(&mut record, &paths, provider.as_ref(), &mut steps).await?);
            result = self.bring_up(&record, &paths, provider.as_ref(), &mut steps, BOOT_TIME).await;
            if let Err(error @ Error::Silent { .. }) = &result {
                // Seen once, under emulation: a kernel that hung before its first line. Nothing of the guest has run.
                steps.note(format!("{error}: it is started once more"));
                provider.stop(&record, &paths, Stop::Hard).await?;
                launched = Some(self.launch(&mut record, &paths, provider.as_ref(), &mut steps).await?);
                result = self.bring_up(&record, &paths, provider.as_ref(), &mut steps, BOOT_TIME).await;
            }
        }
        if let Err(error) = result {
            if launched.is_some() {
                // A machine that did not come up must not linger; the error says why.
                let _ = provider.stop(&record, &paths, Stop::Hard).await;
            }
            return Err(error);
        }
        record.last_up = Some(jiff::Timestamp::now().to_string());
        self.save(&record, &paths)?;
        self.register(name, &paths, false)?;
        Ok(StartReport {
            name: name.to_string(),
            accelerator: launched.map(|launched| launched.accelerator),
            steps: steps.finish(),
            boot: boot_log::stages(&read_log(&paths.console())),
            socket: paths.api(),
        })
    }

    async fn launch(
        &self,
        record: &mut MachineRecord,
        paths: &MachinePaths,
        provider: &dyn VmProvider,
        steps: &mut Steps<'_>,
    ) -> Result<Launched> {
        provider.check().await?;
        self.finish_restore(record, paths, provider).await?;
        for file in provider.files().all().map(|name| paths.folder.join(name)) {
            if !file.is_file() {
                return Err(Error::BadRecord {
                    name: record.name.to_string(),
                    path: file,
                    reason: "the file is missing (it is damaged, or an older version made it)".into(),
                });
            }
        }
        let before = record.clone();
        if let Some(note) = provider.assign(record)? {
            steps.note(note);
        }
        if *record != before {
            self.save(record, paths)?;
        }
        // A disk that is not plugged in must not keep the machine from starting.
        let mut started = record.clone();
        started.shared_folders.retain(|folder| {
            let checked = folder.check_source();
            if let Err(reason) = &checked {
                steps.note(format!("{reason}: the machine does not see it until it is there at a start"));
            }
            checked.is_ok()
        });
        let config = guest_config(&started, paths, provider.network())?;
        rotate(paths)?;
        remove_state(paths);
        steps.begin("launch");
        let launched = provider.start(&started, paths, &config).await?;
        if let Some(note) = &launched.note {
            steps.note(note.clone());
        }
        Ok(launched)
    }

    /// Whether the engine answered through a living agent when that was last asked.
    fn is_served(paths: &MachinePaths) -> bool {
        Self::has_agent(paths) && read_state(paths).is_some_and(|state| state.phase == AgentPhase::Ready)
    }

    /// Starts the agent and waits until the engine answers through it.
    async fn bring_up(
        &self,
        record: &MachineRecord,
        paths: &MachinePaths,
        provider: &dyn VmProvider,
        steps: &mut Steps<'_>,
        time: Duration,
    ) -> Result<()> {
        steps.begin("boot");
        // An agent of a former boot may still be on its way out.
        self.end_agent(paths).await;
        let mut agent = self.spawn_agent(&record.name, paths)?;
        let started = Instant::now();
        let mut phase = AgentPhase::Booting;
        let mut console_log = Console::new(&paths.console());
        let mut complaint = None;
        loop {
            let state = read_state(paths);
            if let Some(state) = &state
                && state.phase != phase
            {
                phase = state.phase;
                match phase {
                    AgentPhase::Connecting => steps.begin("ssh"),
                    AgentPhase::Waiting => steps.begin("engine"),
                    AgentPhase::Ready => {
                        steps.end();
                        return Ok(());
                    }
                    AgentPhase::Booting | AgentPhase::Reconnecting => {}
                }
            }
            let name = record.name.to_string();
            let console = paths.console();
            // Asked before the console is read: what a guest says at its end tells more than that it has ended.
            let is_alive = provider.is_alive(paths);
            for fault in console_log.new_faults() {
                if fault.fatal {
                    return Err(Error::GuestFault { name, line: fault.line, tail: tail(&console), console });
                }
                if complaint.is_none() {
                    steps.note(format!("the guest says {:?}", fault.line));
                    complaint = Some(fault.line);
                }
            }
            if !is_alive {
                return Err(Error::DiedAtBoot { name, tail: tail(&console), console });
            }
            if started.elapsed() > AGENT_TIME && !Self::has_agent(paths) {
                // It lets go of its lock before it writes why.
                let _ = tokio::time::timeout(LAST_WORDS, agent.wait()).await;
                let log = read_log(&paths.agent_log());
                return Err(Error::AgentFailed { name, reason: boot_log::tail(&log, 5) });
            }
            if started.elapsed() > SILENCE && console_log.is_silent() {
                return Err(Error::Silent { name, seconds: SILENCE.as_secs() });
            }
            if started.elapsed() > time {
                let error = complaint.or_else(|| state.and_then(|state| state.error)).unwrap_or_default();
                let what = if error.is_empty() { "the guest".into() } else { format!("the guest ({error})") };
                return Err(Error::NoAnswer {
                    name,
                    what,
                    seconds: time.as_secs(),
                    tail: tail(&console),
                    console,
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn spawn_agent(&self, name: &MachineName, paths: &MachinePaths) -> Result<Child> {
        let failed = |reason: String| Error::AgentFailed { name: name.to_string(), reason };
        let Some((program, arguments)) = self.agent_command.split_first() else {
            return Err(failed("no program is configured for it".into()));
        };
        let log = fs::File::create(paths.agent_log())?.into_parts().0;
        let copy = log.try_clone()?;
        let mut command = Command::new(program);
        command.args(arguments).arg(name.as_str()).stdin(Stdio::null()).stdout(log).stderr(copy);
        #[cfg(unix)]
        // SAFETY: setsid(2) is async-signal-safe and takes no pointers.
        unsafe {
            // Its own session: closing the terminal must not end the forwarding.
            command.pre_exec(|| rustix::process::setsid().map(drop).map_err(Into::into));
        }
        command.spawn().map_err(|error| failed(error.to_string()))
    }

    /// Ends the machine's agent, if there is one.
    pub(super) async fn end_agent(&self, paths: &MachinePaths) {
        let started = Instant::now();
        let mut told = false;
        while Self::has_agent(paths) {
            if let Some(state) = read_state(paths) {
                if !told {
                    process::terminate(state.pid);
                    told = true;
                } else if started.elapsed() > Duration::from_secs(3) {
                    process::kill(state.pid);
                }
            }
            if started.elapsed() > Duration::from_secs(5) {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        let _ = fs::remove_file(paths.api());
        remove_state(paths);
    }
}

fn guest_config(
    record: &MachineRecord,
    paths: &MachinePaths,
    network: Option<GuestNetwork>,
) -> Result<GuestConfig> {
    let identity = keys::load_private(&paths.identity())?;
    let bad = |error: russh::keys::ssh_key::Error| Error::BadKey {
        path: paths.identity(),
        reason: error.to_string(),
    };
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    Ok(GuestConfig {
        version: GUEST_CONFIG_VERSION,
        hostname: record.name.hostname(),
        authorized_key: identity.public_key().to_openssh().map_err(bad)?,
        host_key: keys::read_private(&paths.host_key())?,
        seed: seed.iter().map(|byte| format!("{byte:02x}")).collect(),
        network,
        timezone: zone(record.timezone.as_deref()),
        swap_mib: record.swap_mib,
        folders: record
            .shared_folders
            .iter()
            .enumerate()
            .map(|(index, folder)| GuestFolder {
                tag: tag(index),
                target: folder.target.clone(),
                read_only: folder.read_only,
            })
            .collect(),
    }
    .with_version())
}

/// The name of the zone to tell the guest; `None` for UTC, and for a host whose zone has no name.
fn zone(wanted: Option<&str>) -> Option<String> {
    let name = match wanted? {
        LOCAL_ZONE => jiff::tz::TimeZone::system().iana_name()?.to_owned(),
        name => name.to_owned(),
    };
    (!matches!(name.as_str(), "UTC" | "Etc/UTC" | "Etc/Unknown") && is_zone_name(&name)).then_some(name)
}
