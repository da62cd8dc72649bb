//! Disks in QEMU's format, through `qemu-img`; and what of one that comes from elsewhere is looked at before any program
//! opens it.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::Path;

use cove_sys::fs;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::program::Program;

/// Largest accepted virtual size: 16 TiB, as for `machine init`.
const SIZE_LIMIT: u64 = 16 << 40;
/// Memory and processor time of `qemu-img` on a disk from elsewhere.
const FOREIGN_MEMORY: u64 = 2 << 30;
const FOREIGN_SECONDS: u64 = 120;

/// The features whose bits a reader must know (QEMU's `docs/interop/qcow2.txt`).
mod incompatible {
    /// Reference counts may be out of date.
    pub(super) const DIRTY: u64 = 1;
    /// The contents are in another file.
    pub(super) const EXTERNAL_DATA: u64 = 1 << 2;
    /// The method of compression is in the header.
    pub(super) const COMPRESSION: u64 = 1 << 3;
    /// The accepted ones.
    pub(super) const ACCEPTED: u64 = DIRTY | COMPRESSION;
}

/// Checks the header of a disk from elsewhere; answers its virtual size in bytes.
///
/// # Errors
/// A sentence that says why it is refused: another file would be read through it, or it is no such disk.
pub(crate) fn parse_header(header: &[u8]) -> std::result::Result<u64, String> {
    let Some(header) = header.get(..104) else { return Err("it is too short".into()) };
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let long = |at: usize| u64::from(word(at)) << 32 | u64::from(word(at + 4));
    if header[..4] != *b"QFI\xfb" {
        return Err("it is no qcow2 disk".into());
    }
    if word(4) != 3 {
        return Err(format!("its format is version {}, not 3", word(4)));
    }
    if long(8) != 0 || word(16) != 0 {
        return Err("it has a backing file".into());
    }
    if word(32) != 0 {
        return Err("it is encrypted".into());
    }
    let features = long(72);
    if features & incompatible::EXTERNAL_DATA != 0 {
        return Err("its contents are in another file".into());
    }
    if features & !incompatible::ACCEPTED != 0 {
        return Err(format!("it has unknown features ({features:#x})"));
    }
    if word(60) != 0 {
        return Err("it has snapshots in it".into());
    }
    let size = long(24);
    if size == 0 || size > SIZE_LIMIT {
        return Err(format!("a virtual size of {size} bytes is not between 1 byte and 16 TiB"));
    }
    if !(9..=21).contains(&word(20)) {
        return Err("its cluster size is impossible".into());
    }
    Ok(size)
}

/// What `qemu-img info` says.
#[derive(Debug, Deserialize)]
pub(crate) struct DiskInfo {
    format: String,
    #[serde(rename = "virtual-size")]
    pub(crate) virtual_size: u64,
    #[serde(rename = "backing-filename")]
    backing: Option<serde_json::Value>,
    #[serde(default)]
    snapshots: Vec<DiskSnapshot>,
    #[serde(rename = "format-specific")]
    specific: Option<Specific>,
}

#[derive(Debug, Deserialize)]
struct DiskSnapshot {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Specific {
    data: SpecificData,
}

#[derive(Debug, Deserialize)]
struct SpecificData {
    #[serde(rename = "data-file")]
    data_file: Option<serde_json::Value>,
    #[serde(default)]
    corrupt: bool,
}

impl DiskInfo {
    /// The names of the snapshots in the disk.
    pub(crate) fn snapshots(&self) -> impl Iterator<Item = &str> {
        self.snapshots.iter().map(|snapshot| snapshot.name.as_str())
    }

    fn refusal(&self) -> Option<&'static str> {
        let data = self.specific.as_ref().map(|specific| &specific.data);
        if self.format != "qcow2" {
            Some("it is no qcow2 disk")
        } else if self.backing.is_some() {
            Some("it has a backing file")
        } else if data.is_none_or(|data| data.data_file.is_some()) {
            Some("its contents are in another file")
        } else if data.is_some_and(|data| data.corrupt) {
            Some("it is marked as damaged")
        } else {
            None
        }
    }
}

