//! What is wrong with a template, or with running it.

/// An error in a `--format` template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    /// The text is not a template.
    #[error("template: {name}:{line}: {message}")]
    Syntax {
        /// The command's name for the template.
        name: String,
        /// Line, from 1 on.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The template does not fit the data.
    #[error("template: {name}:{line}: executing \"{name}\" at <{at}>: {message}")]
    Execution {
        /// The command's name for the template.
        name: String,
        /// Line, from 1 on.
        line: usize,
        /// The expression.
        at: String,
        /// What is wrong.
        message: String,
    },
    /// The template ran for too long or wrote too much.
    #[error("template: {name}: {limit} exceeded")]
    Limit {
        /// The command's name for the template.
        name: String,
        /// Which limit.
        limit: &'static str,
    },
}
