//! What clap finds wrong, in the words that scripts know.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::suggestion;
use crate::command_error::CommandError;

/// The failure for a clap error in `command`, which is called `name` (with the program's); `typed` are the arguments
/// as typed.
pub(crate) fn convert(
    error: &clap::Error,
    command: &clap::Command,
    name: &str,
    typed: &[String],
) -> CommandError {
    let context = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let argument = context(ContextKind::InvalidArg).unwrap_or_default();
    // clap adds the value's name: "--name <NAME>", and both forms: "-n, --name <NAME>".
    let flag = argument.split([' ', '=', '[']).next().unwrap_or_default().to_owned();
    let message = match error.kind() {
        ErrorKind::UnknownArgument => unknown(&flag, typed),
        ErrorKind::InvalidValue
            if context(ContextKind::InvalidValue).is_none_or(|value| value.is_empty()) =>
        {
            needs_argument(&flag, typed)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = context(ContextKind::InvalidValue).unwrap_or_default();
            let source = std::error::Error::source(error);
            let reason = source.map(|source| reason(&value, source)).unwrap_or_else(|| {
                match error.get(ContextKind::ValidValue) {
                    Some(ContextValue::Strings(values)) => {
                        format!(
                            "must be one of {}",
                            values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", ")
                        )
                    }
                    _ => "invalid value".into(),
                }
            });
            format!("invalid argument {value:?} for {:?} flag: {reason}", both_forms(command, &flag))
        }
        ErrorKind::NoEquals | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues => {
            needs_argument(&flag, typed)
        }
        _ => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        }
    };
    let help = format!("See '{name} --help'");
    let meant = match error.kind() {
        ErrorKind::UnknownArgument if flag.starts_with("--") => {
            suggestion(&flag, long_flags(command).iter().map(String::as_str))
        }
        _ => String::new(),
    };
    CommandError::other(message).followed_by(meant + &help)
}

fn long_flags(command: &clap::Command) -> Vec<String> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .flat_map(|arg| arg.get_long().into_iter().chain(arg.get_visible_aliases().unwrap_or_default()))
        .map(|long| format!("--{long}"))
        .collect()
}

/// `-a, --all` for either of them.
fn both_forms(command: &clap::Command, flag: &str) -> String {
    let is_it = |arg: &&clap::Arg| arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long));
    match command.get_arguments().find(is_it).and_then(clap::Arg::get_short) {
        Some(short) => format!("-{short}, {flag}"),
        None => flag.to_owned(),
    }
}

/// Why a value is wrong; of numbers in the words that scripts know.
fn reason(value: &str, source: &(dyn std::error::Error + 'static)) -> String {
    use std::num::IntErrorKind;
    match source.downcast_ref::<std::num::ParseIntError>().map(std::num::ParseIntError::kind) {
        Some(IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) => {
            format!("strconv.ParseInt: parsing {value:?}: value out of range")
        }
        Some(_) => format!("strconv.ParseInt: parsing {value:?}: invalid syntax"),
        None => source.to_string(),
    }
}

fn unknown(flag: &str, typed: &[String]) -> String {
    if let Some(letter) = flag.strip_prefix('-').filter(|rest| !rest.starts_with('-')) {
        let letter = letter.chars().next().unwrap_or(' ');
        let whole = typed
            .iter()
            .find(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
            .map_or(flag, String::as_str);
        return format!("unknown shorthand flag: '{letter}' in {whole}");
    }
    if flag.starts_with("--") {
        return format!("unknown flag: {flag}");
    }
    format!("unexpected argument {flag:?}")
}

fn needs_argument(flag: &str, typed: &[String]) -> String {
    let last = typed.last().map(String::as_str).unwrap_or_default();
    if let Some(letter) =
        last.strip_prefix('-').filter(|rest| !rest.starts_with('-')).and_then(|rest| rest.chars().last())
    {
        return format!("flag needs an argument: '{letter}' in {last}");
    }
    format!("flag needs an argument: {flag}")
}
