//! Finds where a command line's options end, without parsing it.

use clap::{ArgAction, Command};

/// The index of the first argument that is neither an option nor an option's value, and whether `--` stands before
/// it; `None` where there is none.
pub(crate) fn first_positional(command: &Command, arguments: &[String]) -> Option<(usize, bool)> {
    let mut at = 0;
    while at < arguments.len() {
        let argument = &arguments[at];
        at += 1;
        if argument == "--" {
            return (at < arguments.len()).then_some((at, true));
        }
        if let Some(long) = argument.strip_prefix("--") {
            let takes_next = !long.contains('=') && takes_value(command, |arg| has_long(arg, long));
            at += usize::from(takes_next);
        } else if let Some(shorts) = argument.strip_prefix('-').filter(|shorts| !shorts.is_empty()) {
            at += usize::from(shorts_take_next(command, shorts));
        } else {
            return Some((at - 1, false));
        }
    }
    None
}

fn has_long(arg: &clap::Arg, long: &str) -> bool {
    arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&long))
}

fn shorts_take_next(command: &Command, shorts: &str) -> bool {
    let mut letters = shorts.chars().peekable();
    while let Some(letter) = letters.next() {
        let takes = takes_value(command, |arg| {
            arg.get_short() == Some(letter)
                || arg.get_all_short_aliases().is_some_and(|aliases| aliases.contains(&letter))
        });
        if takes {
            return letters.peek().is_none();
        }
        if letters.peek() == Some(&'=') {
            return false;
        }
    }
    false
}

fn takes_value(command: &Command, is_it: impl Fn(&clap::Arg) -> bool) -> bool {
    command.get_arguments().filter(|arg| !arg.is_positional()).find(|arg| is_it(arg)).is_some_and(|arg| {
        matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
            && arg.get_num_args().is_none_or(|range| range.min_values() > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    #[test]
    fn finds_the_image() {
        let command = crate::args::tuned(
            Command::new("run")
                .arg(Arg::new("rm").long("rm").action(ArgAction::SetTrue))
                .arg(Arg::new("i").short('i').action(ArgAction::SetTrue))
                .arg(Arg::new("name").long("name"))
                .arg(Arg::new("env").short('e').long("env").action(ArgAction::Append)),
        );
        for (line, expect) in [
            ("image", Some((0, false))),
            ("--rm image --rm", Some((1, false))),
            ("--rm=false image", Some((1, false))),
            ("--name x image", Some((2, false))),
            ("--name=x image", Some((1, false))),
            ("-ie A=b image", Some((2, false))),
            ("-eA=b image", Some((1, false))),
            ("-i -- image", Some((2, true))),
            ("--rm -i", None),
        ] {
            let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(first_positional(&command, &arguments), expect, "{line}");
        }
    }
}
