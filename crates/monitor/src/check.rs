//! Running health checks at their times, and what follows from them.
//!
//! A check is an exec of the OCI runtime, detached: the monitor adopts the process, reads what it writes, and has
//! [`Health`] judge its exit code.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use cove_monitor::oci;
use cove_monitor::protocol::{Check, HEALTH_FILE, HealthPlan, HealthReport, MAX_CONFIG, MonitorConfig};
use cove_sys::fs;
use rustix::process::WaitStatus;

use crate::health::{Health, Run, Stage};
use crate::host;
use crate::runtime;
use crate::supervise::{Monitor, Phase, exit_code, kill};

/// How long the container's end may be later than that of a check that it has killed, in milliseconds.
const END_DELAY: u64 = 1000;

impl Monitor {
    /// The container runs.
    pub(crate) fn start_health(&mut self) {
        if let Some(health) = &mut self.health {
            health.started(host::monotonic_ms());
        }
    }

    /// Somebody wants a check now; answers its number.
    pub(crate) fn ask_health(&mut self) -> Result<u64, String> {
        match (&mut self.health, self.phase) {
            (Some(health), Phase::Running { .. }) => Ok(health.ask()),
            (None, _) => Err("the container has no health check".to_owned()),
            _ => Err("the container is not running".to_owned()),
        }
    }

    /// Goes by the plan that the engine has written from now on.
    pub(crate) fn reload_health(&mut self) -> Result<(), String> {
        let path = self.config.run_dir.join(HEALTH_FILE);
        let text = cove_sys::read::bounded(&path, MAX_CONFIG).map_err(|error| error.to_string())?;
        let text = text.ok_or_else(|| format!("{}: no such file", path.display()))?;
        let plan: Option<HealthPlan> =
            serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let runs = matches!(self.phase, Phase::Running { .. });
        match (plan, &mut self.health) {
            (Some(plan), Some(health)) => health.change(plan, runs),
            (Some(plan), none) => {
                let health = none.insert(Health::new(plan));
                if runs {
                    health.started(host::monotonic_ms());
                }
            }
            (None, _) => {
                self.end_health();
                self.health = None;
            }
        }
        Ok(())
    }

    /// Does what is due.
    pub(crate) fn attend_health(&mut self) {
        let Phase::Running { .. } = self.phase else { return };
        let Some(health) = &mut self.health else { return };
        if health.acting.is_some_and(|pid| self.reaped.remove(&pid).is_some()) {
            health.acting = None;
        }
        if let Some(code) = progress(health, &mut self.reaped, &self.config) {
            self.finish_check(code);
        }
        let Some(health) = &mut self.health else { return };
        if health.run.is_some() || health.wake_at() > host::monotonic_ms() {
            return;
        }
        if health.asked.is_none() && is_frozen(self.config.container_cgroup.as_deref()) {
            // Nothing can be run in it; it is neither well nor unwell.
            health.next_at = host::monotonic_ms().saturating_add(health.interval());
            return;
        }
        self.begin_check();
    }

    fn begin_check(&mut self) {
        let Some(health) = &mut self.health else { return };
        health.begun += 1;
        let is_asked = health.asked.take().is_some();
        let startup = health.startup.is_some();
        let check = match (&health.plan.startup, startup) {
            (Some(startup), true) => &startup.check,
            _ => &health.plan.check,
        };
        let deadline = host::monotonic_ms().saturating_add(check.timeout_ms);
        let began = health.clock.now();
        let mut run = Run {
            startup,
            is_asked,
            stage: Stage::Runtime(0),
            began,
            deadline,
            timed_out: false,
            output: None,
            text: Vec::new(),
        };
        let started = start(&self.config, check);
        match started {
            Ok((pid, output)) => {
                run.stage = Stage::Runtime(pid);
                run.output = Some(output);
                health.run = Some(run);
            }
            Err(error) => {
                run.text = error.to_string().into_bytes();
                health.run = Some(run);
                self.finish_check(125);
            }
        }
    }

