//! The OCI process of an exec session.

use std::path::PathBuf;

use oci_spec::runtime::{Process, Spec};
use serde_json::{Value, json};

use super::capabilities::{CapabilitySet, ProcessCapabilities, merge};
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
    let path = || PathBuf::from("process.json");
    let mut process = match serde_json::to_value(input.container.process()) {
        Ok(Value::Object(process)) => process,
        _ => return Err(Error::invalid("container", "its configuration has no process")),
    };
    if input.args.is_empty() {
        return Err(Error::invalid("command", "must provide a non-empty command to start an exec session"));
    }
    process.insert("args".to_owned(), json!(input.args));
    process.insert("terminal".to_owned(), json!(input.terminal));
    process.remove("consoleSize");
    if let Some(cwd) = &input.cwd {
        super::paths::check_working_directory(cwd)?;
        process.insert("cwd".to_owned(), json!(cwd));
    }
    let mut env: Vec<String> = strings(process.get("env"));
    if let Some(user) = &input.user {
        set_variable(&mut env, &format!("HOME={}", user.home));
        let umask = process.get("user").and_then(|u| u.get("umask")).cloned();
        let mut value = json!({"uid": user.uid, "gid": user.gid});
        if !user.additional_gids.is_empty() {
            value["additionalGids"] = json!(user.additional_gids);
        }
        if let Some(umask) = umask {
            value["umask"] = umask;
        }
        process.insert("user".to_owned(), value);
    }
    for variable in &input.env {
        set_variable(&mut env, variable);
    }
    process.insert("env".to_owned(), json!(env));
    if input.privileged || input.user.is_some() {
        let root = match &input.user {
            Some(user) => user.uid == 0,
            None => process.get("user").and_then(|u| u.get("uid")).and_then(Value::as_u64) == Some(0),
        };
        let capabilities = capabilities(input, root, process.get("capabilities"))?;
        process.insert("capabilities".to_owned(), capabilities.to_json());
    }
    serde_json::from_value(Value::Object(process)).map_err(|source| Error::Json { path: path(), source })
}

fn capabilities(
    input: &ExecInput<'_>,
    root: bool,
    of_container: Option<&Value>,
) -> Result<ProcessCapabilities> {
    let bounding: CapabilitySet = if input.privileged {
        input.host.bounding.clone()
    } else {
        let names = strings(of_container.and_then(|c| c.get("bounding")));
        input.host.bounding.iter().filter(|b| names.iter().any(|n| n == *b)).copied().collect()
    };
    let (effective, ambient) = if root {
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

fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn set_variable(env: &mut Vec<String>, variable: &str) {
    let name = variable.split_once('=').map_or(variable, |(name, _)| name);
    env.retain(|e| e.split_once('=').map_or(e.as_str(), |(n, _)| n) != name);
    env.push(variable.to_owned());
}
