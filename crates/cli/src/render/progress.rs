//! The progress of a pull: a bar per blob on a terminal, a line per step elsewhere.

use std::collections::BTreeMap;

use cove_api::{BlobPhase, BlobProgress};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printer::Printer;

/// Shows how a pull goes on, on standard error.
pub(crate) struct PullProgress<'a> {
    printer: &'a Printer,
    quiet: bool,
    /// Lines go to standard output.
    on_output: bool,
    bars: Option<MultiProgress>,
    blobs: BTreeMap<String, Blob>,
}

struct Blob {
    bar: Option<ProgressBar>,
    done: bool,
}

impl<'a> PullProgress<'a> {
    /// Shows nothing where `quiet`.
    pub(crate) fn new(printer: &'a Printer, quiet: bool) -> Self {
        let terminal = !quiet && printer.error_is_terminal();
        let bars = terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));
        Self { printer, quiet, on_output: false, bars, blobs: BTreeMap::new() }
    }

    /// The same with its lines on standard output where `on_output`; bars stay where they are.
    pub(crate) fn on_output(mut self, on_output: bool) -> Self {
        self.on_output = on_output;
        self
    }

    fn line(&self, line: &str) {
        match self.on_output {
            // Nobody reads what is not wanted: that must not end the copy.
            true => drop(self.printer.line(line)),
            false => self.printer.error_line(line),
        }
    }

    /// A line for people.
    pub(crate) fn message(&self, line: &str) {
        if self.quiet {
            return;
        }
        match &self.bars {
            // An error of the terminal must not end the pull.
            Some(bars) => drop(bars.println(cove_api::shown::line(line))),
            None => self.line(line),
        }
    }

    /// A blob has moved on.
    pub(crate) fn blob(&mut self, progress: &BlobProgress) {
        if self.quiet {
            return;
        }
        let short = progress.digest.split_once(':').map_or(progress.digest.as_str(), |(_, hex)| hex);
        let short = short.get(..12).unwrap_or(short);
        if !self.blobs.contains_key(&progress.digest) {
            let verb = if progress.phase == BlobPhase::Exists { "skipped: already exists" } else { "" };
            let bar = match &self.bars {
                Some(bars) => {
                    let bar = bars.add(ProgressBar::new(progress.total.max(1)));
                    let narrow = crate::terminal::size().is_some_and(|size| size.width < NARROW);
                    bar.set_style(style(self.printer.error_is_coloured(), narrow));
                    bar.set_prefix(if narrow { short.to_owned() } else { format!("Copying blob {short}") });
                    Some(bar)
                }
                None => {
                    let rest = if verb.is_empty() { String::new() } else { format!(" {verb}") };
                    self.line(&format!("Copying blob {}{rest}", progress.digest));
                    None
                }
            };
            self.blobs.insert(progress.digest.clone(), Blob { bar, done: false });
        }
        let Some(blob) = self.blobs.get_mut(&progress.digest) else { return };
        let Some(bar) = &blob.bar else { return };
        if progress.total > 0 {
            bar.set_length(progress.total);
        }
        match progress.phase {
            BlobPhase::Copying => bar.set_position(progress.current),
            BlobPhase::Exists | BlobPhase::Done if !blob.done => {
                blob.done = true;
                bar.finish_with_message(if progress.phase == BlobPhase::Exists { "skipped" } else { "done" });
            }
            BlobPhase::Exists | BlobPhase::Done => {}
        }
    }

    /// Leaves the bars as they are, and what follows below them.
    fn finish(&mut self) {
        let mut drawn = false;
        for (_, blob) in std::mem::take(&mut self.blobs) {
            let Some(bar) = blob.bar else { continue };
            drawn = true;
            if !blob.done {
                bar.abandon();
            }
        }
        if drawn {
            self.printer.error_bytes(b"\n");
        }
    }
}

impl Drop for PullProgress<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Terminals with fewer columns get no bars, only numbers.
const NARROW: u16 = 70;

const COLOURED: &str = "{prefix} [{wide_bar:.cyan}] {decimal_bytes} / {decimal_total_bytes} {msg}";
const PLAIN: &str = "{prefix} [{wide_bar}] {decimal_bytes} / {decimal_total_bytes} {msg}";
const SHORT: &str = "{prefix} {decimal_bytes}/{decimal_total_bytes} {msg}";

fn style(colour: bool, narrow: bool) -> ProgressStyle {
    let template = match (narrow, colour) {
        (true, _) => SHORT,
        (false, true) => COLOURED,
        (false, false) => PLAIN,
    };
    // The templates are constants that a test parses.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=>-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_parse() {
        for template in [COLOURED, PLAIN, SHORT] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
