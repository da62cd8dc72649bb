//! Groups out of command lines, for the tests beside them.

use clap::{Args, Command};
use cove_config::Environment;

use super::Surroundings;
use crate::printer::Printer;

/// The group as parsed from a command line.
pub(super) fn parsed<T: Args>(line: &str) -> T {
    let command = crate::args::tuned(T::augment_args(Command::new("test"))).no_binary_name(true);
    T::from_arg_matches(&command.try_get_matches_from(line.split_whitespace()).unwrap()).unwrap()
}

/// Calls `test` with an environment in which `OWN` is `value`.
pub(super) fn around<T>(test: impl FnOnce(&Surroundings<'_>) -> T) -> T {
    let environment = Environment::new([("OWN", "value")]);
    test(&Surroundings {
        printer: &Printer::new(true),
        environment: &environment,
        rootless: false,
        command_line: &[],
    })
}
