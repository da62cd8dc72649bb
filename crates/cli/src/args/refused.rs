//! Global options of Podman's that this version does not do: known, so that they are refused by name with the reason
//! and not as a mistyped word.

use cove_api::Error;

// The options; each with a value takes one, so that what follows it is not taken for the command.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
pub(crate) struct RefusedArgs {
    /// The program conmon
    #[arg(long, hide = true, value_name = "FILE")]
    conmon: Option<String>,
    /// Folder of images apart from the containers'
    #[arg(long, hide = true, value_name = "DIR")]
    imagestore: Option<String>,
    /// The program slirp4netns
    #[arg(long, hide = true, value_name = "FILE")]
    network_cmd_path: Option<String>,
    /// Log to syslog too
    #[arg(long, hide = true)]
    syslog: bool,
    /// Keep the state only until a reboot
    #[arg(long, hide = true)]
    transient_store: bool,
}

impl RefusedArgs {
    /// Those of both.
    pub(super) fn merged(self, later: Self) -> Self {
        Self {
            conmon: later.conmon.or(self.conmon),
            imagestore: later.imagestore.or(self.imagestore),
            network_cmd_path: later.network_cmd_path.or(self.network_cmd_path),
            syslog: self.syslog || later.syslog,
            transient_store: self.transient_store || later.transient_store,
        }
    }

    /// Refuses the first that was given.
    ///
    /// # Errors
    /// One was given.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let given = [
            (
                self.conmon.is_some(),
                "conmon",
                "containers are watched by cove-monitor, which belongs beside cove",
            ),
            (
                self.imagestore.is_some(),
                "imagestore",
                "images and containers are kept in one store, see --root",
            ),
            (
                self.network_cmd_path.is_some(),
                "network-cmd-path",
                "put its folder into helper_binaries_dir of containers.conf",
            ),
            (self.syslog, "syslog", "messages go to standard error"),
            (self.transient_store, "transient-store", "the state is always kept"),
        ];
        match given.into_iter().find(|(given, ..)| *given) {
            Some((_, name, instead)) => Err(Error::unsupported(format!(
                "the option --{name} is not supported by this version: {instead}"
            ))),
            None => Ok(()),
        }
    }
}