/// What is known of a disk; also while a VM uses it.
///
/// # Errors
/// `qemu-img` is missing or cannot read it.
pub(crate) async fn info(disk: &Path) -> Result<DiskInfo> {
    let program = Program::qemu_img().args(["info", "-U", "-f", "qcow2", "--output=json"]).args([disk]);
    parse_info(&program.run().await?)
}

fn parse_info(json: &str) -> Result<DiskInfo> {
    serde_json::from_str(json).map_err(|error| Error::ProgramFailed {
        program: "qemu-img".into(),
        reason: format!("its answer cannot be read: {error}"),
    })
}

/// Makes sure that a disk from elsewhere is whole and stands for itself; answers its virtual size in bytes.
///
/// # Errors
/// The inner one is a sentence that says why it is refused.
pub(crate) async fn check_foreign(disk: &Path) -> Result<std::result::Result<u64, String>> {
    let mut header = Vec::new();
    fs::File::open(disk)?.take(104).read_to_end(&mut header)?;
    let size = match parse_header(&header) {
        Ok(size) => size,
        Err(reason) => return Ok(Err(reason)),
    };
    let inspect = |words: &[&str]| {
        Program::qemu_img()
            .args(words)
            .args(["-f", "qcow2"])
            .args([disk])
            .bounded(FOREIGN_MEMORY, FOREIGN_SECONDS)
            .with_us()
    };
    let known = match inspect(&["info", "--output=json"]).run().await {
        Ok(json) => parse_info(&json)?,
        Err(Error::ProgramFailed { reason, .. }) => return Ok(Err(reason)),
        Err(error) => return Err(error),
    };
    if let Some(reason) = known.refusal() {
        return Ok(Err(reason.into()));
    }
    if known.virtual_size != size {
        return Ok(Err("its sizes contradict each other".into()));
    }
    let checked = inspect(&["check", "-q"]).output().await?;
    // Leaked room (3) harms nothing.
    if !matches!(checked.status.code(), Some(0 | 3)) {
        return Ok(Err("its tables are damaged (qemu-img check)".into()));
    }
    Ok(Ok(size))
}

/// How whole a disk that nobody uses is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wholeness {
    /// Nothing is wrong with it.
    Whole,
    /// It takes more room than it needs.
    Leaks,
    /// Its tables contradict each other.
    Damaged,
}

/// Looks through a disk's tables; with `repair` what is leaked is given back.
///
/// # Errors
/// `qemu-img` is missing or cannot do it, as where a VM uses the disk.
pub(crate) async fn check(disk: &Path, repair: bool) -> Result<Wholeness> {
    let options: &[&str] = if repair { &["-r", "leaks"] } else { &[] };
    let program = Program::qemu_img().args(["check", "-q", "-f", "qcow2"]).args(options).args([disk]);
    let output = program.output().await?;
    // The exit codes of qemu-img(1).
    match output.status.code() {
        Some(0) => Ok(Wholeness::Whole),
        Some(3) => Ok(Wholeness::Leaks),
        Some(2) => Ok(Wholeness::Damaged),
        _ => Err(Error::ProgramFailed {
            program: "qemu-img".into(),
            reason: crate::boot_log::tail(&String::from_utf8_lossy(&output.stderr), 3),
        }),
    }
}

/// What to do with a snapshot in a disk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SnapshotStep {
    Create,
    Apply,
    Delete,
}

