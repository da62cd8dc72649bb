//! Checkpoints: the processes of a container on the disk, from which they go on later or elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ByteStream, Error, Result};

/// How a checkpoint is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct CheckpointOptions {
    /// Keep CRIU's logs and statistics after success.
    pub keep: bool,
    /// The container runs on.
    pub leave_running: bool,
    /// With established TCP connections.
    pub tcp_established: bool,
    /// Answer the checkpoint as an archive.
    pub export: bool,
    /// The archive is without what the container changed of its image.
    #[serde(rename = "ignoreRootFS")]
    pub ignore_root_fs: bool,
    /// The archive is without the data of volumes.
    pub ignore_volumes: bool,
    /// The memory alone, before the checkpoint itself; the container runs on.
    pub pre_checkpoint: bool,
    /// What has not changed since the last such one is left out.
    pub with_previous: bool,
    /// With locks on files.
    pub file_locks: bool,
    /// Say what CRIU measured.
    pub print_stats: bool,
    /// Make an image of that name of it.
    pub create_image: String,
    /// How the archive is compressed; an extension of this service.
    pub compress: CheckpointCompression,
}

impl CheckpointOptions {
    /// Refuses what contradicts, in Podman's words.
    ///
    /// # Errors
    /// Two options exclude each other.
    pub fn check(&self) -> Result<()> {
        let complaint = if !self.export && self.ignore_root_fs && self.create_image.is_empty() {
            "--ignore-rootfs can only be used with --export"
        } else if !self.export && self.ignore_volumes && self.create_image.is_empty() {
            "--ignore-volumes can only be used with --export"
        } else if self.with_previous && self.pre_checkpoint {
            "--with-previous can not be used with --pre-checkpoint"
        } else if self.export && !self.create_image.is_empty() {
            "--export cannot be used with --create-image"
        } else if self.pre_checkpoint && !self.create_image.is_empty() {
            "--pre-checkpoint cannot be used with --create-image"
        } else {
            return Ok(());
        };
        Err(Error::invalid(complaint))
    }
}

/// How the archive of a checkpoint is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckpointCompression {
    /// Zstandard.
    #[default]
    Zstd,
    /// Not at all.
    None,
    /// gzip.
    Gzip,
}

impl std::str::FromStr for CheckpointCompression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "zstd" => Ok(Self::Zstd),
            "none" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            _ => Err(Error::invalid(format!(
                "selected compression algorithm ({text:?}) not supported. Please select one from: gzip, none, zstd"
            ))),
        }
    }
}

/// What came of a checkpoint.
pub struct Checkpointed {
    /// What is known of it.
    pub report: CheckpointReport,
    /// The checkpoint, where that was asked for.
    pub archive: Option<ByteStream>,
}

impl std::fmt::Debug for Checkpointed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Checkpointed").field(&self.report).finish()
    }
}

/// What is known of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CheckpointReport {
    /// The container.
    #[serde(rename = "Id")]
    pub id: String,
    /// Microseconds that the OCI runtime took; 0 where nobody asked.
    #[serde(rename = "runtime_checkpoint_duration")]
    pub duration: u64,
    /// What CRIU measured.
    #[serde(rename = "criu_statistics")]
    pub statistics: Option<CriuStatistics>,
}

