//! Options of Podman's machines that these machines have no use for, or cannot do yet: refused with the reason, never
//! dropped. What asks for what is the case anyway is no error.

use crate::command_error::CommandError;

/// Those that `init` and `set` share.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct RefusedBoth {
    /// Run the engine as root; always so, false is refused
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    rootful: Option<bool>,
    /// Connect through a program of the user's; always so, false is refused
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    user_mode_networking: Option<bool>,
    /// USB devices of this host; refused but for ""
    #[arg(long = "usb", value_name = "DEVICE")]
    usbs: Vec<String>,
}

impl RefusedBoth {
    /// Refuses what is not done.
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        if self.rootful == Some(false) {
            return refused(
                "--rootful=false",
                "the engine in a machine runs as root; containers may have user namespaces",
            );
        }
        if self.user_mode_networking == Some(false) {
            return refused(
                "--user-mode-networking=false",
                "QEMU's network in the user's process is the only one",
            );
        }
        if self.usbs.iter().any(|device| !device.is_empty()) {
            return refused("--usb", "the kernel of the machine's image has no drivers for USB");
        }
        Ok(())
    }
}

/// Those of `init`.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct RefusedByInit {
    #[command(flatten)]
    shared: RefusedBoth,
    /// Ask registries by HTTPS only; refused, images of machines come from files
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    tls_verify: Option<bool>,
    /// Ignition file; refused
    #[arg(long, value_name = "PATH", hide = true)]
    ignition_path: Option<String>,
    /// Ansible playbook; refused
    #[arg(long, value_name = "PATH", hide = true)]
    playbook: Option<String>,
}

impl RefusedByInit {
    /// Refuses what is not done.
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        self.shared.check()?;
        if self.tls_verify.is_some() {
            return refused("--tls-verify", "images of machines come from files, no registry is asked");
        }
        let instead =
            "machines are not provisioned by it; when it runs, \"cove machine ssh\" runs any script in it";
        if self.ignition_path.is_some() {
            return refused("--ignition-path", instead);
        }
        if self.playbook.is_some() {
            return refused("--playbook", instead);
        }
        Ok(())
    }
}

fn refused(option: &str, reason: &str) -> Result<(), CommandError> {
    Err(CommandError::other(format!("{option} is not supported: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: RefusedByInit,
    }

    fn check(words: &[&str]) -> Result<(), String> {
        let line = Line::try_parse_from([&["x"], words].concat()).expect("options");
        line.args.check().map_err(|error| error.messages().join(" "))
    }

    #[test]
    fn what_is_the_case_anyway_is_no_error() {
        for words in
            [&[][..], &["--rootful"], &["--rootful=true"], &["--user-mode-networking"], &["--usb", ""]]
        {
            check(words).unwrap();
        }
    }

    #[test]
    fn everything_else_is_refused_by_its_name() {
        for words in [
            &["--rootful=false"][..],
            &["--user-mode-networking=false"],
            &["--usb", "bus=1,devnum=3"],
            &["--tls-verify=false"],
            &["--ignition-path", "x"],
            &["--playbook", "x"],
        ] {
            let error = check(words).unwrap_err();
            let name = match words[0] {
                "--tls-verify=false" => "--tls-verify",
                name => name,
            };
            assert!(error.starts_with(&format!("{name} is not supported: ")), "{words:?}: {error}");
        }
    }
}
