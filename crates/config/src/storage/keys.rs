//! The keys of storage.conf. Behind each stands whether it is used (see [`crate::usage::Use`]).

use std::collections::BTreeMap;

use crate::merge::{Text, TextList, section};
use crate::usage::Use::{Moot, Refused, Used};

section! {
    /// `[storage]`.
    pub struct StorageSection {
        /// Driver: `overlay` or `vfs`.
        driver: String = Used,
        /// Drivers tried in order where none is named.
        driver_priority: TextList = Refused,
        /// Folder until the next boot.
        runroot: String = Used,
        /// Another folder for images.
        imagestore: String = Refused,
        /// Folder of images, layers and containers.
        graphroot: String = Used,
        /// Graph root of rootless users; `$HOME` and `$UID` are replaced.
        rootless_storage_path: String = Used,
        /// Container data does not outlive a boot.
        transient_store: bool = Refused,
        /// `[storage.options]`.
        options: OptionsSection,
    }
}

section! {
    /// `[storage.options]`.
    pub struct OptionsSection {
        /// Read-only graph roots whose images are visible too.
        additionalimagestores: TextList = Used,
        /// Layer stores of snapshotters.
        additionallayerstores: TextList = Refused,
        /// As in `[storage]`.
        imagestore: String = Refused,
        /// Largest size of a container.
        size: Text = Used,
        /// Flattened owners where chown(2) fails.
        ignore_chown_errors: Text = Used,
        /// composefs.
        use_composefs: Text = Used,
        /// Mode of all files.
        force_mask: Text = Used,
        /// FUSE program for overlay.
        mount_program: String = Used,
        /// Mount options of overlay.
        mountopt: String = Used,
        /// Do not make the graph root a private mount.
        skip_mount_home: Text = Used,
        /// Old: one user namespace for all containers.
        #[serde(rename = "remap-uids")]
        remap_uids: Text = Refused,
        /// Old: one user namespace for all containers.
        #[serde(rename = "remap-gids")]
        remap_gids: Text = Refused,
        /// Old: one user namespace for all containers.
        #[serde(rename = "remap-user")]
        remap_user: Text = Refused,
        /// Old: one user namespace for all containers.
        #[serde(rename = "remap-group")]
        remap_group: Text = Refused,
        /// User whose subordinate ids `--userns=auto` takes.
        #[serde(rename = "root-auto-userns-user")]
        root_auto_userns_user: String = Used,
        /// Fewest ids of `--userns=auto`.
        #[serde(rename = "auto-userns-min-size")]
        auto_userns_min_size: u32 = Used,
        /// Most ids of `--userns=auto`.
        #[serde(rename = "auto-userns-max-size")]
        auto_userns_max_size: u32 = Used,
        /// Never mount overlay volatile.
        #[serde(rename = "disable-volatile")]
        disable_volatile: bool = Refused,
        /// Options of pulls, such as `enable_partial_images`.
        pull_options: BTreeMap<String, Text> = Moot,
        /// `[storage.options.overlay]`.
        overlay: DriverSection,
        /// `[storage.options.vfs]`.
        vfs: DriverSection,
    }
}

section! {
    /// Options of one driver.
    pub struct DriverSection {
        /// Flattened owners where chown(2) fails.
        ignore_chown_errors: Text = Used,
        /// Mount options.
        mountopt: String = Used,
        /// FUSE program.
        mount_program: String = Used,
        /// Largest size of a container.
        size: Text = Used,
        /// Most inodes of a container.
        inodes: Text = Used,
        /// Do not make the graph root a private mount.
        skip_mount_home: Text = Used,
        /// composefs.
        use_composefs: Text = Used,
        /// Mode of all files: `shared`, `private` or octal.
        force_mask: Text = Used,
        /// When files reach the disk.
        sync: Text = Refused,
    }
}
