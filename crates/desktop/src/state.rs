//! What is known, and what of it a screen has not been told yet.
//!
//! Changes are noted by object, not as events: however often a container changes between two batches, the next
//! batch holds its last row once.

use std::collections::{BTreeMap, BTreeSet};

use crate::Event;
use crate::view::{
    Connection, ContainerRow, Health, ImageRow, MachineRow, Snapshot, StepState, TaskRow, TaskState,
};

/// Ended tasks that are kept.
const MOST_ENDED_TASKS: usize = 30;

/// What has changed since the last batch.
#[derive(Debug, Default)]
struct Dirty {
    all: bool,
    connections: bool,
    health: bool,
    machines: bool,
    containers: BTreeSet<String>,
    images: BTreeSet<String>,
    tasks: BTreeSet<u32>,
    logs: Vec<Event>,
}

/// Everything that a screen shows.
#[derive(Debug, Default)]
pub(crate) struct State {
    connections: Vec<Connection>,
    health: Health,
    containers: BTreeMap<String, ContainerRow>,
    images: BTreeMap<String, ImageRow>,
    machines: Vec<MachineRow>,
    machines_problem: Option<String>,
    tasks: BTreeMap<u32, TaskRow>,
    last_task: u32,
    dirty: Dirty,
}

impl State {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            connections: self.connections.clone(),
            health: self.health.clone(),
            containers: self.containers.values().cloned().collect(),
            images: self.images.values().cloned().collect(),
            machines: self.machines.clone(),
            machines_problem: self.machines_problem.clone(),
            tasks: self.tasks.values().cloned().collect(),
        }
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
        self.containers.clear();
        self.images.clear();
        self.dirty.logs.clear();
        self.dirty.all = true;
    }

    /// The whole list.
    pub(crate) fn set_containers(&mut self, rows: Vec<ContainerRow>) {
        replace(&mut self.containers, rows, |row| &row.id, &mut self.dirty.containers);
    }

    /// The rows of the containers `ids`; those without one are gone.
    pub(crate) fn update_containers(&mut self, ids: &BTreeSet<String>, rows: Vec<ContainerRow>) {
        let mut rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        for id in ids {
            let changed = match rows.remove(id) {
                Some(row) if self.containers.get(id) == Some(&row) => false,
                Some(row) => {
                    self.containers.insert(id.clone(), row);
                    true
                }
                None => self.containers.remove(id).is_some(),
            };
            if changed {
                self.dirty.containers.insert(id.clone());
            }
        }
    }

    /// The whole list.
    pub(crate) fn set_images(&mut self, rows: Vec<ImageRow>) {
        replace(&mut self.images, rows, |row| &row.id, &mut self.dirty.images);
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
        self.tasks.insert(id, make(id));
        self.dirty.tasks.insert(id);
        let ended: Vec<u32> =
            self.tasks.values().filter(|task| task.state != TaskState::Running).map(|task| task.id).collect();
        for old in ended.iter().take(ended.len().saturating_sub(MOST_ENDED_TASKS)) {
            self.tasks.remove(old);
            self.dirty.tasks.insert(*old);
        }
        id
    }

    /// Changes a task that goes on; one that has ended stays as it is.
    pub(crate) fn edit_task(&mut self, id: u32, edit: impl FnOnce(&mut TaskRow)) -> bool {
        let Some(task) = self.tasks.get_mut(&id).filter(|task| task.state == TaskState::Running) else {
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
        self.dirty.tasks.insert(id);
        true
    }

    pub(crate) fn task(&self, id: u32) -> Option<&TaskRow> {
        self.tasks.get(&id)
    }

    pub(crate) fn clear_tasks(&mut self) {
        self.tasks.retain(|id, task| {
            let keep = task.state == TaskState::Running;
            if !keep {
                self.dirty.tasks.insert(*id);
            }
            keep
        });
    }

    /// A log's lines or its end, to be sent in their order.
    pub(crate) fn log(&mut self, event: Event) {
        if let (Some(Event::Log { subscription: last, lines }), Event::Log { subscription, lines: more }) =
            (self.dirty.logs.last_mut(), &event)
            && last == subscription
        {
            lines.extend_from_slice(more);
            return;
        }
        self.dirty.logs.push(event);
    }

    /// Log lines that wait for the next batch.
    pub(crate) fn waiting_log_lines(&self) -> usize {
        let lines = |event: &Event| if let Event::Log { lines, .. } = event { lines.len() } else { 1 };
        self.dirty.logs.iter().map(lines).sum()
    }

    /// The next batch; empty where nothing has changed.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        let dirty = std::mem::take(&mut self.dirty);
        let mut events = Vec::new();
        if dirty.all {
            events.push(Event::Snapshot { snapshot: Box::new(self.snapshot()) });
            events.extend(dirty.logs);
            return events;
        }
        if dirty.connections {
            events.push(Event::Connections { connections: self.connections.clone() });
        }
        if dirty.health {
            events.push(Event::Health { health: self.health.clone() });
        }
        if !dirty.containers.is_empty() {
            let (changed, removed) = part(&self.containers, dirty.containers);
            events.push(Event::Containers { changed, removed });
        }
        if !dirty.images.is_empty() {
            let (changed, removed) = part(&self.images, dirty.images);
            events.push(Event::Images { changed, removed });
        }
        if dirty.machines {
            events.push(Event::Machines {
                machines: self.machines.clone(),
                problem: self.machines_problem.clone(),
            });
        }
        if !dirty.tasks.is_empty() {
            let (changed, removed) = part(&self.tasks, dirty.tasks);
            events.push(Event::Tasks { changed, removed });
        }
        events.extend(dirty.logs);
        events
    }
}