/// Changes a snapshot in a disk that nobody uses. It is not ended with this process, so that it is done whole.
///
/// # Errors
/// `qemu-img` is missing or fails.
pub(crate) async fn snapshot(disk: &Path, step: SnapshotStep, tag: &str) -> Result<()> {
    let flag = match step {
        SnapshotStep::Create => "-c",
        SnapshotStep::Apply => "-a",
        SnapshotStep::Delete => "-d",
    };
    let words: [&OsStr; 5] =
        ["snapshot".as_ref(), "-q".as_ref(), flag.as_ref(), tag.as_ref(), disk.as_os_str()];
    Program::qemu_img().args(words).run().await.map(drop)
}

/// Copies a disk that nobody uses, without its snapshots and without what is all zeros, and waits until the copy is on
/// the host's disk. Nothing is left after a failure.
///
/// # Errors
/// `qemu-img` is missing or fails.
pub(crate) async fn copy(from: &Path, to: &Path, compressed: bool) -> Result<()> {
    let options: &[&str] = if compressed { &["-c", "-W", "-m", "4"] } else { &[] };
    let program = Program::qemu_img()
        .args(["convert", "-q", "-f", "qcow2", "-O", "qcow2", "-o", "compat=1.1"])
        .args(options)
        .args([from, to])
        .with_us();
    let copied = match program.run().await {
        Ok(_) => fs::File::open(to).and_then(|file| file.sync_all()).map_err(Error::from),
        Err(error) => Err(error),
    };
    if copied.is_err() {
        let _ = fs::remove_file(to);
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> [u8; 104] {
        let mut header = [0; 104];
        header[..4].copy_from_slice(b"QFI\xfb");
        header[7] = 3;
        header[23] = 16;
        header[24..32].copy_from_slice(&(10_u64 << 30).to_be_bytes());
        header
    }

    #[test]
    fn a_header_that_leads_elsewhere_is_refused() {
        assert_eq!(parse_header(&header()), Ok(10 << 30));
        let with = |change: fn(&mut [u8; 104])| {
            let mut header = header();
            change(&mut header);
            parse_header(&header).unwrap_err()
        };
        assert!(parse_header(&header()[..103]).unwrap_err().contains("short"));
        assert!(with(|header| header[0] = b'q').contains("no qcow2"));
        assert!(with(|header| header[7] = 2).contains("version 2"));
        assert!(with(|header| header[15] = 1).contains("backing"));
        assert!(with(|header| header[19] = 1).contains("backing"));
        assert!(with(|header| header[35] = 1).contains("encrypted"));
        assert!(with(|header| header[79] = 4).contains("another file"));
        assert!(with(|header| header[79] = 16).contains("unknown features"));
        assert!(with(|header| header[63] = 1).contains("snapshots"));
        assert!(with(|header| header[24] = 0xff).contains("virtual size"));
        assert!(with(|header| header[24..32].fill(0)).contains("virtual size"));
        assert!(with(|header| header[23] = 99).contains("cluster"));
    }

    #[test]
    fn the_answers_of_qemu_img_are_read() {
        let json = r#"{"virtual-size": 1073741824, "filename": "a", "format": "qcow2", "actual-size": 200704,
            "snapshots": [{"id": "1", "name": "cove-before"}],
            "format-specific": {"type": "qcow2", "data": {"compat": "1.1", "corrupt": false}}}"#;
        let known = parse_info(json).unwrap();
        assert_eq!(known.snapshots().collect::<Vec<_>>(), ["cove-before"]);
        assert_eq!((known.virtual_size, known.refusal()), (1 << 30, None));
        for (from, to, reason) in [
            ("\"qcow2\", \"actual", "\"raw\", \"actual", "no qcow2"),
            ("\"filename\"", "\"backing-filename\": \"/etc/shadow\", \"filename\"", "backing"),
            ("\"corrupt\"", "\"data-file\": \"/etc/shadow\", \"corrupt\"", "another file"),
            ("false", "true", "damaged"),
        ] {
            let known = parse_info(&json.replacen(from, to, 1)).unwrap();
            assert!(known.refusal().is_some_and(|text| text.contains(reason)), "{to}");
        }
        assert!(parse_info("{").is_err());
    }
}
