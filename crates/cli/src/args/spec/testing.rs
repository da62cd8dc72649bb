//! What is around a group, for the tests beside the groups.

use cove_config::Environment;

use super::Surroundings;
use crate::printer::Printer;

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
