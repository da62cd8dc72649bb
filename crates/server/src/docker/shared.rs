//! Parameters that several of Docker's routes take.

use cove_api::{AttachOptions, EventOptions, LogOptions, TerminalSize};

use crate::error::{Answer, ApiError};
use crate::params::Params;

/// `signal`: a name or a number; SIGKILL where it is missing.
pub(super) fn parse_signal(params: &Params) -> Answer<i32> {
    match params.text("signal") {
        None => Ok(9),
        Some(text) => cove_api::signal::parse(&text).map_err(ApiError),
    }
}

/// The log parameters.
pub(super) fn log_options(params: &Params) -> Answer<LogOptions> {
    let tail = match params.get("tail") {
        Some("all") => None,
        _ => params.number::<i64>("tail")?.and_then(|tail| u64::try_from(tail).ok()),
    };
    let options = LogOptions {
        follow: params.switch("follow", false)?,
        tail,
        since: params.time("since")?,
        until: params.time("until")?,
        stdout: params.switch("stdout", false)?,
        stderr: params.switch("stderr", false)?,
    };
    if !options.stdout && !options.stderr {
        return Err(ApiError::invalid("at least one of stdout and stderr must be asked for"));
    }
    Ok(options)
}

/// The attach parameters.
pub(super) fn attach_options(params: &Params) -> Answer<AttachOptions> {
    let options = AttachOptions {
        stdin: params.switch("stdin", true)?,
        stdout: params.switch("stdout", true)?,
        stderr: params.switch("stderr", true)?,
        logs: params.switch("logs", false)?,
        detach_keys: params.get("detachKeys").map(str::to_owned),
    };
    if !params.switch("stream", true)? && !options.logs {
        return Err(ApiError::invalid("at least one of stream and logs must be asked for"));
    }
    Ok(options)
}

/// `h` and `w`.
pub(super) fn terminal_size(params: &Params) -> Answer<TerminalSize> {
    Ok(TerminalSize {
        width: params.number("w")?.unwrap_or_default(),
        height: params.number("h")?.unwrap_or_default(),
    })
}

/// The event parameters.
pub(super) fn event_options(params: &Params) -> Answer<EventOptions> {
    Ok(EventOptions {
        since: params.time("since")?,
        until: params.time("until")?,
        filters: params.filters()?,
        stream: params.switch("stream", true)?,
    })
}

/// `repo` and `tag` as one name.
pub(super) fn repo_tag(params: &Params) -> Option<String> {
    let repository = params.text("repo")?;
    Some(match params.text("tag") {
        Some(tag) => format!("{repository}:{tag}"),
        None => repository,
    })
}
