//! Health checks.

use cove_api::{ContainerSpec, HealthConfig};
use cove_spec::health::{self, CheckTexts};

use super::around::absolute;
use crate::command_error::CommandError;

// Health checks of a container.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct HealthArgs {
    /// Command that finds out whether it is well, a line for the shell or a JSON list; none for no check
    #[arg(long, value_name = "COMMAND", help_heading = "Health")]
    pub(crate) health_cmd: Option<String>,
    /// Time between two checks, or disable
    #[arg(long, value_name = "DURATION", help_heading = "Health")]
    pub(crate) health_interval: Option<String>,
    /// Failures in a row after which it is unhealthy
    #[arg(long, value_name = "COUNT", help_heading = "Health")]
    pub(crate) health_retries: Option<u32>,
    /// Time after the start in which failures do not count
    #[arg(long, value_name = "DURATION", help_heading = "Health")]
    pub(crate) health_start_period: Option<String>,
    /// Time after which a check has failed
    #[arg(long, value_name = "DURATION", help_heading = "Health")]
    pub(crate) health_timeout: Option<String>,
    /// Command that must succeed before those checks begin
    #[arg(long, value_name = "COMMAND", help_heading = "Health")]
    pub(crate) health_startup_cmd: Option<String>,
    /// Time between two checks at the start
    #[arg(long, value_name = "DURATION", help_heading = "Health")]
    pub(crate) health_startup_interval: Option<String>,
    /// Failures at the start after which it is started again
    #[arg(long, value_name = "COUNT", help_heading = "Health")]
    pub(crate) health_startup_retries: Option<u32>,
    /// Successes at the start that are needed
    #[arg(long, value_name = "COUNT", help_heading = "Health")]
    pub(crate) health_startup_success: Option<u32>,
    /// Time after which a check at the start has failed
    #[arg(long, value_name = "DURATION", help_heading = "Health")]
    pub(crate) health_startup_timeout: Option<String>,
    /// What is done when it turns unhealthy: none, kill, restart or stop
    #[arg(long, value_name = "ACTION", help_heading = "Health")]
    pub(crate) health_on_failure: Option<String>,
    /// Where results are kept: a folder, local or events_logger
    #[arg(long, value_name = "PLACE", help_heading = "Health")]
    pub(crate) health_log_destination: Option<String>,
    /// Most results that are kept; 0 for no limit
    #[arg(long, value_name = "COUNT", help_heading = "Health")]
    pub(crate) health_max_log_count: Option<u32>,
    /// Most characters of a result; 0 for no limit
    #[arg(long, value_name = "COUNT", help_heading = "Health")]
    pub(crate) health_max_log_size: Option<u32>,
    /// Run no health checks
    #[arg(long, help_heading = "Health")]
    pub(crate) no_healthcheck: bool,
}

impl HealthArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// A value is wrong, or two contradict each other.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        let regular = CheckTexts {
            command: self.health_cmd.as_deref().filter(|command| !command.is_empty()),
            interval: self.health_interval.as_deref(),
            timeout: self.health_timeout.as_deref(),
            start_period: self.health_start_period.as_deref(),
            retries: self.health_retries,
        };
        let startup = CheckTexts {
            command: self.health_startup_cmd.as_deref().filter(|command| !command.is_empty()),
            interval: self.health_startup_interval.as_deref(),
            timeout: self.health_startup_timeout.as_deref(),
            start_period: None,
            retries: self.health_startup_retries,
        };
        if self.no_healthcheck {
            for (name, given) in
                [("--health-cmd", regular.command), ("--health-startup-cmd", startup.command)]
            {
                if given.is_some() {
                    return Err(CommandError::other(format!(
                        "cannot specify both --no-healthcheck and {name}"
                    )));
                }
            }
            spec.healthconfig =
                Some(HealthConfig { test: vec!["NONE".to_owned()], ..HealthConfig::default() });
        } else {
            spec.healthconfig = health::check(&regular)?;
            spec.startup_health_config = health::startup(&startup, self.health_startup_success)?;
        }
        if let Some(action) = &self.health_on_failure {
            spec.health_check_on_failure_action = health::action(action)?;
        }
        spec.health_log_destination = match self.health_log_destination.as_deref() {
            None | Some("") => String::new(),
            Some(word @ ("local" | "events_logger")) => word.to_owned(),
            Some(path) => absolute(path)?,
        };
        spec.health_max_log_count = self.health_max_log_count;
        spec.health_max_log_size = self.health_max_log_size;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn checks() {
        let mut spec = ContainerSpec::default();
        parsed::<HealthArgs>("--health-cmd true --health-interval 1s --health-on-failure kill")
            .apply(&mut spec)
            .unwrap();
        assert_eq!(spec.healthconfig.unwrap().test, ["CMD-SHELL", "true"]);
        assert_eq!(spec.health_check_on_failure_action, cove_api::HealthAction::Kill);
        let mut spec = ContainerSpec::default();
        parsed::<HealthArgs>("--no-healthcheck").apply(&mut spec).unwrap();
        assert_eq!(spec.healthconfig.unwrap().test, ["NONE"]);
        let error =
            parsed::<HealthArgs>("--no-healthcheck --health-cmd x").apply(&mut ContainerSpec::default());
        let error = error.unwrap_err();
        assert_eq!(error.messages()[0], "cannot specify both --no-healthcheck and --health-cmd");
    }
}
