//! What is known, and what of it a screen has not been told yet.
//!
//! Rows are in collections (`collection.rs`) that know which of them have changed; what is no row is noted here.

use std::collections::HashMap;

use crate::kinds::Collections;
use crate::task::TaskLog;
use crate::view::{
    Connection, Group, GroupKind, HappeningRow, Health, MachineRow, Snapshot, StepState, TaskRow, TaskState,
};
use crate::{Event, LogEntry};

/// So many bytes count as a further line.
const LINE: usize = 128;
/// Events of the engine that are kept.
const MOST_HAPPENINGS: usize = 300;
/// Files of a project that are read.
const MOST_PROJECT_FILES: usize = 16;
/// Ended tasks that are kept.
const MOST_ENDED_TASKS: usize = 30;

/// What has changed since the last batch.
#[derive(Debug, Default)]
struct Dirty {
    all: bool,
    connections: bool,
    health: bool,
    machines: bool,
    /// What flows: logs, terminals, samples and their ends, in their order.
    flows: Vec<Event>,
    /// How much of them there is, in lines of a log.
    waiting: usize,
}

/// Everything that a screen shows.
#[derive(Debug, Default)]
pub(crate) struct State {
    connections: Vec<Connection>,
    health: Health,
    pub(crate) rows: Collections,
    machines: Vec<MachineRow>,
    machines_problem: Option<String>,
    /// The folder of this computer where files are put, unless the user says another.
    pub(crate) downloads: String,
    last_task: u32,
    last_happening: u32,
    task_logs: HashMap<u32, TaskLog>,
    dirty: Dirty,
}

