//! By what a container is known.

use cove_api::ContainerSpec;
use cove_spec::{environment, name};

use super::around::{absolute, read, refs};
use crate::command_error::CommandError;

/// The annotation under which Podman keeps the path of the id file.
const CID_FILE: &str = "io.podman.annotations.cid-file";

// Name, labels and the file with the id.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct IdentityArgs {
    /// Name of the container
    #[arg(long, value_name = "NAME", help_heading = "Container")]
    pub(crate) name: Option<String>,
    /// Remove a container of the same name first
    #[arg(long, help_heading = "Container")]
    pub(crate) replace: bool,
    /// Label, KEY=VALUE
    #[arg(long, short, value_name = "LABEL", help_heading = "Container")]
    pub(crate) label: Vec<String>,
    /// File with a label per line
    #[arg(long, value_name = "FILE", help_heading = "Container")]
    pub(crate) label_file: Vec<String>,
    /// Annotation for the OCI runtime, KEY=VALUE
    #[arg(long, value_name = "ANNOTATION", help_heading = "Container")]
    pub(crate) annotation: Vec<String>,
    /// Write the container's id to this file
    #[arg(long, value_name = "FILE", help_heading = "Container")]
    pub(crate) cidfile: Option<String>,
    /// Write the pid of the container's first process to this file at each start
    #[arg(long, value_name = "FILE", help_heading = "Container")]
    pub(crate) pidfile: Option<String>,
    /// Write the monitor's pid to this file at each start
    #[arg(long, value_name = "FILE", help_heading = "Container")]
    pub(crate) conmon_pidfile: Option<String>,
    /// Containers that are started before this one
    #[arg(long, value_name = "CONTAINER", help_heading = "Container", value_delimiter = ',')]
    pub(crate) requires: Vec<String>,
}

impl IdentityArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// A value is wrong, or a file cannot be read.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        if let Some(text) = &self.name {
            let plain = text.strip_prefix('/').unwrap_or(text);
            if !plain.is_empty() {
                name::container(plain)?;
            }
            plain.clone_into(&mut spec.name);
        }
        if self.replace && spec.name.is_empty() {
            return Err(CommandError::other("cannot replace container without --name being set"));
        }
        for file in &self.label_file {
            spec.labels.extend(environment::label_file(&read(file)?, file)?);
        }
        spec.labels.extend(environment::labels(refs(&self.label))?);
        spec.annotations = environment::annotations(refs(&self.annotation))?;
        if let Some(file) = &self.cidfile {
            spec.annotations.insert(CID_FILE.to_owned(), absolute(file)?);
        }
        if let Some(file) = &self.pidfile {
            spec.pid_file = absolute(file)?;
        }
        if let Some(file) = &self.conmon_pidfile {
            spec.conmon_pid_file = absolute(file)?;
        }
        spec.dependency_containers.clone_from(&self.requires);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn names_and_labels() {
        let mut spec = ContainerSpec::default();
        parsed::<IdentityArgs>("--name /web -l a=1 --label b --cidfile /tmp/id").apply(&mut spec).unwrap();
        assert_eq!(
            (spec.name.as_str(), spec.labels["a"].as_str(), spec.labels["b"].as_str()),
            ("web", "1", "")
        );
        assert_eq!(spec.annotations[CID_FILE], "/tmp/id");
        for line in ["--name a/b", "--replace"] {
            assert!(parsed::<IdentityArgs>(line).apply(&mut ContainerSpec::default()).is_err(), "{line}");
        }
    }
}
