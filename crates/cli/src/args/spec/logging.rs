//! Where a container's output is kept.

use cove_api::ContainerSpec;
use cove_spec::policy;

use super::around::refs;
use crate::command_error::CommandError;

// Where the output is kept.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct LogArgs {
    /// Where its output is kept: k8s-file, json-file, journald, none, passthrough, passthrough-tty
    #[arg(long, value_name = "DRIVER", help_heading = "Container")]
    pub(crate) log_driver: Option<String>,
    /// Option of the log driver, KEY=VALUE
    #[arg(long, value_name = "OPTION", help_heading = "Container")]
    pub(crate) log_opt: Vec<String>,
}

impl LogArgs {
    /// Whether the output is not kept but goes where the command's own goes.
    pub(crate) fn is_passthrough(&self) -> bool {
        self.log_driver.as_deref().is_some_and(|driver| driver.starts_with("passthrough"))
    }

    /// Puts the choice into the specification.
    ///
    /// # Errors
    /// An option is wrong.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        if self.log_driver.is_some() || !self.log_opt.is_empty() {
            spec.log_configuration = Some(policy::log(self.log_driver.as_deref(), refs(&self.log_opt))?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn drivers() {
        let mut spec = ContainerSpec::default();
        parsed::<LogArgs>("").apply(&mut spec).unwrap();
        assert_eq!(spec.log_configuration, None);
        let args: LogArgs = parsed("--log-driver passthrough");
        args.apply(&mut spec).unwrap();
        assert!(args.is_passthrough());
        assert_eq!(spec.log_configuration.unwrap().driver, "passthrough");
    }
}
