//! All commands by name.

use super::{Entry, Group, image, inspect};

/// The top level.
pub(crate) static TREE: &[Entry] = &[
    Entry::leaf(&["history"], &image::history::COMMAND),
    Entry::leaf(&["images"], &image::list::COMMAND),
    Entry::leaf(&["import"], &image::import::COMMAND),
    Entry::leaf(&["inspect"], &inspect::COMMAND),
    Entry::leaf(&["load"], &image::load::COMMAND),
    Entry::leaf(&["pull"], &image::pull::COMMAND),
    Entry::leaf(&["rmi"], &image::remove::COMMAND),
    Entry::leaf(&["save"], &image::save::COMMAND),
    Entry::leaf(&["tag"], &image::tag::COMMAND),
    Entry::leaf(&["untag"], &image::untag::COMMAND),
    Entry::group(&["image"], &IMAGE),
];

static IMAGE: Group = Group {
    about: "Manage images",
    entries: &[
        Entry::leaf(&["exists"], &image::exists::COMMAND),
        Entry::leaf(&["history"], &image::history::COMMAND),
        Entry::leaf(&["import"], &image::import::COMMAND),
        Entry::leaf(&["inspect"], &image::inspect::COMMAND),
        Entry::leaf(&["ls", "list"], &image::list::COMMAND),
        Entry::leaf(&["load"], &image::load::COMMAND),
        Entry::leaf(&["pull"], &image::pull::COMMAND),
        Entry::leaf(&["rm"], &image::remove::COMMAND),
        Entry::leaf(&["save"], &image::save::COMMAND),
        Entry::leaf(&["tag"], &image::tag::COMMAND),
        Entry::leaf(&["untag"], &image::untag::COMMAND),
    ],
};
