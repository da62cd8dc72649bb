//! What is done by the program `cove`, because it is done on this computer: builds, whose context is here, and logins.

use std::process::Stdio;
use std::time::Duration;

use cove_api::{Concealed, Error, ErrorKind, Result};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::act::files::place;
use crate::act::logs::LONGEST_LINE;
use crate::core::Core;
use crate::source::Target;
use crate::task::Task;
use crate::{BuildForm, Failure};

/// A registry that has not answered by then is not waited for.
const LOGIN_TIME: Duration = Duration::from_secs(60);
/// Most of what a program says that is shown, in bytes.
const LONGEST_REASON: u64 = 4096;
/// Longest text of a step, in characters.
const LONGEST_STEP: usize = 300;
/// A build that was given up has so long to take itself apart.
const END_TIME: Duration = Duration::from_secs(20);

/// A command of the engine in use.
fn command(core: &Core) -> std::result::Result<Command, Failure> {
    let target = core.lock().target.clone().unwrap_or(Target::Native);
    command_for(core, &target)
}

/// A command of an engine.
pub(crate) fn command_for(core: &Core, target: &Target) -> std::result::Result<Command, Failure> {
    let mut command = core.source.command(target)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

/// The command of a build.
pub(crate) fn build_command(core: &Core, form: &BuildForm) -> std::result::Result<Command, Failure> {
    let context = place(&form.context)?;
    let mut command = command(core)?;
    command.arg("build").args(arguments(form)).arg(context);
    Ok(command)
}

/// The options of a build. Each is one word, so that none is taken for another.
fn arguments(form: &BuildForm) -> Vec<String> {
    let named = |name: &str, value: &str| {
        let value = value.trim();
        (!value.is_empty()).then(|| format!("--{name}={value}"))
    };
    let mut arguments: Vec<String> =
        [named("tag", &form.tag), named("file", &form.file), named("target", &form.target)]
            .into_iter()
            .chain([named("platform", &form.platform)])
            .flatten()
            .collect();
    arguments.extend(form.arguments.iter().filter_map(|argument| named("build-arg", argument)));
    if form.no_cache {
        arguments.push("--no-cache".to_owned());
    }
    if form.pull {
        arguments.push("--pull=always".to_owned());
    }
    arguments
}

/// A program that is asked to end, and given time for it, when nobody waits for it any more.
struct Running(Option<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        interrupt(&child);
        // Where the program ends, too, the child is killed with its handle.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { tokio::time::timeout(END_TIME, child.wait()).await });
        }
    }
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    // It has not been waited for, so the number is still its own.
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::INT);
    }
}

#[cfg(not(unix))]
fn interrupt(_: &Child) {}

/// Runs a build and tells its lines; its steps are told as steps.
pub(crate) async fn build(mut command: Command, task: &Task) -> Result<()> {
    let failed = |error: std::io::Error| Error::from(error).context("start the build");
    let mut running = Running(Some(command.spawn().map_err(failed)?));
    let child = running.0.as_mut().ok_or_else(|| Error::internal("there is no build"))?;
    let (out, error) = (child.stdout.take(), child.stderr.take());
    let mut last = String::new();
    let mut reason = String::new();
    let told = |text: &str, kept: &mut String| {
        task.line(text);
        if let Some(step) = step(text) {
            task.next_step(&step);
        }
        if !text.trim().is_empty() {
            text.clone_into(kept);
        }
    };
    tokio::join!(
        lines(out, task, |text| told(text, &mut last)),
        lines(error, task, |text| told(text, &mut reason))
    );
    let status = child.wait().await?;
    if status.success() {
        task.message(last);
        return Ok(());
    }
    let reason = reason.trim_start_matches("Error: ");
    let reason = if reason.is_empty() { status.to_string() } else { reason.to_owned() };
    Err(Error::internal(reason))
}

