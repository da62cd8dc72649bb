//! Health checks: running them at their times inside the container, and keeping what they found.
//!
//! A check is an exec of the OCI runtime, detached: the monitor adopts the process, reads what it writes, and judges by
//! its exit code as podman does (podman-run(1), "--health-cmd"). What was found is a file, replaced after each check; the
//! engine reads it.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use cove_monitor::protocol::{Check, HealthEvents, HealthFound, HealthLogEntry, HealthPlan, HealthReport};
use cove_sys::fs;
use fs::os::unix::fs::OpenOptionsExt as _;
use rustix::process::WaitStatus;

use crate::host;
use crate::log::Clock;
use crate::runtime;
use crate::setup::write_json;
use crate::supervise::{Monitor, Phase, exit_code, kill};

/// Most output of a check that is kept where the user set no limit, in bytes.
const MAX_OUTPUT: usize = 256 << 10;

/// Most that the log of checks takes where the user set no limit, in bytes of output.
const MAX_LOG: usize = 1 << 20;

/// Pieces of a check's output that are read at a time: one that writes on and on does not stop all else.
const MAX_READS: usize = 64;

/// All about the health of the container.
pub(crate) struct Health {
    plan: HealthPlan,
    found: HealthFound,
    clock: Clock,
    /// When the next check begins by itself, on the monotonic clock; never for `u64::MAX`.
    next_at: u64,
    started_at: u64,
    /// Failures and successes of the start-up check; `None` when it has passed or there is none.
    startup: Option<(u32, u32)>,
    run: Option<Run>,
    /// How many checks have begun.
    begun: u64,
    /// Whoever asked for a check waits for the one of that number.
    asked: Option<u64>,
    /// The command that deals with a failure.
    acting: Option<i32>,
}

/// A check under way.
struct Run {
    startup: bool,
    /// Somebody waits for it, and does what is to be done.
    is_asked: bool,
    stage: Stage,
    began: String,
    deadline: u64,
    timed_out: bool,
    output: Option<OwnedFd>,
    text: Vec<u8>,
}

/// The OCI runtime that starts the process, then the process, then its end.
#[derive(Clone, Copy)]
enum Stage {
    Runtime(i32),
    Process(i32),
    /// Something has killed it: the container's end does that to all in it, and is told of a moment later.
    Killed {
        until: u64,
    },
}

/// How long the container's end may be later than that of a check that it has killed, in milliseconds.
const END_DELAY: u64 = 1000;

impl Health {
    pub(crate) fn new(plan: HealthPlan) -> Self {
        Self {
            plan,
            found: HealthFound::default(),
            clock: Clock::default(),
            next_at: u64::MAX,
            started_at: 0,
            startup: None,
            run: None,
            begun: 0,
            asked: None,
            acting: None,
        }
    }

    /// The container has started: the first check is due at once.
    fn started(&mut self, now: u64) {
        self.started_at = now;
        self.startup = self.plan.startup.as_ref().map(|_| (0, 0));
        self.found = HealthFound { status: "starting".into(), ..HealthFound::default() };
        self.next_at = if self.interval() == 0 { u64::MAX } else { now };
        self.keep();
    }

    fn interval(&self) -> u64 {
        match (&self.plan.startup, self.startup) {
            (Some(startup), Some(_)) => startup.check.interval_ms,
            _ => self.plan.check.interval_ms,
        }
    }

    /// Asks for a check and answers its number: the one under way may have begun before what is asked about.
    fn ask(&mut self) -> u64 {
        let number = self.begun + 1;
        self.asked = Some(number);
        number
    }

    /// When there is something to do.
    pub(crate) fn wake_at(&self) -> u64 {
        match &self.run {
            Some(Run { stage: Stage::Killed { until }, .. }) => *until,
            Some(run) if run.timed_out => u64::MAX,
            Some(run) => run.deadline,
            None if self.asked.is_some() => 0,
            None => self.next_at,
        }
    }

    /// The output of the check under way.
    pub(crate) fn output(&self) -> Option<&OwnedFd> {
        self.run.as_ref()?.output.as_ref()
    }

    /// Whether the status of that process is wanted. While the runtime starts one, any may be it.
    pub(crate) fn knows(&self, pid: i32) -> bool {
        let of_run = match self.run.as_ref().map(|run| run.stage) {
            Some(Stage::Runtime(_)) => true,
            Some(Stage::Process(process)) => process == pid,
            Some(Stage::Killed { .. }) | None => false,
        };
        of_run || self.acting == Some(pid)
    }