/// What CRIU measured: times in microseconds, and numbers of pages of memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
#[serde(default)]
pub struct CriuStatistics {
    #[serde(skip_serializing_if = "is_zero")]
    pub freezing_time: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub frozen_time: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub memdump_time: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub memwrite_time: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub pages_scanned: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub pages_written: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub pages_compared: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub pages_skipped_cow: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub forking_time: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub restore_time: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub pages_restored: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How a container goes on from a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RestoreOptions {
    /// Another name than it had; with an archive or an image alone.
    pub name: String,
    /// Keep the checkpoint, to restore from it once more, and CRIU's logs.
    pub keep: bool,
    /// With established TCP connections.
    pub tcp_established: bool,
    /// With TCP connections closed.
    pub tcp_close: bool,
    /// The checkpoint is the archive in the body.
    pub import: bool,
    /// Without what the container had changed of its image.
    #[serde(rename = "ignoreRootFS")]
    pub ignore_root_fs: bool,
    /// Without the data of volumes.
    pub ignore_volumes: bool,
    /// With new addresses.
    #[serde(rename = "ignoreStaticIP")]
    pub ignore_static_ip: bool,
    /// With new hardware addresses.
    #[serde(rename = "ignoreStaticMAC")]
    pub ignore_static_mac: bool,
    /// With locks on files.
    pub file_locks: bool,
    /// Say what CRIU measured.
    pub print_stats: bool,
    /// Published ports in place of those that it had, as after `-p`, with blanks between them.
    pub publish_ports: String,
    /// The pod that it goes into.
    pub pod: String,
}

impl RestoreOptions {
    /// Refuses what makes sense only with an archive or an image, in Podman's words; `previous` says that there is the
    /// archive of a pre-checkpoint.
    ///
    /// # Errors
    /// An option has nothing to act on, or two exclude each other.
    pub fn check(&self, elsewhere: bool, previous: bool) -> Result<()> {
        let needs = [
            ("--import-previous", previous),
            ("--ignore-rootfs", self.ignore_root_fs),
            ("--ignore-volumes", self.ignore_volumes),
            ("--name", !self.name.is_empty()),
            ("--pod", !self.pod.is_empty()),
            ("--publish", !self.publish_ports.is_empty()),
        ];
        if let Some((option, _)) = needs.iter().find(|(_, asked)| *asked && !elsewhere) {
            return Err(Error::invalid(format!("{option} can only be used with image or --import")));
        }
        if !self.name.is_empty() && self.tcp_established {
            return Err(Error::invalid("--tcp-established cannot be used with --name"));
        }
        if self.tcp_close && self.tcp_established {
            return Err(Error::invalid("--tcp-established cannot be used with --tcp-close"));
        }
        Ok(())
    }
}

/// What a container goes on from, besides what the engine has of it.
#[derive(Default)]
pub struct RestoreArchives {
    /// The checkpoint.
    pub checkpoint: Option<ByteStream>,
    /// The memory before it.
    pub previous: Option<ByteStream>,
}

impl std::fmt::Debug for RestoreArchives {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RestoreArchives")
            .field("checkpoint", &self.checkpoint.is_some())
            .field("previous", &self.previous.is_some())
            .finish()
    }
}

/// A container that goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RestoreReport {
    /// The container.
    #[serde(rename = "Id")]
    pub id: String,
    /// Microseconds that the OCI runtime took; 0 where nobody asked.
    #[serde(rename = "runtime_restore_duration")]
    pub duration: u64,
    /// What CRIU measured.
    #[serde(rename = "criu_statistics")]
    pub statistics: Option<CriuStatistics>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_told() {
        let checks = |change: fn(&mut CheckpointOptions)| {
            let mut options = CheckpointOptions::default();
            change(&mut options);
            options.check().map_err(|error| error.message)
        };
        assert_eq!(checks(|_| {}), Ok(()));
        assert!(checks(|options| options.ignore_root_fs = true).is_err_and(|text| text.contains("--export")));
        assert!(checks(|options| options.ignore_volumes = true).is_err());
        assert_eq!(checks(|options| (options.export, options.ignore_volumes) = (true, true)), Ok(()));
        assert!(checks(|options| (options.with_previous, options.pre_checkpoint) = (true, true)).is_err());
        assert!(checks(|options| (options.export, options.create_image) = (true, "a".into())).is_err());
        let restores = |change: fn(&mut RestoreOptions), elsewhere| {
            let mut options = RestoreOptions::default();
            change(&mut options);
            options.check(elsewhere, false).is_ok()
        };
        assert!(restores(|_| {}, false));
        assert!(!restores(|options| options.name = "a".into(), false));
        assert!(restores(|options| options.name = "a".into(), true));
        assert!(!restores(|options| (options.tcp_established, options.name) = (true, "a".into()), true));
        assert!(!restores(|options| (options.tcp_established, options.tcp_close) = (true, true), true));
        assert!(RestoreOptions::default().check(false, true).is_err());
    }

    #[test]
    fn parameters_have_their_names() {
        let options = CheckpointOptions { ignore_root_fs: true, leave_running: true, ..Default::default() };
        let value = serde_json::to_value(options).unwrap();
        assert_eq!((&value["ignoreRootFS"], &value["leaveRunning"]), (&true.into(), &true.into()));
        assert!("bzip2".parse::<CheckpointCompression>().is_err());
        assert_eq!("GZIP".parse(), Ok(CheckpointCompression::Gzip));
    }
}