/// Makes `map` hold exactly `rows` and notes which keys that changed.
fn replace<R: PartialEq>(
    map: &mut BTreeMap<String, R>,
    rows: Vec<R>,
    key: impl Fn(&R) -> &String,
    dirty: &mut BTreeSet<String>,
) {
    let next: BTreeMap<String, R> = rows.into_iter().map(|row| (key(&row).clone(), row)).collect();
    dirty.extend(map.keys().filter(|id| !next.contains_key(*id)).cloned());
    dirty.extend(next.iter().filter(|(id, row)| map.get(*id) != Some(*row)).map(|(id, _)| id.clone()));
    *map = next;
}

/// The rows of the keys that are there, and the keys that are not.
fn part<K: Ord, R: Clone>(map: &BTreeMap<K, R>, keys: BTreeSet<K>) -> (Vec<R>, Vec<K>) {
    let mut changed = Vec::new();
    let mut removed = Vec::new();
    for key in keys {
        match map.get(&key) {
            Some(row) => changed.push(row.clone()),
            None => removed.push(key),
        }
    }
    (changed, removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogEntry;

    fn row(id: &str, state: &str) -> ContainerRow {
        let summary = cove_api::ContainerSummary {
            id: id.into(),
            state: state.parse().unwrap(),
            ..cove_api::ContainerSummary::default()
        };
        summary.into()
    }

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn changes_between_two_batches_come_once() {
        let mut state = State::default();
        state.set_containers(vec![row("a", "created"), row("b", "created")]);
        let first = state.take_events();
        assert!(
            matches!(&first[..], [Event::Containers { changed, removed }] if changed.len() == 2 && removed.is_empty())
        );
        for word in ["running", "paused", "running"] {
            state.update_containers(&ids(&["a"]), vec![row("a", word)]);
        }
        state.update_containers(&ids(&["b"]), vec![]);
        assert_eq!(
            state.take_events(),
            [Event::Containers { changed: vec![row("a", "running")], removed: vec!["b".into()] }]
        );
        state.update_containers(&ids(&["a", "nobody"]), vec![row("a", "running")]);
        assert_eq!(state.take_events(), []);
    }

    #[test]
    fn a_new_list_tells_only_the_difference() {
        let mut state = State::default();
        state.set_containers(vec![row("a", "created"), row("b", "created")]);
        state.take_events();
        state.set_containers(vec![row("b", "created"), row("c", "created")]);
        assert_eq!(
            state.take_events(),
            [Event::Containers { changed: vec![row("c", "created")], removed: vec!["a".into()] }]
        );
    }

    #[test]
    fn a_switch_is_a_snapshot() {
        let mut state = State::default();
        state.set_containers(vec![row("a", "created")]);
        state.switch(Health::default());
        let events = state.take_events();
        assert!(matches!(&events[..], [Event::Snapshot { snapshot }] if snapshot.containers.is_empty()));
    }

    #[test]
    fn log_lines_keep_their_order_around_an_end() {
        let entry = |text: &str| LogEntry { time: 0, error: false, text: text.into() };
        let mut state = State::default();
        state.log(Event::Log { subscription: 1, lines: vec![entry("a")] });
        state.log(Event::Log { subscription: 1, lines: vec![entry("b")] });
        state.log(Event::LogEnd { subscription: 1, failure: None });
        assert_eq!(state.waiting_log_lines(), 3);
        assert_eq!(
            state.take_events(),
            [
                Event::Log { subscription: 1, lines: vec![entry("a"), entry("b")] },
                Event::LogEnd { subscription: 1, failure: None }
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
        assert_eq!(state.snapshot().tasks.len(), MOST_ENDED_TASKS + 1);
        state.clear_tasks();
        assert_eq!(state.snapshot().tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [running]);
    }
}
