//! `cove __complete`: what the shells' completion scripts ask.

use crate::command_error::CommandResult;
use crate::commands::{Entry, Leaf, Target, leaf};
use crate::completion::{Directive, Place, names, place};
use crate::context::Context;

/// Say what may stand where the last of the words is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The words of a command line, without the program
    #[arg(value_name = "WORD", allow_hyphen_values = true)]
    words: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("WORD...", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let typed = args.words.last().map_or("", String::as_str);
    let (mut words, directive) = candidates(context, &args.words, typed).await;
    words.retain(|(word, _)| word.starts_with(typed) && !word.contains(char::is_control));
    words.sort();
    words.dedup_by(|one, other| one.0 == other.0);
    let describe = context.path == "__complete";
    for (word, about) in words {
        if describe && !about.is_empty() {
            context.printer.line(&format!("{word}\t{about}"))?;
        } else {
            context.printer.line(&word)?;
        }
    }
    context.printer.line(&format!(":{}", directive.number()))?;
    context.printer.error_line(&format!("Completion ended with directive: {}", directive.name()));
    Ok(0)
}

/// Words with what they mean.
type Words = Vec<(String, String)>;

async fn candidates(context: &Context, words: &[String], typed: &str) -> (Words, Directive) {
    let plain = |words: Vec<String>| words.into_iter().map(|word| (word, String::new())).collect::<Words>();
    match place(words) {
        Place::Commands(entries) => (commands(entries), Directive::Nothing),
        Place::Options(command) => (options(&command), Directive::Nothing),
        Place::Value { value, before } => {
            let typed = typed.strip_prefix(before.as_str()).unwrap_or(typed);
            let (words, directive) = value.words(context, typed).await;
            (plain(words.into_iter().map(|word| before.clone() + &word).collect()), directive)
        }
        Place::Argument { name, path } => {
            #[cfg(unix)]
            if path.first() == Some(&"compose") {
                crate::commands::compose::note_line(context, words);
            }
            let (words, directive) = names(context, &name, &path, typed).await;
            let joint = match path.as_slice() {
                [.., "cp"] => ":",
                ["compose", "scale"] => "=",
                _ => return (plain(words), directive),
            };
            let mut words = plain(words.into_iter().map(|word| word + joint).collect());
            words.retain(|(word, _)| word.starts_with(typed));
            let directive = if words.is_empty() { Directive::Default } else { Directive::NoSpace };
            (words, directive)
        }
        Place::Unknown | Place::Nothing => (Vec::new(), Directive::Nothing),
    }
}

fn commands(entries: &'static [Entry]) -> Words {
    let shown = entries.iter().filter(|entry| !entry.hidden);
    shown.map(|entry| (entry.names[0].to_owned(), about(&entry.target))).collect()
}

fn about(target: &Target) -> String {
    match target {
        Target::Group(group) => group.about.to_owned(),
        Target::Leaf(leaf) => {
            let command = (leaf.augment)(clap::Command::new("command"));
            command.get_about().map(ToString::to_string).unwrap_or_default()
        }
    }
}

fn options(command: &clap::Command) -> Words {
    let shown = command.get_arguments().filter(|option| !option.is_hide_set());
    let named = shown.filter_map(|option| {
        let about = option.get_help().map(ToString::to_string).unwrap_or_default();
        Some((format!("--{}", option.get_long()?), about))
    });
    named.collect()
}
