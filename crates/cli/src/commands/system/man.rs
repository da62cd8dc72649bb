//! `cove __man`: manual pages of all commands, for packages.

use std::io::Write as _;
use std::path::Path;

use clap::Command;
use cove_sys::output::{Existing, OutputFile};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Entry, Leaf, TREE, Target, leaf};
use crate::context::Context;

/// Write a manual page for each command into a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder, which must be there
    #[arg(value_name = "FOLDER")]
    folders: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("FOLDER", Plain);

/// A page: what it is about, and its text.
struct Page {
    name: String,
    text: String,
}

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.folders, 1)?;
    let folder = Path::new(&args.folders[0]);
    for page in pages() {
        let path = folder.join(format!("{}.1", page.name));
        let written = OutputFile::create(&path, Existing::Replace).and_then(|mut file| {
            file.write_all(page.text.as_bytes())?;
            file.finish()
        });
        written.map_err(|error| CommandError::from(cove_api::Error::from(error)))?;
        context.printer.line(&path.display().to_string())?;
    }
    Ok(0)
}

/// Every page.
fn pages() -> Vec<Page> {
    let root = crate::args::tuned(<crate::args::SharedArgs as clap::Args>::augment_args(
        <crate::args::RootArgs as clap::Args>::augment_args(Command::new("cove")),
    ));
    let about = "run containers, images, volumes, networks and machines";
    let mut text = head("cove", about, "cove [options] COMMAND");
    text.push_str(&commands("cove", TREE));
    text.push_str(&options(&root));
    let mut pages = vec![Page { name: "cove".into(), text }];
    collect("cove", TREE, &mut pages);
    pages
}

fn collect(above: &str, entries: &'static [Entry], pages: &mut Vec<Page>) {
    for entry in entries.iter().filter(|entry| !entry.hidden) {
        let words = format!("{above} {}", entry.names[0]);
        let name = words.replace(' ', "-");
        match entry.target {
            Target::Leaf(leaf) => {
                let command = crate::args::tuned((leaf.augment)(Command::new("command")));
                let about = command.get_about().map(ToString::to_string).unwrap_or_default();
                let mut text = head(&name, &about, &format!("{words} {}", leaf.usage));
                text.push_str(&format!(".SH DESCRIPTION\n{}.\n", escaped(&about)));
                if entry.names.len() > 1 {
                    text.push_str(&format!("Also called: {}.\n", escaped(&entry.names[1..].join(", "))));
                }
                text.push_str(&options(&command));
                text.push_str(".SH SEE ALSO\n.BR cove (1)\n");
                pages.push(Page { name, text });
            }
            Target::Group(group) => {
                let mut text = head(&name, group.about, &format!("{words} COMMAND"));
                text.push_str(&commands(&name, group.entries));
                text.push_str(".SH SEE ALSO\n.BR cove (1)\n");
                pages.push(Page { name, text });
                collect(&words, group.entries, pages);
            }
        }
    }
}

fn head(name: &str, about: &str, synopsis: &str) -> String {
    format!(
        ".TH {} 1 \"\" \"cove {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n{}\n",
        escaped(&name.to_uppercase()),
        env!("CARGO_PKG_VERSION"),
        escaped(name),
        escaped(about),
        escaped(synopsis.trim_end()),
    )
}

fn commands(name: &str, entries: &'static [Entry]) -> String {
    let mut text = String::from(".SH COMMANDS\n");
    for entry in entries.iter().filter(|entry| !entry.hidden) {
        let about = match entry.target {
            Target::Group(group) => group.about.to_owned(),
            Target::Leaf(leaf) => {
                let command = (leaf.augment)(Command::new("command"));
                command.get_about().map(ToString::to_string).unwrap_or_default()
            }
        };
        let page = escaped(&format!("{name}-{}", entry.names[0]));
        text.push_str(&format!(".TP\n.BR {page} (1)\n{}\n", escaped(&about)));
    }
    text
}

fn options(command: &Command) -> String {
    let mut text = String::from(".SH OPTIONS\n");
    let mut shown: Vec<_> =
        command.get_arguments().filter(|option| !option.is_hide_set() && !option.is_positional()).collect();
    shown.sort_by_key(|option| option.get_long());
    for option in shown {
        let mut names = Vec::new();
        if let Some(letter) = option.get_short() {
            names.push(format!("\\fB\\-{letter}\\fR"));
        }
        let aliases = option.get_visible_aliases().unwrap_or_default();
        for long in option.get_long().into_iter().chain(aliases) {
            names.push(format!("\\fB\\-\\-{}\\fR", escaped(long)));
        }
        let value = match option.get_value_names().and_then(|names| names.first()) {
            Some(name) if option.get_action().takes_values() => format!(" \\fI{}\\fR", escaped(name)),
            _ => String::new(),
        };
        let about = option.get_help().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!(".TP\n{}{value}\n{}\n", names.join(", "), escaped(&about)));
    }
    text
}

/// A text in which nothing acts on the formatter.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let pages = pages();
        let page = |name: &str| pages.iter().find(|page| page.name == name).map(|page| page.text.as_str());
        let run = page("cove-run").unwrap();
        assert!(run.starts_with(".TH COVE\\-RUN 1 "), "{run}");
        assert!(run.contains("\\fB\\-e\\fR, \\fB\\-\\-env\\fR \\fIVARIABLE\\fR\n"), "{run}");
        assert!(page("cove-system-connection-rename").is_some());
        assert!(page("cove").unwrap().contains(".BR cove\\-run (1)\n"));
        assert!(page("cove-__man").is_none());
        for page in &pages {
            // A line that begins so is an order to the formatter.
            for line in page.text.lines().filter(|line| line.starts_with(['.', '\''])) {
                assert!(
                    [".TH ", ".SH ", ".TP", ".BR "].iter().any(|order| line.starts_with(order)),
                    "{line}"
                );
            }
        }
    }
}
