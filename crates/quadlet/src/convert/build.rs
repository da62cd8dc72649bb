//! `.build`

use super::{Conversion, SERVICE};
use crate::error::{Error, Result};
use crate::path;

pub(super) fn convert(unit: &mut Conversion<'_>) -> Result<()> {
    if unit.all("ImageTag").is_empty() {
        return Err(Error::invalid("no ImageTag key specified"));
    }
    let mut command = unit.command();
    command.add("build");
    // Its value may be left out, so it has to be in the same word.
    if let Some(policy) = unit.text("Pull") {
        command.add(format!("--pull={policy}"));
    }
    unit.texts(
        &mut command,
        &[
            ("Arch", "--arch"),
            ("AuthFile", "--authfile"),
            ("IgnoreFile", "--ignorefile"),
            ("Target", "--target"),
            ("Variant", "--variant"),
            ("Retry", "--retry"),
            ("RetryDelay", "--retry-delay"),
        ],
    );
    unit.switches(&mut command, &[("TLSVerify", "--tls-verify"), ("ForceRM", "--force-rm")])?;
    unit.every(
        &mut command,
        &[
            ("DNS", "--dns"),
            ("DNSOption", "--dns-option"),
            ("DNSSearch", "--dns-search"),
            ("GroupAdd", "--group-add"),
            ("ImageTag", "--tag"),
        ],
    );
    unit.every_pair(
        &mut command,
        &[
            ("BuildArg", "--build-arg"),
            ("Environment", "--env"),
            ("Label", "--label"),
            ("Annotation", "--annotation"),
        ],
    );
    unit.add_networks(&mut command)?;
    for secret in unit.command_words("Secret") {
        command.option("--secret", secret);
    }
    unit.add_volumes(&mut command)?;

    let context = unit.set_working_directory()?;
    let folder = unit.service.text(SERVICE, "WorkingDirectory").map(str::to_owned);
    let file = unit.text("File").map(str::to_owned);
    if folder.is_none() && file.is_none() && context.is_none() {
        return Err(Error::invalid("neither SetWorkingDirectory, nor File key specified"));
    }
    if let Some(file) = &file {
        command.option("--file", file.as_str());
    }
    unit.podman_args(&mut command);
    let file = file.unwrap_or_default();
    if let Some(context) = context {
        command.add(context);
    } else if !path::starts_with_specifier(&file) && !file.starts_with('/') && !path::is_url(&file) {
        let folder = folder.ok_or_else(|| {
            unit.fault("File", "relative path in File key requires SetWorkingDirectory key to be set")
        })?;
        command.add(folder);
    }
    unit.set_command("ExecStart", &command);
    unit.make_oneshot(false);
    Ok(())
}
