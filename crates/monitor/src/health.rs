//! Health: when a check is due, what comes of it, and what all of them have found.
//!
//! It is judged by exit codes as podman does (podman-run(1), "--health-cmd"). What was found is a file, replaced after
//! each check; the engine reads it.

use std::os::fd::OwnedFd;

use cove_monitor::protocol::{HealthFound, HealthLogEntry, HealthPlan, HealthReport};

use crate::log::Clock;
use crate::setup::write_json;
use crate::{health_event, host};

/// Most output of a check that is kept where the user set no limit, in bytes.
const MAX_OUTPUT: usize = 256 << 10;

/// Most that the log of checks takes where the user set no limit, in bytes of output.
const MAX_LOG: usize = 1 << 20;

/// Pieces of a check's output that are read at a time: one that writes on and on does not stop all else.
const MAX_READS: usize = 64;

/// All about the health of the container.
pub(crate) struct Health {
    pub(crate) plan: HealthPlan,
    pub(crate) found: HealthFound,
    pub(crate) clock: Clock,
    /// When the next check begins by itself, on the monotonic clock; never for `u64::MAX`.
    pub(crate) next_at: u64,
    started_at: u64,
    /// Failures and successes of the start-up check; `None` when it has passed or there is none.
    pub(crate) startup: Option<(u32, u32)>,
    pub(crate) run: Option<Run>,
    /// How many checks have begun.
    pub(crate) begun: u64,
    /// Whoever asked for a check waits for the one of that number.
    pub(crate) asked: Option<u64>,
    /// The command that deals with a failure.
    pub(crate) acting: Option<i32>,
}

/// A check under way.
pub(crate) struct Run {
    pub(crate) startup: bool,
    /// Somebody waits for it, and does what is to be done.
    pub(crate) is_asked: bool,
    pub(crate) stage: Stage,
    pub(crate) began: String,
    pub(crate) deadline: u64,
    pub(crate) timed_out: bool,
    pub(crate) output: Option<OwnedFd>,
    pub(crate) text: Vec<u8>,
}

/// The OCI runtime that starts the process, then the process, then its end.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Runtime(i32),
    Process(i32),
    /// Something has killed it: the container's end does that to all in it, and is told of a moment later.
    Killed {
        until: u64,
    },
}

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
    pub(crate) fn started(&mut self, now: u64) {
        self.started_at = now;
        self.startup = self.plan.startup.as_ref().map(|_| (0, 0));
        self.found = HealthFound { status: "starting".into(), ..HealthFound::default() };
        self.next_at = if self.interval() == 0 { u64::MAX } else { now };
        self.keep();
    }

    /// Goes by another plan from now on: what was found stays, and where it `runs` a check is due at once.
    pub(crate) fn change(&mut self, plan: HealthPlan, runs: bool) {
        self.startup = match (&plan.startup, &self.plan.startup) {
            (None, _) => None,
            (Some(_), None) => Some((0, 0)),
            (Some(_), Some(_)) => self.startup,
        };
        self.plan = plan;
        if runs {
            self.next_at = if self.interval() == 0 { u64::MAX } else { host::monotonic_ms() };
            self.shorten();
            self.keep();
        }
    }

    pub(crate) fn interval(&self) -> u64 {
        match (&self.plan.startup, self.startup) {
            (Some(startup), Some(_)) => startup.check.interval_ms,
            _ => self.plan.check.interval_ms,
        }
    }

    /// Asks for a check and answers its number: the one under way may have begun before what is asked about.
    pub(crate) fn ask(&mut self) -> u64 {
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
    pub(crate) fn judge(&mut self, code: i32, run: &Run) -> HealthReport {
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
    pub(crate) fn keep(&self) {
        let _ = write_json(&self.plan.state_file, &self.found);
        if let Some(copy) = &self.plan.log_file {
            let _ = write_json(copy, &self.found);
        }
    }

    pub(crate) fn tell(&self) {
        if let Some(events) = &self.plan.events {
            health_event::tell(events, &self.found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_monitor::protocol::Check;
    use cove_sys::fs;

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
    fn another_plan_keeps_what_was_found() {
        let mut health = health(3, None);
        check(&mut health, 1);
        check(&mut health, 1);
        let mut plan = health.plan.clone();
        (plan.check.interval_ms, plan.max_log_count) = (0, 1);
        health.change(plan.clone(), true);
        assert_eq!((health.next_at, health.found.log.len(), health.found.failing_streak), (u64::MAX, 1, 2));
        plan.check.interval_ms = 5;
        health.change(plan, true);
        assert!(health.next_at <= host::monotonic_ms());
        assert!(check(&mut health, 1).unhealthy);
    }
}
