//! How many arguments a command takes; texts as scripts know them.

use crate::command_error::CommandError;

/// At least so many.
pub(crate) fn at_least(arguments: &[String], least: usize) -> Result<(), CommandError> {
    if arguments.len() >= least {
        return Ok(());
    }
    Err(CommandError::other(format!("requires at least {least} arg(s), only received {}", arguments.len())))
}

/// At most so many.
pub(crate) fn at_most(arguments: &[String], most: usize) -> Result<(), CommandError> {
    if arguments.len() <= most {
        return Ok(());
    }
    Err(CommandError::other(format!("accepts at most {most} arg(s), received {}", arguments.len())))
}

/// Exactly so many.
pub(crate) fn exactly(arguments: &[String], wanted: usize) -> Result<(), CommandError> {
    if arguments.len() == wanted {
        return Ok(());
    }
    Err(CommandError::other(format!("accepts {wanted} arg(s), received {}", arguments.len())))
}