impl State {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            connections: self.connections.clone(),
            health: self.health.clone(),
            rows: self.rows.snapshot(),
            machines: self.machines.clone(),
            machines_problem: self.machines_problem.clone(),
            downloads: self.downloads.clone(),
        }
    }

    /// The files of a Compose project, as its containers name them.
    pub(crate) fn project_files(&self, name: &str) -> Vec<String> {
        let is_it = |group: &Group| group.kind == GroupKind::Project && group.name == name;
        let members = self.rows.containers.rows().filter(|row| row.group.as_ref().is_some_and(is_it));
        let mut files: Vec<String> = Vec::new();
        for file in members.filter_map(|row| row.project.as_ref()).flat_map(|project| &project.files) {
            if !files.contains(file) && files.len() < MOST_PROJECT_FILES {
                files.push(file.clone());
            }
        }
        files
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    pub(crate) fn set_health(&mut self, health: Health) {
        if self.health != health {
            self.health = health;
            self.dirty.health = true;
        }
    }

    pub(crate) fn connections(&self) -> &[Connection] {
        &self.connections
    }

    pub(crate) fn set_connections(&mut self, connections: Vec<Connection>) {
        if self.connections != connections {
            self.connections = connections;
            self.dirty.connections = true;
        }
    }

    /// Forgets another engine's objects.
    pub(crate) fn switch(&mut self, health: Health) {
        self.health = health;
        self.rows.forget_engine();
        self.dirty.flows.clear();
        self.dirty.waiting = 0;
        self.dirty.all = true;
    }

    pub(crate) fn machines(&self) -> &[MachineRow] {
        &self.machines
    }

    pub(crate) fn set_machines(&mut self, machines: Vec<MachineRow>, problem: Option<String>) {
        if self.machines != machines || self.machines_problem != problem {
            self.machines = machines;
            self.machines_problem = problem;
            self.dirty.machines = true;
        }
    }

    /// Adds a task under a new number and answers that.
    pub(crate) fn add_task(&mut self, make: impl FnOnce(u32) -> TaskRow) -> u32 {
        self.last_task += 1;
        let id = self.last_task;
        self.rows.tasks.set(make(id));
        let ended = self.ended_tasks();
        for old in ended.iter().take(ended.len().saturating_sub(MOST_ENDED_TASKS)) {
            self.rows.tasks.remove(old);
            self.task_logs.remove(old);
        }
        id
    }

    /// Changes a task that goes on; one that has ended stays as it is.
    pub(crate) fn edit_task(&mut self, id: u32, edit: impl FnOnce(&mut TaskRow)) -> bool {
        let Some(task) = self.rows.tasks.get_mut(&id).filter(|task| task.state == TaskState::Running) else {
            return false;
        };
        edit(task);
        if task.state == TaskState::Done {
            for step in &mut task.steps {
                if step.state == StepState::Active {
                    step.state = StepState::Done;
                }
            }
        }
        self.rows.tasks.touch(id);
        true
    }

    pub(crate) fn task(&self, id: u32) -> Option<&TaskRow> {
        self.rows.tasks.get(&id)
    }

    pub(crate) fn clear_tasks(&mut self) {
        for id in self.ended_tasks() {
            self.rows.tasks.remove(&id);
            self.task_logs.remove(&id);
        }
    }

    fn ended_tasks(&self) -> Vec<u32> {
        let ended = self.rows.tasks.rows().filter(|task| task.state != TaskState::Running);
        ended.map(|task| task.id).collect()
    }

    /// Keeps an event of the engine.
    pub(crate) fn happened(&mut self, event: &cove_api::Event) {
        self.last_happening = self.last_happening.wrapping_add(1);
        self.rows.happenings.set(HappeningRow::new(self.last_happening, event));
        let oldest = self.rows.happenings.rows().next().map(|row| row.id);
        if let Some(oldest) = oldest.filter(|_| self.rows.happenings.len() > MOST_HAPPENINGS) {
            self.rows.happenings.remove(&oldest);
        }
    }

    /// Keeps a line of a task's log and tells those who read it.
    pub(crate) fn task_line(&mut self, id: u32, line: LogEntry) {
        if self.rows.tasks.get(&id).is_none() {
            return;
        }
        let log = self.task_logs.entry(id).or_insert_with(|| {
            // The screen learns with this that there is something to read.
            if let Some(task) = self.rows.tasks.get_mut(&id) {
                task.logged = true;
                self.rows.tasks.touch(id);
            }
            TaskLog::default()
        });
        log.push(line.clone());
        for subscription in log.readers.clone() {
            self.flow(Event::Log { subscription, lines: vec![line.clone()] });
        }
    }

    /// Begins to tell a task's log, from its first line on; false where there is none.
    pub(crate) fn open_task_log(&mut self, id: u32, subscription: u32) -> bool {
        let running = self.rows.tasks.get(&id).is_some_and(|task| task.state == TaskState::Running);
        let Some(log) = self.task_logs.get_mut(&id) else { return false };
        let lines = log.lines.iter().cloned().collect();
        if running {
            log.readers.push(subscription);
        }
        self.flow(Event::Log { subscription, lines });
        if !running {
            self.flow(Event::End { subscription, code: None, failure: None });
        }
        true
    }

    /// Tells those who read a task's log that there is no more.
    pub(crate) fn end_task_log(&mut self, id: u32) {
        let readers = self.task_logs.get_mut(&id).map(|log| std::mem::take(&mut log.readers));
        for subscription in readers.unwrap_or_default() {
            self.flow(Event::End { subscription, code: None, failure: None });
        }
    }

    /// Ends every subscription to a task's log.
    pub(crate) fn close_task_logs(&mut self) {
        for log in self.task_logs.values_mut() {
            log.readers.clear();
        }
    }

    /// Ends a subscription to a task's log.
    pub(crate) fn close_task_log(&mut self, subscription: u32) {
        for log in self.task_logs.values_mut() {
            log.readers.retain(|reader| *reader != subscription);
        }
    }

    /// Something of a subscription, to be sent in its order.
    pub(crate) fn flow(&mut self, event: Event) {
        self.dirty.waiting += lines(&event);
        if let (Some(Event::Log { subscription: last, lines }), Event::Log { subscription, lines: more }) =
            (self.dirty.flows.last_mut(), &event)
            && last == subscription
        {
            lines.extend_from_slice(more);
            return;
        }
        self.dirty.flows.push(event);
    }

    /// How much waits for the next batch, in lines of a log.
    pub(crate) fn waiting_lines(&self) -> usize {
        self.dirty.waiting
    }

    /// The next batch; empty where nothing has changed.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        let dirty = std::mem::take(&mut self.dirty);
        let changes = self.rows.take();
        let mut events = Vec::new();
        if dirty.all {
            events.push(Event::Snapshot { snapshot: Box::new(self.snapshot()) });
            events.extend(dirty.flows);
            return events;
        }
        if dirty.connections {
            events.push(Event::Connections { connections: self.connections.clone() });
        }
        if dirty.health {
            events.push(Event::Health { health: self.health.clone() });
        }
        events.extend(changes.into_iter().map(|change| Event::Rows { change }));
        if dirty.machines {
            events.push(Event::Machines {
                machines: self.machines.clone(),
                problem: self.machines_problem.clone(),
            });
        }
        events.extend(dirty.flows);
        events
    }
}

