//! What a running guest says: over its API, and by ssh as nobody else asks it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Findings;
use crate::error::{Error, Result};
use crate::ops::machines::Machines;
use crate::paths::MachinePaths;
use crate::provider::VmProvider;
use crate::record::MachineRecord;
use crate::ssh::SshTarget;

/// Time for an answer of the engine, and for all that ssh is asked; an emulated guest is slow.
const ENGINE_TIME: Duration = Duration::from_secs(10);
const SSH_TIME: Duration = Duration::from_secs(40);
/// Largest difference of the clocks that is let be, in seconds.
const SKEW: u64 = 2;
/// What the guest is asked: its time, the use of its disk, the use of its inodes.
const QUESTION: &str = "date +%s; df -Pk / | tail -n 1; df -Pi / | tail -n 1";

/// What it answers.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    /// Seconds since 1970.
    time: u64,
    /// How much of the disk is in use, in per cent.
    disk: u8,
    /// How many of the inodes are in use, in per cent.
    inodes: u8,
}

impl Machines {
    pub(super) async fn check_guest(
        &self,
        record: &MachineRecord,
        paths: &MachinePaths,
        provider: &dyn VmProvider,
        findings: &mut Findings,
    ) {
        let name = &record.name;
        match tokio::time::timeout(ENGINE_TIME, ping(paths)).await {
            Ok(Ok(true)) => findings.ok("engine", "it answers"),
            Ok(Ok(false)) => {
                findings.fail("engine", "something else answers", format!("cove machine start {name}"));
            }
            Ok(Err(error)) => {
                findings.fail("engine", error.to_string(), format!("cove machine start {name}"));
            }
            Err(_) => findings.fail(
                "engine",
                format!("no answer in {} s", ENGINE_TIME.as_secs()),
                format!("cove machine ssh {name} ps"),
            ),
        }
        let target = match SshTarget::new(record, paths, provider.address(record, paths)) {
            Ok(target) => target,
            Err(error) => return findings.fail("ssh", error.to_string(), ""),
        };
        let unreachable = format!("cove machine stop {name}, then start it");
        match tokio::time::timeout(SSH_TIME, run(&target, QUESTION)).await {
            Ok(Ok(text)) => match parse(&text) {
                Some(answer) => {
                    findings.ok("ssh", "it answers");
                    check_clock(&target, answer.time, findings).await;
                    check_use(name.as_str(), &answer, findings);
                }
                None => findings.fail("ssh", "what it answers cannot be read", unreachable),
            },
            Ok(Err(error)) => findings.fail("ssh", error.to_string(), unreachable),
            Err(_) => {
                findings.fail("ssh", format!("no answer in {} s", SSH_TIME.as_secs()), unreachable);
            }
        }
    }
}

#[cfg(unix)]
async fn ping(paths: &MachinePaths) -> std::io::Result<bool> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::UnixStream::connect(paths.api()).await?;
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}

#[cfg(not(unix))]
async fn ping(_: &MachinePaths) -> std::io::Result<bool> {
    Err(std::io::ErrorKind::Unsupported.into())
}

async fn run(target: &SshTarget, command: &str) -> Result<String> {
    let session = target.connect().await?;
    let answer = session.run(command).await;
    session.close().await;
    match answer? {
        (0, output) => Ok(output),
        (code, output) => {
            let reason = format!("exit code {code}: {}", crate::boot_log::tail(&output, 1));
            Err(Error::Ssh { name: target.name().to_owned(), reason })
        }
    }
}

async fn check_clock(target: &SshTarget, guest: u64, findings: &mut Findings) {
    let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let difference = guest.abs_diff(seconds());
    if difference <= SKEW {
        return findings.ok("clock", format!("it differs by {difference} s"));
    }
    let repair = async {
        let command = format!("date -u -s @{}", seconds());
        match tokio::time::timeout(SSH_TIME, run(target, &command)).await {
            Ok(done) => done.map(drop),
            Err(error) => Err(Error::Io(error.into())),
        }
    };
    findings.repairable("clock", format!("the guest's differs by {difference} s"), repair).await;
}

fn check_use(name: &str, answer: &Answer, findings: &mut Findings) {
    let most = answer.disk.max(answer.inodes);
    let message = format!("{} % of its room and {} % of its inodes are in use", answer.disk, answer.inodes);
    let cure = format!("`cove -c {name} system prune`, or a larger disk: `cove machine resize {name}`");
    match most {
        0..=89 => findings.ok("guest disk", message),
        90..=97 => findings.warn("guest disk", message, cure),
        _ => findings.fail("guest disk", message, cure),
    }
}

/// Reads the answer; the guest is not trusted to say anything in particular.
fn parse(text: &str) -> Option<Answer> {
    let mut lines = text.lines();
    let time = lines.next()?.trim().parse().ok()?;
    let mut percent = || {
        let word = lines.next()?.split_whitespace().find_map(|word| word.strip_suffix('%'))?;
        word.parse::<u8>().ok().filter(|percent| *percent <= 100)
    };
    Some(Answer { time, disk: percent()?, inodes: percent()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::Outcome;

    #[test]
    fn answers_are_read_or_refused() {
        let text =
            "1795791180\n/dev/root  10218772 512000 9168000   6% /\n/dev/root 655360 12000 643360 2% /\n";
        assert_eq!(parse(text), Some(Answer { time: 1_795_791_180, disk: 6, inodes: 2 }));
        for bad in ["", "x", "1\n", "1\n/dev/root 1 1 1 6 /\n", "1\na 101% /\na 1% /", "1\na 6% /\na x% /"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_full_disk_is_told_in_time() {
        for (disk, inodes, result) in [
            (89, 1, Outcome::Ok),
            (90, 1, Outcome::Warn),
            (3, 95, Outcome::Warn),
            (98, 1, Outcome::Fail),
            (0, 100, Outcome::Fail),
        ] {
            let mut findings = Findings::new("dev", false);
            check_use("dev", &Answer { time: 0, disk, inodes }, &mut findings);
            assert_eq!(findings.checks[0].result, result, "{disk} {inodes}");
        }
    }
}
