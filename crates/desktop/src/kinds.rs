//! The kinds of objects that a screen lists: each is one line here and one file in `view/`.

use std::pin::Pin;

use async_trait::async_trait;
use cove_api::{Engine, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::collection::{Collection, Row};
use crate::view::{
    ContainerRow, Description, HappeningRow, ImageRow, NetworkRow, PodRow, SecretRow, TaskRow, VolumeRow,
};

/// A kind that an engine lists.
#[async_trait]
pub(crate) trait Listed: Row<Key = String> + Kept {
    /// The type of the events that tell of it.
    const EVENTS: &'static str;
    /// Whether its rows also tell how containers fare.
    const FOLLOWS_CONTAINERS: bool = false;

    /// All of them.
    async fn list(engine: &dyn Engine) -> Result<Vec<Self>>;

    /// Removes one; `force` also what uses it.
    ///
    /// # Errors
    /// What the engine says, or that this kind has a way of its own.
    async fn remove(_engine: &dyn Engine, _id: &str, _force: bool) -> std::result::Result<(), Failure> {
        Err(Failure::new(ErrorKind::Unsupported, format!("a {} is not removed this way", Self::EVENTS)))
    }

    /// All about one.
    ///
    /// # Errors
    /// What the engine says, or that this kind has details of its own.
    async fn describe(_engine: &dyn Engine, _id: &str) -> std::result::Result<Description, Failure> {
        Err(Failure::new(ErrorKind::Unsupported, format!("a {} is not described this way", Self::EVENTS)))
    }
}

/// A kind that has a place in [`Collections`].
pub(crate) trait Kept: Row + Send + Sync + Sized + 'static {
    /// Its place.
    fn collection(all: &mut Collections) -> &mut Collection<Self>;
}

/// Declares the kinds: the name of each in a snapshot, in changes and in the code, and its row.
macro_rules! kinds {
    ($($(#[$doc:meta])* $field:ident $variant:ident $row:ident;)*) => {
        /// The rows of every kind at one moment.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(rename_all = "camelCase")]
        pub struct Rows {
            $($(#[$doc])* pub $field: Vec<$row>,)*
        }

        /// Rows of one kind that came, changed or went.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
        pub enum Change {
            $($(#[$doc])* $variant {
                /// New ones and changed ones.
                changed: Vec<$row>,
                /// The keys of those that are gone.
                removed: Vec<<$row as Row>::Key>,
            },)*
        }

        /// The rows of every kind, with what has not been told.
        #[derive(Debug, Default)]
        pub(crate) struct Collections {
            $(pub(crate) $field: Collection<$row>,)*
        }

        $(impl Kept for $row {
            fn collection(all: &mut Collections) -> &mut Collection<Self> {
                &mut all.$field
            }
        })*

        impl Collections {
            pub(crate) fn snapshot(&self) -> Rows {
                Rows { $($field: self.$field.rows().cloned().collect(),)* }
            }

            /// What has changed since the last call.
            pub(crate) fn take(&mut self) -> Vec<Change> {
                let mut changes = Vec::new();
                $(if let Some((changed, removed)) = self.$field.take() {
                    changes.push(Change::$variant { changed, removed });
                })*
                changes
            }

            /// Forgets the objects of the engine in use.
            pub(crate) fn forget_engine(&mut self) {
                $(if <$row as Row>::OF_ENGINE {
                    self.$field.clear();
                })*
            }
        }

        impl Rows {
            /// Takes over a change, as a screen does.
            pub fn apply(&mut self, change: Change) {
                match change {
                    $(Change::$variant { changed, removed } => {
                        let gone = |row: &$row| {
                            removed.contains(row.key()) || changed.iter().any(|new| new.key() == row.key())
                        };
                        self.$field.retain(|row| !gone(row));
                        self.$field.extend(changed);
                    })*
                }
            }
        }
    };
}

kinds! {
    /// Containers.
    containers Containers ContainerRow;
    /// Images.
    images Images ImageRow;
    /// Networks.
    networks Networks NetworkRow;
    /// Volumes.
    volumes Volumes VolumeRow;
    /// Pods.
    pods Pods PodRow;
    /// Secrets.
    secrets Secrets SecretRow;
    /// What has happened in the engine, newest last.
    happenings Happenings HappeningRow;
    /// Long acts, newest last.
    tasks Tasks TaskRow;
}

/// A kind that an engine lists, for those who do not care which.
pub(crate) struct ListedKind {
    /// The type of the events that tell of it, and its name in [`crate::Call::Remove`].
    pub(crate) events: &'static str,
    /// Whether its rows also tell how containers fare.
    pub(crate) follows_containers: bool,
    /// Whether there are none.
    pub(crate) is_empty: fn(&mut Collections) -> bool,
    /// Reads all of them anew, and answers how to put them in their place.
    pub(crate) read: Read,
    /// Removes one.
    pub(crate) remove: Remove,
    /// Tells all about one.
    pub(crate) describe: Describe,
}

type Read = for<'a> fn(&'a dyn Engine) -> Work<'a, Place, cove_api::Error>;
type Describe = for<'a> fn(&'a dyn Engine, &'a str) -> Work<'a, Description, Failure>;
type Remove = for<'a> fn(&'a dyn Engine, &'a str, bool) -> Work<'a, (), Failure>;

/// Puts rows that were read in their place.
pub(crate) type Place = Box<dyn FnOnce(&mut Collections) + Send>;

/// Something that is being done.
type Work<'a, T, E> = Pin<Box<dyn Future<Output = std::result::Result<T, E>> + Send + 'a>>;

/// The kinds that the engine in use lists.
pub(crate) const LISTED: &[ListedKind] = &[
    listed::<ContainerRow>(),
    listed::<ImageRow>(),
    listed::<NetworkRow>(),
    listed::<VolumeRow>(),
    listed::<PodRow>(),
    listed::<SecretRow>(),
];

const fn listed<R: Listed>() -> ListedKind {
    ListedKind {
        events: R::EVENTS,
        follows_containers: R::FOLLOWS_CONTAINERS,
        is_empty: |all| R::collection(all).len() == 0,
        read: |engine| Box::pin(read::<R>(engine)),
        remove: |engine, id, force| R::remove(engine, id, force),
        describe: |engine, id| R::describe(engine, id),
    }
}

/// The kind whose events have this type.
///
/// # Errors
/// There is none.
pub(crate) fn kind_of(events: &str) -> std::result::Result<&'static ListedKind, Failure> {
    let unknown = || Failure::new(ErrorKind::InvalidArgument, format!("there is no kind {events:?}"));
    LISTED.iter().find(|listed| listed.events == events).ok_or_else(unknown)
}

async fn read<R: Listed>(engine: &dyn Engine) -> Result<Place> {
    let rows = match R::list(engine).await {
        Ok(rows) => rows,
        // Another engine than ours need not have every kind.
        Err(error) if error.kind == ErrorKind::Unsupported => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(Box::new(|all: &mut Collections| R::collection(all).replace(rows)))
}
