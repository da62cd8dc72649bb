//! Hooks that change a container's configuration before the OCI runtime sees it.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cove_sys::process::{RunOptions, run_ok};
use oci_spec::runtime::Spec;

use super::file::HookFile;
use crate::error::{Error, Result};

/// How long one may take that says nothing itself.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Most bytes of a configuration.
const MAX_OUTPUT: usize = 16 << 20;

/// Runs one: it reads the configuration and writes another.
pub(super) fn run(file: &HookFile, spec: &Spec, folder: &Path) -> Result<Spec> {
    let named = |why: String| Error::invalid(format!("precreate hook {}", file.path.display()), why);
    let hook = &file.hook;
    let mut command = Command::new(hook.path());
    if let Some((first, rest)) = hook.args().as_deref().and_then(<[_]>::split_first) {
        command.arg0(first).args(rest);
    }
    let variables = hook.env().iter().flatten().filter_map(|variable| variable.split_once('='));
    command.env_clear().envs(variables).current_dir(folder);
    let options = RunOptions {
        stdin: serde_json::to_vec(spec).map_err(|error| named(error.to_string()))?,
        timeout: hook
            .timeout()
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0)
            .map_or(TIMEOUT, Duration::from_secs),
        output_limit: MAX_OUTPUT,
    };
    let output = run_ok(&mut command, &options).map_err(|error| named(error.to_string()))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| named(format!("what it wrote is no OCI configuration: {error}")))
}
