//! Build files that end in `.in`, which cpp(1) reads first.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cove_api::BuildText;
use cove_sys::process::{RunOptions, run_ok};

use crate::command_error::CommandError;

/// What cpp makes of a text, with further options where there are some.
pub(super) fn preprocessed(
    file: &BuildText,
    folder: &Path,
    flags: &[String],
) -> Result<Vec<u8>, CommandError> {
    let mut command = Command::new("cpp");
    command.args(["-E", "-iquote"]).arg(folder).args(["-traditional", "-undef"]);
    command.args(flags.iter().flat_map(|flags| flags.split_whitespace())).arg("-").env("LC_ALL", "C");
    let options =
        RunOptions { stdin: file.text.clone(), timeout: Duration::from_secs(60), output_limit: 8 << 20 };
    match run_ok(&mut command, &options) {
        Ok(output) => Ok(output.stdout),
        Err(error) => {
            let error = cove_api::Error::from_chain(cove_api::ErrorKind::InvalidArgument, &error);
            Err(error.context(&file.name).into())
        }
    }
}
