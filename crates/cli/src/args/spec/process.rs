//! The first process: program, environment, user, streams.

use cove_api::{ContainerSpec, StringMap};
use cove_config::Environment;
use cove_spec::{environment, policy, user};

use super::around::{Surroundings, flag, read, refs};
use crate::command_error::CommandError;

// Environment variables.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct VariableArgs {
    /// Environment variable NAME=VALUE; NAME alone takes the value over
    #[arg(long, short, value_name = "VARIABLE", help_heading = "Process")]
    pub(crate) env: Vec<String>,
    /// File with an environment variable per line
    #[arg(long, value_name = "FILE", help_heading = "Process")]
    pub(crate) env_file: Vec<String>,
}

impl VariableArgs {
    /// The variables, those of files first; a name alone takes the value of `own`.
    ///
    /// # Errors
    /// A variable is wrong, or a file cannot be read.
    pub(crate) fn variables(&self, own: &Environment) -> Result<StringMap, CommandError> {
        let own: Vec<(String, String)> =
            own.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut variables = StringMap::new();
        for file in &self.env_file {
            variables.extend(environment::parse_file(&read(file)?, file, &own)?);
        }
        variables.extend(environment::parse(refs(&self.env), &own)?);
        Ok(variables)
    }
}

// What runs first, as whom and where.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ProcessArgs {
    /// Program to run in place of the image's, a path or a JSON list
    #[arg(long, value_name = "PROGRAM", help_heading = "Process")]
    pub(crate) entrypoint: Option<String>,
    /// Take over the whole environment
    #[arg(long, help_heading = "Process")]
    pub(crate) env_host: bool,
    /// Take over the proxy variables
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Process")]
    pub(crate) http_proxy: Option<bool>,
    /// Change a variable of the image: NAME=VALUE, where ${NAME} is its value in the image
    #[arg(long, value_name = "VARIABLE", help_heading = "Process")]
    pub(crate) env_merge: Vec<String>,
    /// Leave out a variable of the image
    #[arg(long, value_name = "NAME", help_heading = "Process")]
    pub(crate) unsetenv: Vec<String>,
    /// Leave out all variables of the image
    #[arg(long, help_heading = "Process")]
    pub(crate) unsetenv_all: bool,
    /// Keep standard input open
    #[arg(long, short, help_heading = "Process")]
    pub(crate) interactive: bool,
    /// Give it a terminal
    #[arg(long, short, help_heading = "Process")]
    pub(crate) tty: bool,
    /// User, a name or number, perhaps with a group: USER[:GROUP]
    #[arg(long, short, value_name = "USER", help_heading = "Process")]
    pub(crate) user: Option<String>,
    /// Further group
    #[arg(long, value_name = "GROUP", help_heading = "Process", value_delimiter = ',')]
    pub(crate) group_add: Vec<String>,
    /// Working directory
    #[arg(long, short, value_name = "DIR", help_heading = "Process")]
    pub(crate) workdir: Option<String>,
    /// Run an init that reaps processes as the first one
    #[arg(long, help_heading = "Process")]
    pub(crate) init: bool,
    /// The init to use
    #[arg(long, value_name = "FILE", help_heading = "Process")]
    pub(crate) init_path: Option<String>,
    /// Time zone, or local for the host's
    #[arg(long, value_name = "ZONE", help_heading = "Process")]
    pub(crate) tz: Option<String>,
    /// Umask, octal
    #[arg(long, value_name = "MASK", help_heading = "Process")]
    pub(crate) umask: Option<String>,
    /// Add the user to the container's /etc/passwd where it is missing there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Process")]
    pub(crate) passwd: Option<bool>,
    /// Line for the container's /etc/passwd, in which $USERNAME, $UID, $GID, $NAME and $HOME are filled in
    #[arg(long, value_name = "LINE", help_heading = "Process")]
    pub(crate) passwd_entry: Option<String>,
    /// Line for the container's /etc/group, in which $GROUPNAME, $GID and $USERLIST are filled in
    #[arg(long, value_name = "LINE", help_heading = "Process")]
    pub(crate) group_entry: Option<String>,
    /// Add a user of the host to the container's /etc/passwd
    #[arg(long, value_name = "USER", help_heading = "Process")]
    pub(crate) hostuser: Vec<String>,
    #[command(flatten)]
    pub(crate) variables: VariableArgs,
}

impl ProcessArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// A value is wrong, or a file cannot be read.
    pub(crate) fn apply(
        &self,
        around: &Surroundings<'_>,
        spec: &mut ContainerSpec,
    ) -> Result<(), CommandError> {
        spec.entrypoint = self.entrypoint.as_deref().map(policy::entrypoint);
        if self.env_host {
            spec.env
                .extend(around.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
            spec.env_host = Some(true);
        }
        spec.env.extend(self.variables.variables(around.environment)?);
        spec.httpproxy = self.http_proxy;
        spec.envmerge.clone_from(&self.env_merge);
        spec.unsetenv.clone_from(&self.unsetenv);
        spec.unsetenvall = flag(self.unsetenv_all);
        spec.terminal = Some(self.tty);
        spec.stdin = Some(self.interactive);
        if let Some(text) = &self.user {
            user::parse(text)?;
            text.clone_into(&mut spec.user);
        }
        for text in &self.group_add {
            user::group(text)?;
        }
        spec.groups.clone_from(&self.group_add);
        if let Some(folder) = &self.workdir {
            if !folder.starts_with('/') {
                return Err(CommandError::other(format!(
                    "the working directory {folder:?} is invalid, it needs to be an absolute path"
                )));
            }
            folder.clone_into(&mut spec.work_dir);
        }
        spec.init = flag(self.init);
        spec.init_path = self.init_path.clone().unwrap_or_default();
        spec.timezone = self.tz.clone().unwrap_or_default();
        if let Some(mask) = &self.umask {
            if mask.len() > 4 || u32::from_str_radix(mask, 8).is_err() {
                return Err(CommandError::other(format!("invalid umask string {mask}: invalid argument")));
            }
            mask.clone_into(&mut spec.umask);
        }
        spec.passwd = self.passwd;
        if self.passwd == Some(false) && self.passwd_entry.is_some() {
            return Err(CommandError::other("refused --passwd-entry: it needs --passwd"));
        }
        spec.passwd_entry = self.passwd_entry.clone().unwrap_or_default();
        spec.group_entry = self.group_entry.clone().unwrap_or_default();
        spec.hostusers.clone_from(&self.hostuser);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;
    use crate::args::spec::testing::around;

    fn spec(line: &str) -> Result<ContainerSpec, String> {
        let mut spec = ContainerSpec::default();
        let args: ProcessArgs = parsed(line);
        around(|around| args.apply(around, &mut spec)).map_err(|error| error.messages().join(";"))?;
        Ok(spec)
    }

    #[test]
    fn variables() {
        let spec = spec("-e A=1 -e OWN -e MISSING").unwrap();
        assert_eq!(spec.env, StringMap::from([("A".into(), "1".into()), ("OWN".into(), "value".into())]));
        assert_eq!(self::spec("--env-host").unwrap().env["OWN"], "value");
    }

    #[test]
    fn wrong_values() {
        for (line, error) in [
            ("-w tmp", "the working directory \"tmp\" is invalid, it needs to be an absolute path"),
            ("--umask 99", "invalid umask string 99: invalid argument"),
        ] {
            assert_eq!(spec(line).unwrap_err(), error);
        }
        assert!(spec("-u 4294967296").is_err());
    }
}