/// `STEP 2/5: RUN make`, also after the stage in brackets: what follows `STEP`.
fn step(line: &str) -> Option<String> {
    let rest = match line.strip_prefix('[') {
        Some(staged) => staged.split_once("] ")?.1,
        None => line,
    };
    let (number, text) = rest.strip_prefix("STEP ")?.split_once(": ")?;
    number.split_once('/')?;
    let all = format!("{}{number} {text}", line.strip_suffix(rest).unwrap_or_default());
    Some(all.chars().take(LONGEST_STEP).collect())
}

/// Reads a program's lines to their end; longer ones come in parts.
async fn lines(from: Option<impl AsyncRead + Unpin>, task: &Task, mut each: impl FnMut(&str)) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        match (&mut from).take(most).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                each(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
                task.room().await;
            }
        }
    }
}

/// Logs in to a registry, which is asked, and keeps the credentials.
pub(crate) async fn login(
    core: &Core,
    registry: &str,
    username: &str,
    password: &Concealed,
) -> std::result::Result<(), Failure> {
    let mut command = command(core)?;
    command.args(["login", "--password-stdin"]).arg(format!("--username={username}"));
    answered(command, registry, password.0.as_bytes()).await
}

/// Forgets a registry's credentials.
pub(crate) async fn logout(core: &Core, registry: &str) -> std::result::Result<(), Failure> {
    let mut command = command(core)?;
    command.arg("logout");
    answered(command, registry, b"").await
}

async fn answered(mut command: Command, registry: &str, input: &[u8]) -> std::result::Result<(), Failure> {
    let registry = registry.trim();
    if registry.is_empty() || registry.starts_with('-') {
        return Err(Failure::new(ErrorKind::InvalidArgument, "a registry is needed, such as quay.io"));
    }
    command.arg(registry).stdin(Stdio::piped());
    let mut child = command.spawn().map_err(Error::from)?;
    let work = async {
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read says why it ended.
            let _ = stdin.write_all(input).await;
        }
        let mut reason = String::new();
        if let Some(error) = child.stderr.take() {
            let _ = error.take(LONGEST_REASON).read_to_string(&mut reason).await;
        }
        let status = child.wait().await.map_err(Error::from)?;
        if status.success() {
            return Ok(());
        }
        let reason = reason.trim().trim_start_matches("Error: ");
        let reason = if reason.is_empty() { status.to_string() } else { reason.to_owned() };
        Err(Failure::new(ErrorKind::Unauthorized, reason))
    };
    tokio::time::timeout(LOGIN_TIME, work).await.unwrap_or_else(|_| {
        let seconds = LOGIN_TIME.as_secs();
        Err(Failure::new(ErrorKind::Timeout, format!("{registry}: no answer within {seconds} seconds")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_options() {
        let form = BuildForm {
            context: "/src".into(),
            tag: " localhost/a:1 ".into(),
            file: "--oops".into(),
            arguments: vec!["A=b c".into(), " ".into()],
            no_cache: true,
            ..BuildForm::default()
        };
        assert_eq!(
            arguments(&form),
            ["--tag=localhost/a:1", "--file=--oops", "--build-arg=A=b c", "--no-cache"]
        );
        let all = BuildForm { target: "t".into(), platform: "linux/arm64".into(), pull: true, ..form };
        assert!(arguments(&all).ends_with(&["--no-cache".to_owned(), "--pull=always".to_owned()]));
    }

    #[test]
    fn steps_are_found_in_lines() {
        for (line, wanted) in [
            ("STEP 1/2: FROM alpine", Some("1/2 FROM alpine")),
            ("[2/2] STEP 3/4: RUN make: all", Some("[2/2] 3/4 RUN make: all")),
            ("STEP out: of", None),
            ("COMMIT localhost/a", None),
            ("[", None),
            ("", None),
        ] {
            assert_eq!(step(line).as_deref(), wanted, "{line}");
        }
    }
}
