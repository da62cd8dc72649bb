//! What is said about an entry of a list.

use cove_api::ManifestModifyOptions;

// Properties of an entry. (A doc comment would become the command's own description.)
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct EntryArgs {
    /// Annotation of the image in the list
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) annotation: Vec<String>,
    /// Architecture of the image, in place of its own
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// What the image wants of the processor
    #[arg(long, value_name = "FEATURE", value_delimiter = ',')]
    features: Vec<String>,
    /// Operating system of the image, in place of its own
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Version of the operating system that the image wants
    #[arg(long, value_name = "VERSION")]
    os_version: Option<String>,
    /// Variant of the image's architecture
    #[arg(long, value_name = "VARIANT")]
    variant: Option<String>,
}

impl EntryArgs {
    /// Puts it into a change.
    pub(super) fn apply(self, change: &mut ManifestModifyOptions) {
        change.annotation = self.annotation;
        change.arch = self.arch.unwrap_or_default();
        change.features = self.features;
        change.os = self.os.unwrap_or_default();
        change.os_version = self.os_version.unwrap_or_default();
        change.variant = self.variant.unwrap_or_default();
    }
}

/// Refuses what is no annotation.
pub(super) fn check_annotations(texts: &[String]) -> Result<(), crate::command_error::CommandError> {
    match texts.iter().find(|text| !text.contains('=')) {
        Some(text) => Err(crate::command_error::CommandError::other(format!(
            "expected --annotation {text:?} to be in key=value format"
        ))),
        None => Ok(()),
    }
}
