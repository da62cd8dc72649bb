//! Long acts: begun by a call, followed through events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cove_api::{BlobPhase, BlobProgress, ErrorKind};

use crate::core::Core;
use crate::view::{Freed, StepState, TaskRow, TaskState, TaskStep};
use crate::{Failure, LogEntry};

/// Lines of a task that are kept.
const MOST_LINES: usize = 5000;

/// Bytes of these lines that are kept.
const MOST_BYTES: usize = 4 << 20;
/// Steps of a task that are shown.
const MOST_STEPS: usize = 1000;

/// What a task has said, and who reads it.
#[derive(Debug, Default)]
pub(crate) struct TaskLog {
    pub(crate) lines: VecDeque<LogEntry>,
    bytes: usize,
    /// The subscriptions.
    pub(crate) readers: Vec<u32>,
}

impl TaskLog {
    /// Keeps a line, and lets the oldest one go where there are too many.
    pub(crate) fn push(&mut self, line: LogEntry) {
        self.bytes += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            let Some(old) = self.lines.pop_front() else { break };
            self.bytes -= old.text.len();
        }
    }
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(0))
}

/// A task that begins.
pub(crate) fn row(id: u32, title: String, cancellable: bool) -> TaskRow {
    TaskRow {
        id,
        title,
        state: TaskState::Running,
        message: String::new(),
        steps: Vec::new(),
        failure: None,
        started: now(),
        ended: None,
        cancellable,
        container: None,
        logged: false,
        freed: None,
    }
}

/// What a running task reports through.
#[derive(Clone)]
pub(crate) struct Task {
    core: Arc<Core>,
    id: u32,
}

impl Task {
    fn edit(&self, edit: impl FnOnce(&mut TaskRow)) {
        self.core.change(|state| state.edit_task(self.id, edit));
    }

    /// A line for people.
    pub(crate) fn message(&self, text: impl Into<String>) {
        let text = text.into();
        self.edit(|task| task.message = text);
    }

    /// A blob has moved on.
    pub(crate) fn blob(&self, blob: BlobProgress) {
        let state = match blob.phase {
            BlobPhase::Copying => StepState::Active,
            BlobPhase::Exists => StepState::Skipped,
            BlobPhase::Done => StepState::Done,
        };
        self.edit(|task| {
            step(
                task,
                TaskStep {
                    label: blob.digest,
                    state,
                    current: blob.current,
                    total: blob.total,
                    note: String::new(),
                },
            )
        });
    }

    /// A step without bytes begins or ends.
    pub(crate) fn step(&self, label: &str, state: StepState) {
        self.noted(label, "", state);
    }

    /// The same with a word about what is being done.
    pub(crate) fn noted(&self, label: &str, note: &str, state: StepState) {
        self.edit(|task| step(task, plain_step(label, note, state)));
    }

    /// How many bytes were moved, and of how many; 0 is not known.
    pub(crate) fn bytes(&self, current: u64, total: u64) {
        let state = if total > 0 && current >= total { StepState::Done } else { StepState::Active };
        self.edit(|task| step(task, TaskStep { current, total, ..plain_step("bytes", "", state) }));
    }

    /// A step begins, by which those before it are done; not those that tell themselves what they do.
    pub(crate) fn next_step(&self, label: &str) {
        self.edit(|task| {
            let open = |step: &&mut TaskStep| step.state == StepState::Active && step.note.is_empty();
            for before in task.steps.iter_mut().filter(open) {
                before.state = StepState::Done;
            }
            step(task, plain_step(label, "", StepState::Active));
        });
    }

    /// A line of its log; the last one is shown, too.
    pub(crate) fn line(&self, text: &str) {
        let line = LogEntry { time: now(), error: false, source: 0, text: text.to_owned() };
        self.core.change(|state| state.task_line(self.id, line));
    }

    /// Waits until those who read its log have room for more.
    pub(crate) async fn room(&self) {
        self.core.room().await;
    }

