//! When a container ends, and what becomes of it then.

use cove_api::ContainerSpec;
use cove_spec::policy;

use super::around::flag;
use crate::args::signal;
use crate::command_error::CommandError;

// When it ends, and what becomes of it then.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct LifecycleArgs {
    /// Remove the container when it ends
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Container")]
    pub(crate) rm: Option<bool>,
    /// Start it again when it ends: no, always, on-failure[:TRIES], unless-stopped
    #[arg(long, value_name = "POLICY", help_heading = "Container")]
    pub(crate) restart: Option<String>,
    /// Signal that asks it to stop
    #[arg(long, value_name = "SIGNAL", help_heading = "Container")]
    pub(crate) stop_signal: Option<String>,
    /// Seconds between the stop signal and SIGKILL
    #[arg(long, value_name = "SECONDS", help_heading = "Container")]
    pub(crate) stop_timeout: Option<u32>,
    /// Seconds after which it is killed
    #[arg(long, value_name = "SECONDS", help_heading = "Container")]
    pub(crate) timeout: Option<u32>,
    /// Prepare for systemd as the command: true (where it is), false, always
    #[arg(long, value_name = "MODE", help_heading = "Container")]
    pub(crate) systemd: Option<String>,
    /// Who tells systemd that it is ready: container, conmon, ignore
    #[arg(long, value_name = "MODE", help_heading = "Container")]
    pub(crate) sdnotify: Option<String>,
}

impl LifecycleArgs {
    /// Whether it is removed when it ends.
    pub(crate) fn removes(&self) -> bool {
        self.rm == Some(true)
    }

    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// A value is wrong, or two contradict each other.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        spec.remove = flag(self.removes());
        if let Some(text) = &self.restart {
            let restart = policy::restart(text)?;
            if self.removes() && !matches!(restart.policy.as_str(), "" | "no" | "on-failure") {
                return Err(CommandError::other(
                    "the --rm option conflicts with --restart, when the restartPolicy is not \"\" and \"no\"",
                ));
            }
            spec.restart_policy = restart.policy;
            spec.restart_tries = restart.tries;
        }
        spec.stop_signal = self.stop_signal.as_deref().map(signal).transpose()?;
        spec.stop_timeout = self.stop_timeout;
        spec.timeout = self.timeout.unwrap_or(0);
        spec.sdnotify_mode = self.sdnotify.clone().unwrap_or_default();
        spec.systemd = self.systemd.as_deref().unwrap_or_default().to_lowercase();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn policies() {
        let mut spec = ContainerSpec::default();
        parsed::<LifecycleArgs>("--restart on-failure:3 --rm --stop-signal INT --stop-timeout 7")
            .apply(&mut spec)
            .unwrap();
        assert_eq!((spec.restart_policy.as_str(), spec.restart_tries), ("on-failure", Some(3)));
        assert_eq!((spec.remove, spec.stop_signal, spec.stop_timeout), (Some(true), Some(2), Some(7)));
        let error = parsed::<LifecycleArgs>("--rm --restart always").apply(&mut spec).unwrap_err();
        assert!(error.messages()[0].starts_with("the --rm option conflicts with --restart"));
    }
}