/// How much an event is, in lines of a log: a long one counts as several.
fn lines(event: &Event) -> usize {
    match event {
        Event::Log { lines, .. } => lines.iter().map(|line| 1 + line.text.len() / LINE).sum(),
        Event::Terminal { data, .. } => 1 + data.len() / LINE,
        Event::Files { files, .. } => 1 + files.len(),
        Event::Processes { processes, .. } => 1 + processes.len(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use crate::LogEntry;
    use crate::kinds::Change;
    use crate::view::ContainerRow;

    fn row(id: &str, state: &str) -> ContainerRow {
        let summary = cove_api::ContainerSummary {
            id: id.into(),
            state: state.parse().unwrap(),
            ..cove_api::ContainerSummary::default()
        };
        summary.into()
    }

    fn containers(changed: Vec<ContainerRow>, removed: Vec<String>) -> Event {
        Event::Rows { change: Change::Containers { changed, removed } }
    }

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn changes_between_two_batches_come_once() {
        let mut state = State::default();
        state.rows.containers.replace(vec![row("a", "created"), row("b", "created")]);
        let first = state.take_events();
        assert!(
            matches!(&first[..], [Event::Rows { change: Change::Containers { changed, removed } }] if changed.len() == 2 && removed.is_empty())
        );
        for word in ["running", "paused", "running"] {
            state.rows.containers.update(&ids(&["a"]), vec![row("a", word)]);
        }
        state.rows.containers.update(&ids(&["b"]), vec![]);
        assert_eq!(state.take_events(), [containers(vec![row("a", "running")], vec!["b".into()])]);
        state.rows.containers.update(&ids(&["a", "nobody"]), vec![row("a", "running")]);
        assert_eq!(state.take_events(), []);
    }

    #[test]
    fn a_new_list_tells_only_the_difference() {
        let mut state = State::default();
        state.rows.containers.replace(vec![row("a", "created"), row("b", "created")]);
        state.take_events();
        state.rows.containers.replace(vec![row("b", "created"), row("c", "created")]);
        assert_eq!(state.take_events(), [containers(vec![row("c", "created")], vec!["a".into()])]);
    }

    #[test]
    fn a_switch_is_a_snapshot() {
        let mut state = State::default();
        state.rows.containers.replace(vec![row("a", "created")]);
        state.switch(Health::default());
        let events = state.take_events();
        assert!(matches!(&events[..], [Event::Snapshot { snapshot }] if snapshot.rows.containers.is_empty()));
    }

    #[test]
    fn log_lines_keep_their_order_around_an_end() {
        let entry = |text: &str| LogEntry { time: 0, error: false, source: 0, text: text.into() };
        let mut state = State::default();
        state.flow(Event::Log { subscription: 1, lines: vec![entry("a")] });
        state.flow(Event::Log { subscription: 1, lines: vec![entry("b")] });
        state.flow(Event::End { subscription: 1, code: None, failure: None });
        assert_eq!(state.waiting_lines(), 3);
        assert_eq!(
            state.take_events(),
            [
                Event::Log { subscription: 1, lines: vec![entry("a"), entry("b")] },
                Event::End { subscription: 1, code: None, failure: None }
            ]
        );
    }

    #[test]
    fn an_ended_task_stays_as_it_ended() {
        let mut state = State::default();
        let make = |id| crate::task::row(id, "t".into(), true);
        let id = state.add_task(make);
        assert!(state.edit_task(id, |task| task.state = TaskState::Cancelled));
        assert!(!state.edit_task(id, |task| task.state = TaskState::Done));
        for _ in 0..MOST_ENDED_TASKS + 5 {
            let id = state.add_task(make);
            state.edit_task(id, |task| task.state = TaskState::Done);
        }
        let running = state.add_task(make);
        assert_eq!(state.snapshot().rows.tasks.len(), MOST_ENDED_TASKS + 1);
        state.clear_tasks();
        assert_eq!(state.snapshot().rows.tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [running]);
    }
}
