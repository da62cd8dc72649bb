//! Makes clap parse as the tools that scripts were written for: `--flag=false`, values that start with a hyphen,
//! the last of several values wins.

use clap::{Arg, ArgAction, Command};

/// The command with those habits, and with `--help` (and `-h` where nothing else has it).
pub(crate) fn tuned(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        if arg.is_positional() {
            return arg;
        }
        match arg.get_action() {
            ArgAction::SetTrue => arg
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .default_value("false")
                .hide_default_value(true)
                .hide_possible_values(true)
                .value_parser(parse_bool)
                .value_name("BOOL"),
            ArgAction::Set if arg.is_require_equals_set() => {
                let is_bool = arg.get_value_parser().type_id() == std::any::TypeId::of::<bool>();
                let arg = arg.hide_possible_values(true).hide_default_value(true);
                if is_bool { arg.value_parser(parse_bool) } else { arg }
            }
            ArgAction::Set | ArgAction::Append if arg.get_num_args().is_none() => {
                arg.allow_hyphen_values(true)
            }
            _ => arg,
        }
    });
    let h_is_free = !command.get_arguments().any(|arg| arg.get_short() == Some('h'));
    let help = Arg::new("help").long("help").action(ArgAction::Help).help("Print this help");
    command
        .args_override_self(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .arg(if h_is_free { help.short('h') } else { help })
}

/// The spellings of booleans that Go's flags know.
fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// A group of options as parsed from a command line, for tests.
#[cfg(test)]
pub(crate) fn parsed<T: clap::Args>(line: &str) -> T {
    let command = tuned(T::augment_args(Command::new("test"))).no_binary_name(true);
    T::from_arg_matches(&command.try_get_matches_from(line.split_whitespace()).unwrap()).unwrap()
}