    /// How many objects are gone, and how many bytes with them.
    pub(crate) fn freed(&self, objects: u32, bytes: i64) {
        self.edit(|task| task.freed = Some(Freed { objects, bytes }));
    }

    /// The container that a run has made.
    pub(crate) fn container(&self, id: &str) {
        self.edit(|task| task.container = Some(id.to_owned()));
    }

    /// From here on it cannot be ended half-way.
    pub(crate) fn commit(&self) {
        self.edit(|task| task.cancellable = false);
    }
}

fn plain_step(label: &str, note: &str, state: StepState) -> TaskStep {
    TaskStep { label: label.to_owned(), state, note: note.to_owned(), current: 0, total: 0 }
}

/// Puts a step in the place of the one with its label, or at the end.
fn step(task: &mut TaskRow, mut step: TaskStep) {
    if let Some(old) = task.steps.iter_mut().find(|old| old.label == step.label) {
        step.total = step.total.max(old.total);
        *old = step;
    } else if task.steps.len() < MOST_STEPS {
        task.steps.push(step);
    }
}

impl Core {
    /// Runs `work` as a task and answers its number.
    pub(crate) fn begin<F>(
        self: &Arc<Self>,
        title: String,
        cancellable: bool,
        work: impl FnOnce(Task) -> F,
    ) -> u32
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let id = self.change(|state| state.add_task(|id| row(id, title, cancellable)));
        let task = Task { core: Arc::clone(self), id };
        let work = work(task.clone());
        // The task needs this lock before it can take itself off the list.
        let mut shared = self.lock();
        let handle = tokio::spawn(async move {
            let result = work.await;
            task.edit(|row| {
                row.ended = Some(now());
                match result {
                    Ok(()) => row.state = TaskState::Done,
                    Err(failure) => {
                        row.state = TaskState::Failed;
                        row.failure = Some(failure);
                    }
                }
            });
            task.core.change(|state| state.end_task_log(id));
            task.core.lock().tasks.remove(&id);
        });
        shared.tasks.insert(id, handle.abort_handle());
        id
    }

    /// Follows a task's log and answers the subscription's number. It begins with what was said before.
    pub(crate) fn open_task_log(self: &Arc<Self>, task: u32) -> Result<u32, Failure> {
        self.edit(|shared| {
            shared.last_flow += 1;
            let subscription = shared.last_flow;
            if shared.state.open_task_log(task, subscription) {
                Ok(subscription)
            } else {
                Err(Failure::new(ErrorKind::NotFound, format!("there is no log of a task {task}")))
            }
        })
    }

    /// Ends a task.
    pub(crate) fn cancel(&self, id: u32) -> Result<(), Failure> {
        let mut shared = self.lock();
        match shared.state.task(id) {
            None => return Err(Failure::new(ErrorKind::NotFound, format!("there is no task {id}"))),
            Some(task) if task.state != TaskState::Running => return Ok(()),
            Some(task) if !task.cancellable => {
                return Err(Failure::new(
                    ErrorKind::WrongState,
                    format!("{}: cannot be ended half-way", task.title),
                ));
            }
            Some(_) => {}
        }
        if let Some(handle) = shared.tasks.remove(&id) {
            handle.abort();
        }
        drop(shared);
        self.change(|state| {
            state.edit_task(id, |task| {
                task.ended = Some(now());
                task.state = TaskState::Cancelled;
            });
            state.end_task_log(id);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_keeps_its_place_and_its_total() {
        let mut task = row(1, "t".into(), true);
        let make =
            |label: &str, current, total, state| TaskStep { current, total, ..plain_step(label, "", state) };
        step(&mut task, make("a", 1, 10, StepState::Active));
        step(&mut task, make("b", 1, 5, StepState::Active));
        step(&mut task, make("a", 10, 0, StepState::Done));
        assert_eq!(task.steps[0], make("a", 10, 10, StepState::Done));
        assert_eq!(task.steps.len(), 2);
    }
}
