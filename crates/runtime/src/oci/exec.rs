//! The OCI process of an exec session.

use std::path::PathBuf;

use oci_spec::runtime::{Process, Spec};

use super::capabilities::{CapabilitySet, ProcessCapabilities, from_oci, merge};
use super::host::HostFacts;
use crate::error::{Error, Result};
use crate::user::ResolvedUser;

/// A process to run in a running container.
#[derive(Clone, Debug)]
pub struct ExecInput<'a> {
    /// The container's configuration.
    pub container: &'a Spec,
    /// Command and arguments.
    pub args: Vec<String>,
    /// Variables over those of the container, `NAME=value`.
    pub env: Vec<String>,
    /// Working directory; `None` takes the container's.
    pub cwd: Option<String>,
    /// Another user than the container's, see [`crate::user::resolve_user`].
    pub user: Option<ResolvedUser>,
    /// `--cap-add` of the container, which another user than root keeps.
    pub cap_add: &'a [String],
    /// All capabilities.
    pub privileged: bool,
    /// Make a terminal.
    pub terminal: bool,
    /// What the machine is like.
    pub host: &'a HostFacts,
}

/// The OCI process of an exec session: the container's, changed by what was asked for.
///
/// # Errors
/// There is no command, or the working directory is not absolute.
pub fn exec_process(input: &ExecInput<'_>) -> Result<Process> {
    let Some(mut process) = input.container.process().clone() else {
        return Err(Error::invalid("container", "its configuration has no process"));
    };
    if input.args.is_empty() {
        return Err(Error::invalid("command", "must provide a non-empty command to start an exec session"));
    }
    process.set_args(Some(input.args.clone())).set_terminal(Some(input.terminal)).set_console_size(None);
    if let Some(cwd) = &input.cwd {
        super::paths::check_working_directory(cwd)?;
        process.set_cwd(PathBuf::from(cwd));
    }
    let mut env = process.env().clone().unwrap_or_default();
    if let Some(user) = &input.user {
        set_variable(&mut env, &format!("HOME={}", user.home));
        let umask = process.user().umask();
        process.set_user(super::build::user(user, umask));
    }
    for variable in &input.env {
        set_variable(&mut env, variable);
    }
    process.set_env(Some(env));
    if input.privileged || input.user.is_some() {
        let capabilities = capabilities(input, &process)?;
        process.set_capabilities(Some(capabilities.to_oci()));
    }
    Ok(process)
}

fn capabilities(input: &ExecInput<'_>, process: &Process) -> Result<ProcessCapabilities> {
    let bounding = if input.privileged {
        input.host.bounding.clone()
    } else {
        let own = process.capabilities().as_ref().and_then(|sets| sets.bounding().as_ref());
        &from_oci(own) & &input.host.bounding
    };
    let (effective, ambient) = if process.user().uid() == 0 {
        (bounding.clone(), CapabilitySet::new())
    } else {
        let asked = merge(&CapabilitySet::new(), input.cap_add, &[], &bounding)?;
        (asked.clone(), asked)
    };
    Ok(ProcessCapabilities {
        bounding,
        permitted: effective.clone(),
        effective,
        inheritable: ambient.clone(),
        ambient,
    })
}

fn set_variable(env: &mut Vec<String>, variable: &str) {
    let name = variable.split_once('=').map_or(variable, |(name, _)| name);
    env.retain(|e| e.split_once('=').map_or(e.as_str(), |(n, _)| n) != name);
    env.push(variable.to_owned());
}
