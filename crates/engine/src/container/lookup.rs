//! Finding containers, following their state under the lock, telling events.

use std::sync::Arc;

use cove_api::{ContainerState, Error, Result, StringMap};

use crate::engine::Core;
use crate::lock::ObjectLock;
use crate::state::{ContainerRow, Lookup};

/// The error for a container that does not exist, in podman's words.
pub(crate) fn no_such_container(name: &str) -> Error {
    Error::not_found(format!("no container with name or ID {name:?} found: no such container"))
}

/// A container under its lock: nobody else changes it as long as the lock lives. A pattern that leaves the lock out
/// (`..`) would drop it at once.
#[must_use]
pub(crate) struct Locked {
    pub(crate) row: ContainerRow,
    pub(crate) lock: ObjectLock,
}

impl Core {
    /// The container meant by a name, an id or the start of an id.
    pub(crate) fn find_container(&self, name: &str) -> Result<ContainerRow> {
        if name.is_empty() {
            return Err(Error::invalid("name or ID cannot be empty"));
        }
        match self.database()?.find_container(name)? {
            Lookup::Found(row) => Ok(row),
            Lookup::Missing => Err(no_such_container(name)),
            Lookup::Ambiguous => Err(Error::invalid(format!(
                "more than one result for container {name:?}: container already exists"
            ))),
        }
    }

    /// The container meant, locked and with a state that is true.
    pub(crate) fn locked_container(self: &Arc<Self>, name: &str) -> Result<Locked> {
        let id = self.find_container(name)?.id;
        let lock = self.lock_container(&id)?;
        let Some(row) = self.database()?.container(&id)? else {
            // Removed meanwhile: its lock must not stay.
            lock.remove();
            return Err(no_such_container(name));
        };
        let mut locked = Locked { row, lock };
        self.sync(&mut locked.row)?;
        Ok(locked)
    }

    /// As [`Core::refresh`], under the lock: keeps what it finds, and tells of an end.
    pub(crate) fn sync(&self, row: &mut ContainerRow) -> Result<()> {
        let before = row.state;
        let changed = self.refresh(row)?;
        if changed {
            self.save(row)?;
        }
        let began = before == ContainerState::Initialized
            && matches!(row.state, ContainerState::Running | ContainerState::Stopped)
            && row.status.error.is_empty();
        if began {
            // The command that started it died before it could tell.
            self.tell("start", row);
        }
        if (began || before.is_alive()) && row.state == ContainerState::Stopped {
            self.tell_died(row)?;
        }
        Ok(())
    }

    /// Writes state and status.
    pub(crate) fn save(&self, row: &ContainerRow) -> Result<()> {
        Ok(self.database()?.save_status(&row.id, row.state, &row.status)?)
    }

    /// Keeps the exit code for those who wait, and tells of the end.
    fn tell_died(&self, row: &ContainerRow) -> Result<()> {
        self.database()?.keep_exit_code(&row.id, row.status.exit_code)?;
        let mut attributes = self.event_attributes(row);
        attributes.insert("containerExitCode".into(), row.status.exit_code.to_string());
        attributes.insert("oomKilled".into(), row.status.oom_killed.to_string());
        self.events.write("container", "died", &row.id, attributes);
        Ok(())
    }

    /// Tells an event of a container with the exit code of its last run: of the end, and of the removal, for those
    /// who wait for that.
    pub(crate) fn tell_with_exit_code(&self, action: &str, row: &ContainerRow) {
        let mut attributes = self.event_attributes(row);
        attributes.insert("containerExitCode".into(), row.status.exit_code.to_string());
        self.events.write("container", action, &row.id, attributes);
    }

    /// Tells an event of a container.
    pub(crate) fn tell(&self, action: &str, row: &ContainerRow) {
        self.events.write("container", action, &row.id, self.event_attributes(row));
    }

    pub(crate) fn event_attributes(&self, row: &ContainerRow) -> StringMap {
        let mut attributes = row.config.labels.clone();
        attributes.insert("name".into(), row.name.clone());
        attributes.insert("image".into(), row.config.image.name.clone());
        if !row.config.pod.is_empty() {
            attributes.insert("podId".into(), row.config.pod.clone());
        }
        attributes
    }
}
