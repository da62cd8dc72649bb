//! Telling of a health check in the engine's file of events and in the journal.

use std::io::Write as _;
use std::path::Path;

use cove_monitor::protocol::{HealthEvents, HealthFound, HealthJournal};
use cove_sys::fs;
use fs::os::unix::fs::OpenOptionsExt as _;

use crate::log::Clock;
use crate::{host, journal};

/// Tells of what was found. That it cannot be told is no reason to end the container.
pub(crate) fn tell(events: &HealthEvents, found: &HealthFound) {
    let _ = append(events, found);
    if let Some(journal) = &events.journal {
        let _ = write(journal, found, events.with_log);
    }
}

/// Adds an entry to the journal of systemd, with podman's fields.
/// Most bytes of a check's output that an entry of the journal has.
const LONGEST_LOG: usize = 64 << 10;

fn write(journal: &HealthJournal, found: &HealthFound, with_log: bool) -> std::io::Result<()> {
    let mut log = found.log.back().filter(|_| with_log).map(|last| last.output.clone()).unwrap_or_default();
    // The whole entry is one datagram.
    log.truncate(log.floor_char_boundary(LONGEST_LOG));
    let own = [
        ("PODMAN_TIME", Clock::default().now()),
        ("PODMAN_HEALTH_STATUS", found.status.clone()),
        ("PODMAN_HEALTH_FAILING_STREAK", found.failing_streak.to_string()),
        ("PODMAN_HEALTH_LOG", log),
        ("PRIORITY", "5".to_owned()),
        ("MESSAGE", format!("container health_status ({})", found.status)),
    ];
    let own = own.into_iter().filter(|(_, value)| !value.is_empty());
    let fields = journal.fields.iter().cloned().chain(own.map(|(name, value)| (name.to_owned(), value)));
    journal::send(&journal.socket, fields)
}

/// Appends an event to the engine's file, under the lock by which the engine changes it. The engine shortens it.
fn append(events: &HealthEvents, found: &HealthFound) -> std::io::Result<()> {
    let mut lock = events.file.as_os_str().to_owned();
    lock.push(".lock");
    let _lock = cove_sys::lock::FileLock::exclusive(Path::new(&lock))?;
    let mut event = events.event.clone();
    // Under the lock, so that the lines have the order of their times.
    let now = host::now_ns();
    if let Some(fields) = event.as_object_mut() {
        fields.insert("time".into(), now.div_euclid(1_000_000_000).into());
        fields.insert("timeNano".into(), now.into());
    }
    if let Some(attributes) = event.pointer_mut("/Actor/Attributes").and_then(|value| value.as_object_mut()) {
        attributes.insert("health_status".into(), found.status.clone().into());
        attributes.insert("health_failing_streak".into(), found.failing_streak.to_string().into());
        if let (true, Some(last)) = (events.with_log, found.log.back()) {
            attributes.insert("health_log".into(), last.output.clone().into());
        }
    }
    let mut line = serde_json::to_vec(&event)?;
    line.push(b'\n');
    let mut options = fs::OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(&events.file)?;
    file.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_wait_for_the_lock_of_their_file() {
        let folder = std::env::temp_dir().join(format!("cove-health-events-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("events.log");
        let events = HealthEvents {
            file: file.clone(),
            event: serde_json::json!({"Actor": {"Attributes": {}}}),
            with_log: false,
            journal: None,
        };
        let lock = cove_sys::lock::FileLock::exclusive(&folder.join("events.log.lock")).unwrap();
        std::thread::scope(|scope| {
            let told = scope.spawn(|| append(&events, &HealthFound::default()));
            std::thread::sleep(std::time::Duration::from_millis(100));
            assert!(!file.exists());
            drop(lock);
            told.join().unwrap().unwrap();
        });
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_journal_is_told_as_well() {
        let path = std::env::temp_dir().join(format!("cove-health-journal-{}", std::process::id()));
        let receiver = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        let fields = vec![("PODMAN_TYPE".to_owned(), "container".to_owned())];
        let found = HealthFound { status: "healthy".into(), ..HealthFound::default() };
        write(&HealthJournal { socket: path.clone(), fields }, &found, true).unwrap();
        let mut buffer = [0; 1024];
        let length = receiver.recv(&mut buffer).unwrap();
        let entry = String::from_utf8_lossy(&buffer[..length]);
        assert!(entry.starts_with("PODMAN_TYPE=container\nPODMAN_TIME=2"), "{entry}");
        assert!(entry.contains("PODMAN_HEALTH_STATUS=healthy\nPODMAN_HEALTH_FAILING_STREAK=0\nPRIORITY=5\n"));
        fs::remove_file(&path).unwrap();
    }
}