    /// Reads what the check has written.
    pub(crate) fn read(&mut self) {
        let most = match self.plan.max_log_size as usize {
            0 => MAX_OUTPUT,
            size => size.min(MAX_OUTPUT),
        };
        let Some(run) = &mut self.run else { return };
        let mut buffer = [0_u8; 4096];
        for _ in 0..MAX_READS {
            let Some(output) = &run.output else { return };
            match rustix::io::read(output, &mut buffer) {
                Ok(length) if length > 0 => {
                    let room = most.saturating_sub(run.text.len());
                    run.text.extend_from_slice(&buffer[..length.min(room)]);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                _ => run.output = None,
            }
        }
    }

    /// Adds an entry to the log, judges, and writes what was found.
    fn judge(&mut self, code: i32, run: &Run) -> HealthReport {
        let failed = code != 0;
        let in_start_period =
            run.startup || host::monotonic_ms() < self.started_at.saturating_add(self.plan.start_period_ms);
        if !failed {
            self.found.status = "healthy".into();
            self.found.failing_streak = 0;
        } else if !in_start_period {
            self.found.failing_streak += 1;
            if self.found.failing_streak >= self.plan.retries.max(1) {
                self.found.status = "unhealthy".into();
            }
        }
        let exit_code = match code {
            0 | -1 => code,
            _ => 1,
        };
        let output = String::from_utf8_lossy(&run.text).into_owned();
        let end = self.clock.now();
        self.found.log.push_back(HealthLogEntry { start: run.began.clone(), end, exit_code, output });
        self.shorten();
        let restart = run.startup && self.count_startup(failed);
        let result = match (failed, run.startup) {
            (false, _) => "healthy",
            (true, true) => "starting",
            (true, false) => "unhealthy",
        };
        let unhealthy = !run.startup && self.found.status == "unhealthy";
        HealthReport { result: result.into(), unhealthy, restart }
    }

    fn shorten(&mut self) {
        let most = self.plan.max_log_count as usize;
        while most > 0 && self.found.log.len() > most {
            self.found.log.pop_front();
        }
        let mut size: usize = self.found.log.iter().map(|entry| entry.output.len() + 128).sum();
        while size > MAX_LOG && self.found.log.len() > 1 {
            size -= self.found.log.pop_front().map_or(0, |entry| entry.output.len() + 128);
        }
    }

    /// Counts a start-up check; true where the container is to be started again for its failures.
    fn count_startup(&mut self, failed: bool) -> bool {
        let (Some(plan), Some((failures, successes))) = (&self.plan.startup, &mut self.startup) else {
            return false;
        };
        if failed {
            *failures += 1;
            return plan.retries != 0 && *failures >= plan.retries;
        }
        *successes += 1;
        if *successes >= plan.successes.max(1) {
            self.startup = None;
        }
        false
    }

    /// Writes what was found. That it cannot be written is no reason to end the container.
    fn keep(&self) {
        let _ = write_json(&self.plan.state_file, &self.found);
        if let Some(copy) = &self.plan.log_file {
            let _ = write_json(copy, &self.found);
        }
    }

    fn tell(&self) {
        if let Some(events) = &self.plan.events {
            let _ = append(events, &self.found);
        }
    }
}

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
    config: &cove_monitor::protocol::MonitorConfig,
) -> Option<i32> {
    let run = health.run.as_mut()?;
    if let Stage::Runtime(pid) = run.stage
        && let Some(status) = reaped.remove(&pid)
    {
        if status.exit_status() != Some(0) {
            return Some(if run.timed_out { -1 } else { 1 });
        }
        match runtime::read_pid(&config.run_dir.join(PID_FILE)) {
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
fn start(config: &cove_monitor::protocol::MonitorConfig, check: &Check) -> std::io::Result<(i32, OwnedFd)> {
    let flags = rustix::pipe::PipeFlags::CLOEXEC;
    let (reader, writer) = rustix::pipe::pipe_with(flags)?;
    host::set_nonblocking(&reader)?;
    let pid = runtime::start_check(config, &check.process, &config.run_dir.join(PID_FILE), writer)?;
    Ok((pid, reader))
}

/// Appends an event to the engine's file, under the lock by which the engine changes it. The engine shortens it.
fn append(events: &HealthEvents, found: &HealthFound) -> std::io::Result<()> {
    let mut lock = events.file.as_os_str().to_owned();
    lock.push(".lock");
    let _lock = cove_sys::lock::FileLock::exclusive(Path::new(&lock))?;
    let mut event = events.event.clone();
    // Under the lock, so that the lines have the order of their times.
    let now = host::now_ns();
    if let Some(fields) = event.as_object_mut() {
        fields.insert("time".into(), now.div_euclid(1_000_000_000).into());
        fields.insert("timeNano".into(), now.into());
    }
    if let Some(attributes) = event.pointer_mut("/Actor/Attributes").and_then(|value| value.as_object_mut()) {
        attributes.insert("health_status".into(), found.status.clone().into());
        attributes.insert("health_failing_streak".into(), found.failing_streak.to_string().into());
        if let (true, Some(last)) = (events.with_log, found.log.back()) {
            attributes.insert("health_log".into(), last.output.clone().into());
        }
    }
    let mut line = serde_json::to_vec(&event)?;
    line.push(b'\n');
    let mut options = fs::OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(&events.file)?;
    file.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(retries: u32, startup: Option<(u32, u32)>) -> Health {
        let check = |name: &str| Check { process: name.into(), interval_ms: 1000, timeout_ms: 1000 };
        let folder = std::env::temp_dir().join(format!("cove-health-{}", std::process::id()));
        let mut health = Health::new(HealthPlan {
            check: check("check"),
            startup: startup.map(|(retries, successes)| cove_monitor::protocol::StartupCheck {
                check: check("startup"),
                retries,
                successes,
            }),
            retries,
            start_period_ms: 0,
            max_log_count: 2,
            max_log_size: 4,
            state_file: folder,
            log_file: None,
            failure_command: Vec::new(),
            restart_command: Vec::new(),
            events: None,
        });
        health.started(host::monotonic_ms());
        health
    }

    fn check(health: &mut Health, code: i32) -> HealthReport {
        let run = Run {
            startup: health.startup.is_some(),
            is_asked: false,
            stage: Stage::Runtime(0),
            began: String::new(),
            deadline: 0,
            timed_out: false,
            output: None,
            text: b"text".to_vec(),
        };
        health.judge(code, &run)
    }

    #[test]
    fn failures_add_up() {
        let mut health = health(2, None);
        assert_eq!(health.found.status, "starting");
        assert_eq!(check(&mut health, 3).result, "unhealthy");
        assert_eq!((health.found.status.as_str(), health.found.failing_streak), ("starting", 1));
        assert!(!check(&mut health, 0).unhealthy);
        assert_eq!((health.found.status.as_str(), health.found.failing_streak), ("healthy", 0));
        check(&mut health, -1);
        assert!(check(&mut health, 1).unhealthy);
        assert_eq!((health.found.status.as_str(), health.found.log.len()), ("unhealthy", 2));
        let codes: Vec<i32> = health.found.log.iter().map(|entry| entry.exit_code).collect();
        assert_eq!(codes, [-1, 1]);
    }

    #[test]
    fn the_start_up_check_comes_first() {
        let mut health = health(1, Some((2, 2)));
        assert!(!check(&mut health, 0).restart);
        let report = check(&mut health, 1);
        assert_eq!((report.result.as_str(), report.restart, report.unhealthy), ("starting", false, false));
        assert!(check(&mut health, 1).restart);
        check(&mut health, 0);
        assert!(health.startup.is_none());
        assert!(check(&mut health, 1).unhealthy);
    }

    #[test]
    fn one_in_the_start_period_does_not_count() {
        let mut health = health(1, None);
        health.plan.start_period_ms = 60_000;
        check(&mut health, 1);
        assert_eq!((health.found.status.as_str(), health.found.failing_streak), ("starting", 0));
    }

    #[test]
    fn an_asked_check_is_a_new_one() {
        let mut health = health(1, None);
        health.begun = 4;
        assert_eq!(health.ask(), 5);
        assert_eq!(health.wake_at(), 0);
    }

    #[test]
    fn endless_output_stops_nothing_else() {
        let mut health = health(1, None);
        let zeros = fs::File::open("/dev/zero").unwrap();
        health.run = Some(Run {
            startup: false,
            is_asked: false,
            stage: Stage::Process(1),
            began: String::new(),
            deadline: 0,
            timed_out: false,
            output: Some(OwnedFd::from(zeros.into_parts().0)),
            text: Vec::new(),
        });
        health.read();
        assert_eq!(health.run.unwrap().text, [0; 4]);
    }

    #[test]
    fn events_wait_for_the_lock_of_their_file() {
        let folder = std::env::temp_dir().join(format!("cove-health-events-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("events.log");
        let events = HealthEvents {
            file: file.clone(),
            event: serde_json::json!({"Actor": {"Attributes": {}}}),
            with_log: false,
        };
        let lock = cove_sys::lock::FileLock::exclusive(&folder.join("events.log.lock")).unwrap();
        std::thread::scope(|scope| {
            let told = scope.spawn(|| append(&events, &HealthFound::default()));
            std::thread::sleep(std::time::Duration::from_millis(100));
            assert!(!file.exists());
            drop(lock);
            told.join().unwrap().unwrap();
        });
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
