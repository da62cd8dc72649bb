//! Secrets.

use cove_api::ContainerSpec;

use super::around::refs;
use crate::command_error::CommandError;

// Secrets of a container.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SecretArgs {
    /// Secret as a file below /run/secrets or as a variable: NAME[,type=mount|env][,target=PATH][,uid=ID][,gid=ID][,mode=BITS]
    #[arg(long, value_name = "SECRET", help_heading = "Files")]
    pub(crate) secret: Vec<String>,
}

impl SecretArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// A value is wrong.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        let given = cove_spec::secret::parse_all(refs(&self.secret))?;
        spec.secrets = given.files;
        spec.secret_env = given.variables;
        Ok(())
    }
}