    fn finish_check(&mut self, code: i32) {
        let Some(health) = &mut self.health else { return };
        health.read();
        let Some(run) = health.run.take() else { return };
        let report = health.judge(code, &run);
        health.keep();
        health.tell();
        if health.found.status == "healthy"
            && health.startup.is_none()
            && let Some(notifier) = &mut self.notifier
        {
            notifier.healthy();
        }
        let interval = health.interval();
        health.next_at = match interval {
            0 => u64::MAX,
            interval => host::monotonic_ms().saturating_add(interval),
        };
        let command = if report.restart {
            Some(&health.plan.restart_command)
        } else if report.unhealthy {
            Some(&health.plan.failure_command)
        } else {
            None
        };
        // Who asked for the check does it.
        if let Some((program, arguments)) = command.and_then(|command| command.split_first())
            && !run.is_asked
            && health.acting.is_none()
        {
            let mut command = Command::new(program);
            command.args(arguments).current_dir("/");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            health.acting = command.spawn().ok().map(|child| child.id() as i32);
        }
        let number = health.begun;
        self.answer_health(number, &report);
    }

    fn answer_health(&mut self, number: u64, report: &HealthReport) {
        for client in &mut self.clients {
            client.answer_health(number, report);
        }
    }

    /// The container has ended: a check under way says nothing of its health.
    pub(crate) fn end_health(&mut self) {
        let Some(health) = &mut self.health else { return };
        if let Some(run) = health.run.take() {
            if let Stage::Runtime(pid) | Stage::Process(pid) = run.stage {
                // Reaped ones are no longer ours to signal.
                if pid > 0 && !self.reaped.contains_key(&pid) {
                    kill(pid, libc::SIGKILL);
                }
            }
            health.found.status = "stopped".into();
            health.keep();
        }
        let report = HealthReport { result: "stopped".into(), unhealthy: false, restart: false };
        self.answer_health(u64::MAX, &report);
    }
}

/// Moves a check on; answers its exit code when it has ended.
fn progress(
    health: &mut Health,
    reaped: &mut HashMap<i32, WaitStatus>,
    config: &MonitorConfig,
) -> Option<i32> {
    let run = health.run.as_mut()?;
    if let Stage::Runtime(pid) = run.stage
        && let Some(status) = reaped.remove(&pid)
    {
        if status.exit_status() != Some(0) {
            return Some(if run.timed_out { -1 } else { 1 });
        }
        match oci::read_pid(&config.run_dir.join(PID_FILE)) {
            Ok(process) => {
                run.stage = Stage::Process(process);
                // The runtime was done before its end came; the process has as little time left.
                if run.timed_out && !reaped.contains_key(&process) {
                    kill(process, libc::SIGKILL);
                }
            }
            Err(_) => return Some(125),
        }
    }
    if let Stage::Process(pid) = run.stage
        && let Some(status) = reaped.remove(&pid)
    {
        if run.timed_out {
            return Some(-1);
        }
        if status.terminating_signal() != Some(libc::SIGKILL) {
            return Some(exit_code(status));
        }
        run.stage = Stage::Killed { until: host::monotonic_ms().saturating_add(END_DELAY) };
    }
    if let Stage::Killed { until } = run.stage {
        return (until <= host::monotonic_ms()).then_some(128 + libc::SIGKILL);
    }
    if !run.timed_out && run.deadline <= host::monotonic_ms() {
        run.timed_out = true;
        if let Stage::Runtime(pid) | Stage::Process(pid) = run.stage {
            kill(pid, libc::SIGKILL);
        }
    }
    None
}

/// Whether the container is paused.
fn is_frozen(cgroup: Option<&Path>) -> bool {
    cgroup
        .is_some_and(|cgroup| fs::read(cgroup.join("cgroup.freeze")).is_ok_and(|text| text.starts_with(b"1")))
}

/// Where the runtime writes the pid of a check.
const PID_FILE: &str = "health-pid";

/// Starts the runtime for a check; answers its pid and what the check writes.
fn start(config: &MonitorConfig, check: &Check) -> std::io::Result<(i32, OwnedFd)> {
    let flags = rustix::pipe::PipeFlags::CLOEXEC;
    let (reader, writer) = rustix::pipe::pipe_with(flags)?;
    host::set_nonblocking(&reader)?;
    let pid = runtime::start_check(config, &check.process, &config.run_dir.join(PID_FILE), writer)?;
    Ok((pid, reader))
}
