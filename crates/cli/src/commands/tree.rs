//! All commands by name.

use super::{Entry, Group, container, image, inspect};

/// The top level.
pub(crate) static TREE: &[Entry] = &[
    Entry::leaf(&["attach"], &container::attach::COMMAND),
    Entry::leaf(&["create"], &container::create::COMMAND),
    Entry::leaf(&["exec"], &container::exec::COMMAND),
    Entry::leaf(&["kill"], &container::kill::COMMAND),
    Entry::leaf(&["logs"], &container::logs::COMMAND),
    Entry::leaf(&["pause"], &container::pause::COMMAND),
    Entry::leaf(&["port"], &container::port::COMMAND),
    Entry::leaf(&["ps"], &container::list::COMMAND),
    Entry::leaf(&["rename"], &container::rename::COMMAND),
    Entry::leaf(&["restart"], &container::restart::COMMAND),
    Entry::leaf(&["rm"], &container::remove::COMMAND),
    Entry::leaf(&["run"], &container::run::COMMAND),
    Entry::leaf(&["start"], &container::start::COMMAND),
    Entry::leaf(&["stop"], &container::stop::COMMAND),
    Entry::leaf(&["top"], &container::top::COMMAND),
    Entry::leaf(&["unpause"], &container::unpause::COMMAND),
    Entry::leaf(&["wait"], &container::wait::COMMAND),
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
    Entry::group(&["container"], &CONTAINER),
    Entry::group(&["image"], &IMAGE),
];

static CONTAINER: Group = Group {
    about: "Manage containers",
    entries: &[
        Entry::hidden(&["cleanup"], &container::cleanup::COMMAND),
        Entry::leaf(&["exists"], &container::exists::COMMAND),
        Entry::leaf(&["inspect"], &container::inspect::COMMAND),
        Entry::leaf(&["attach"], &container::attach::COMMAND),
        Entry::leaf(&["create"], &container::create::COMMAND),
        Entry::leaf(&["exec"], &container::exec::COMMAND),
        Entry::leaf(&["kill"], &container::kill::COMMAND),
        Entry::leaf(&["logs"], &container::logs::COMMAND),
        Entry::leaf(&["pause"], &container::pause::COMMAND),
        Entry::leaf(&["port"], &container::port::COMMAND),
        Entry::leaf(&["ps", "ls", "list"], &container::list::COMMAND),
        Entry::leaf(&["rename"], &container::rename::COMMAND),
        Entry::leaf(&["restart"], &container::restart::COMMAND),
        Entry::leaf(&["rm"], &container::remove::COMMAND),
        Entry::leaf(&["run"], &container::run::COMMAND),
        Entry::leaf(&["start"], &container::start::COMMAND),
        Entry::leaf(&["stop"], &container::stop::COMMAND),
        Entry::leaf(&["top"], &container::top::COMMAND),
        Entry::leaf(&["unpause"], &container::unpause::COMMAND),
        Entry::leaf(&["wait"], &container::wait::COMMAND),
    ],
};

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
