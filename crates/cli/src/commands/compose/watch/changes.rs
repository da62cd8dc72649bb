//! The changes of files, gathered until there are no more for a moment: an editor that saves ten files means one thing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{Event, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::command_error::CommandError;

/// No further change for so long.
const QUIET: Duration = Duration::from_millis(100);
/// Changes that do not end are taken after this.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than these are counted as a change of everything.
const COUNT_LIMIT: usize = 50_000;

/// Watches paths; ends with it.
pub(super) struct Changes {
    _watcher: RecommendedWatcher,
    shared: Arc<Shared>,
    roots: Vec<PathBuf>,
}

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    told: Notify,
}

#[derive(Default)]
struct Pending {
    changed: BTreeMap<PathBuf, bool>,
    /// Some were lost.
    lost: bool,
    failed: Option<String>,
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, event: notify::Result<Event>) {
        let mut pending = self.pending();
        match event {
            Err(error) => pending.failed = Some(explained(&error)),
            Ok(event) if event.need_rescan() => pending.lost = true,
            Ok(event) => {
                let Some(with_contents) = meaning(event.kind) else { return };
                for path in event.paths {
                    let known = pending.changed.entry(path).or_default();
                    *known |= with_contents;
                }
                if pending.changed.len() > COUNT_LIMIT {
                    pending.changed.clear();
                    pending.lost = true;
                }
            }
        }
        drop(pending);
        self.told.notify_one();
    }
}

/// Whether something changed, and whether a folder may have come with all that is in it.
fn meaning(kind: EventKind) -> Option<bool> {
    match kind {
        EventKind::Access(_) => None,
        EventKind::Create(_)
        | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both | RenameMode::Any)) => {
            Some(true)
        }
        _ => Some(false),
    }
}

impl Changes {
    /// Begins to watch. A file is watched through its folder, because editors put a new one in its place.
    ///
    /// # Errors
    /// The system does not watch one of them.
    pub(super) fn of(paths: &BTreeSet<&Path>) -> Result<Self, CommandError> {
        let shared = Arc::<Shared>::default();
        let handler = Arc::clone(&shared);
        let failed =
            |error: notify::Error| CommandError::other(format!("watching files: {}", explained(&error)));
        let mut watcher = notify::recommended_watcher(move |event| handler.take(event)).map_err(failed)?;
        for path in paths {
            let (folder, mode) = match path.is_dir() {
                true => (*path, RecursiveMode::Recursive),
                false => (path.parent().unwrap_or(path), RecursiveMode::NonRecursive),
            };
            // A folder that is watched whole is not to be watched for its files alone.
            let is_known =
                paths.iter().any(|other| other != path && other.is_dir() && folder.starts_with(other));
            if !is_known {
                watcher.watch(folder, mode).map_err(failed)?;
            }
        }
        let roots = paths.iter().map(|path| path.to_path_buf()).collect();
        Ok(Self { _watcher: watcher, shared, roots })
    }

    /// The next changes, with what [`super::rules::Rules::work`] wants to know.
    ///
    /// # Errors
    /// The system stopped watching.
    pub(super) async fn next(&mut self) -> Result<BTreeMap<PathBuf, bool>, CommandError> {
        loop {
            self.shared.told.notified().await;
            let until = Instant::now() + PATIENCE;
            while Instant::now() < until && timeout(QUIET, self.shared.told.notified()).await.is_ok() {}
            let mut pending = std::mem::take(&mut *self.shared.pending());
            if let Some(reason) = pending.failed {
                return Err(CommandError::other(format!("watching files: {reason}")));
            }
            if pending.lost {
                pending.changed.extend(self.roots.iter().map(|root| (root.clone(), true)));
            }
            if !pending.changed.is_empty() {
                return Ok(pending.changed);
            }
        }
    }
}

fn explained(error: &notify::Error) -> String {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system watches no more files for you: raise fs.inotify.max_user_watches (sysctl), or watch smaller folders"
                .to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use cove_sys::fs;

    use super::*;

    #[tokio::test]
    async fn changes_come_together_and_files_that_are_replaced_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let base = std::fs::canonicalize(folder.path()).unwrap();
        let (tree, file) = (base.join("tree"), base.join("file"));
        fs::create_dir(&tree).unwrap();
        fs::write(&file, "1").unwrap();
        let mut changes = Changes::of(&BTreeSet::from([tree.as_path(), file.as_path()])).unwrap();
        fs::write(base.join("new"), "2").unwrap();
        fs::rename(base.join("new"), &file).unwrap();
        fs::create_dir(tree.join("below")).unwrap();
        fs::write(tree.join("below/a"), "x").unwrap();
        let seen = changes.next().await.unwrap();
        assert!(seen.contains_key(&file) && seen.get(&tree.join("below")) == Some(&true), "{seen:?}");
        fs::remove_dir_all(tree.join("below")).unwrap();
        let seen = changes.next().await.unwrap();
        assert!(seen.contains_key(&tree.join("below")), "{seen:?}");
        // Reading is no change.
        drop(fs::read(&file).unwrap());
        assert!(timeout(Duration::from_millis(400), changes.next()).await.is_err());
    }
}
