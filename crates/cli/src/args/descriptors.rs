//! Descriptors that a command passes on to a process in a container.

use crate::command_error::CommandError;

// Which of our descriptors it gets.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct DescriptorArgs {
    /// Pass so many descriptors from 3 on
    #[arg(long, value_name = "NUMBER", default_value = "0", hide_default_value = true)]
    pub(crate) preserve_fds: u32,
    /// Pass the descriptors with these numbers
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    pub(crate) preserve_fd: Vec<u32>,
}

impl DescriptorArgs {
    /// Refuses both at once.
    ///
    /// # Errors
    /// Both are given.
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        if self.preserve_fds > 0 && !self.preserve_fd.is_empty() {
            return Err(CommandError::other("cannot specify both --preserve-fds and --preserve-fd"));
        }
        Ok(())
    }

    /// The numbers of all.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        (3..3_u32.saturating_add(self.preserve_fds.min(1000)))
            .chain(self.preserve_fd.iter().copied())
            .collect()
    }
}
