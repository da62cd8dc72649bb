//! What a build tells while it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cove_api::{BuildReport, BuildStep, BuildWatch, Error, ErrorKind, Progress, Result};

use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;

use crate::image::BoundedSender;

/// Lines that wait for whoever reads them; a command that writes more waits.
pub(super) const MAX_LINES: usize = 256;
/// How often it is tried again to tell a line that nobody has room for.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(5);
/// Longest line of a command that is kept before it is told.
const LONGEST_LINE: usize = 64 << 10;

/// Where the lines of a build go.
#[derive(Clone)]
pub(super) struct Teller {
    sender: BoundedSender<BuildReport>,
    quiet: bool,
    given_up: CancellationToken,
    /// What every line begins with.
    mark: String,
    /// What the line of a step begins with.
    step_mark: String,
    steps: Steps,
}

/// Who shows steps in place of lines.
#[derive(Clone, Default)]
struct Steps {
    watch: Option<BuildWatch>,
    /// How many there were.
    count: Arc<AtomicU64>,
    /// The one that is under way, of a stage; 0 is none.
    current: Arc<AtomicU64>,
}

impl Steps {
    /// Tells something of the one that is under way.
    fn tell(&self, step: BuildStep) {
        if let Some(watch) = &self.watch {
            match self.current.load(Ordering::Relaxed) {
                0 => {}
                current => watch(current, step),
            }
        }
    }

    fn begin(&self, text: String) {
        self.end(BuildStep::Done);
        if let Some(watch) = &self.watch {
            let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
            self.current.store(number, Ordering::Relaxed);
            watch(number, BuildStep::Begun(text));
        }
    }

    fn end(&self, step: BuildStep) {
        self.tell(step);
        self.current.store(0, Ordering::Relaxed);
    }
}

impl Teller {
    pub(super) fn new(sender: BoundedSender<BuildReport>, quiet: bool, given_up: CancellationToken) -> Self {
        let steps = Steps::default();
        Self { sender, quiet, given_up, mark: String::new(), step_mark: String::new(), steps }
    }

    /// One that tells somebody of the steps, too.
    pub(super) fn watched(self, watch: Option<BuildWatch>) -> Self {
        Self { steps: Steps { watch, ..Steps::default() }, ..self }
    }

    /// One that is given up with this one, and by itself.
    pub(super) fn with_stop(&self, stop: &CancellationToken) -> Self {
        Self { given_up: stop.clone(), ..self.clone() }
    }

    /// When it is given up.
    pub(super) fn given_up(&self) -> &CancellationToken {
        &self.given_up
    }

    /// One whose lines all begin with a text.
    pub(super) fn marked(&self, mark: &str) -> Self {
        Self { mark: mark.to_owned(), step_mark: mark.to_owned(), ..self.clone() }
    }

    /// One for a stage; where others are under way at the same time, each of its lines says whose it is.
    pub(super) fn of_stage(&self, index: usize, count: usize, marked: bool) -> Self {
        let mark = match count {
            1 => String::new(),
            count => format!("[{}/{count}] ", index + 1),
        };
        let step_mark = format!("{}{mark}", self.step_mark);
        Self {
            mark: if marked { step_mark.clone() } else { self.mark.clone() },
            step_mark,
            steps: Steps { current: Arc::default(), ..self.steps.clone() },
            ..self.clone()
        }
    }

    /// Tells a line; waits where those before it are not read yet.
    pub(super) fn line(&self, line: impl AsRef<str>) {
        self.tell(format!("{}{}", self.mark, line.as_ref()));
    }

    /// Tells that a step begins: the line, and what who shows steps is told unless there is nothing to be seen of it.
    pub(super) fn step(&self, number: usize, total: usize, text: &str, shown: bool) {
        self.tell(format!("{}STEP {number}/{total}: {text}", self.step_mark));
        match shown {
            true => self.steps.begin(format!("{}[{number}/{total}] {text}", self.step_mark)),
            false => self.steps.end(BuildStep::Done),
        }
    }

    /// Tells what a step has written.
    pub(super) fn output(&self, line: impl AsRef<str>) {
        self.steps.tell(BuildStep::Output(format!("{}\n", line.as_ref())));
        self.line(line);
    }

    /// Tells that a step was done before.
    pub(super) fn cached(&self) {
        self.steps.tell(BuildStep::Cached);
    }

    /// Tells that a stage is done.
    pub(super) fn done(&self) {
        self.steps.end(BuildStep::Done);
    }

    /// Tells why a step went wrong.
    pub(super) fn failed(&self, why: &str) {
        self.steps.end(BuildStep::Failed(why.to_owned()));
    }

    fn tell(&self, line: String) {
        if self.quiet {
            return;
        }
        let mut item = Ok(Progress::Message(line));
        loop {
            item = match self.sender.try_send(item) {
                Err(TrySendError::Full(again)) if !self.given_up.is_cancelled() => again,
                // Whoever does not listen any more is noticed by `check`.
                _ => return,
            };
            std::thread::sleep(PATIENCE);
        }
    }

    /// An error where it is given up or nobody listens any more: there is nobody to build for.
    pub(super) fn check(&self) -> Result<()> {
        match self.sender.is_closed() || self.given_up.is_cancelled() {
            true => Err(Error::new(ErrorKind::Cancelled, "the build was given up")),
            false => Ok(()),
        }
    }

    /// Ends when it is given up or nobody listens any more.
    pub(super) async fn closed(&self) {
        tokio::select! {
            () = self.sender.closed() => {}
            () = self.given_up.cancelled() => {}
        }
    }
}

/// Output in pieces, told line by line.
pub(super) struct Lines<'a> {
    teller: &'a Teller,
    rest: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(teller: &'a Teller) -> Self {
        Self { teller, rest: Vec::new() }
    }

    pub(super) fn add(&mut self, data: &[u8]) {
        self.rest.extend_from_slice(data);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.teller.output(String::from_utf8_lossy(&line[..line.len() - 1]));
        }
        if self.rest.len() > LONGEST_LINE {
            self.finish();
        }
    }

    pub(super) fn finish(&mut self) {
        if !self.rest.is_empty() {
            let line = std::mem::take(&mut self.rest);
            self.teller.output(String::from_utf8_lossy(&line));
        }
    }
}
