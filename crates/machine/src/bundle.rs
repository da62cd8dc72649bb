//! A machine in one file: a tar of `manifest.json`, then the files it names, in the manifest's order.
//!
//! There are no keys and no ports in it. Whoever reads one trusts nothing in it: the manifest bounds what is read of the
//! rest, and is bounded itself.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

use cove_archive::{Kind, Reader, Streamed, Writer};
use cove_sys::fs;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::image::{ImageFile, host_arch};
use crate::name::MachineName;
use crate::provider::ImageFiles;
use crate::record::{MachineRecord, RecordedImage};

const MANIFEST: &str = "manifest.json";
/// The one known form.
const FORM: &str = "cove-machine-1";
/// Largest accepted manifest, in bytes.
const MANIFEST_LIMIT: u64 = 64 * 1024;
/// Largest accepted boot file and disk, in bytes.
const BOOT_LIMIT: u64 = 2 << 30;
const DISK_LIMIT: u64 = 17 << 40;
/// Longest accepted text in a manifest.
const TEXT_LIMIT: usize = 128;

/// What a bundle says about its machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    form: String,
    pub(crate) name: MachineName,
    pub(crate) created: String,
    pub(crate) cpus: u32,
    pub(crate) memory_mib: u64,
    pub(crate) disk_gib: u64,
    pub(crate) image: RecordedImage,
    pub(crate) files: BTreeMap<String, ImageFile>,
}

impl Manifest {
    /// What is said of `record` with these files.
    pub(crate) fn new(record: &MachineRecord, files: BTreeMap<String, ImageFile>) -> Self {
        Self {
            form: FORM.into(),
            name: record.name.clone(),
            created: record.created.clone(),
            cpus: record.cpus,
            memory_mib: record.memory_mib,
            disk_gib: record.disk_gib,
            image: record.image.clone(),
            files,
        }
    }

    /// How many bytes the files have together.
    pub(crate) fn size(&self) -> u64 {
        self.files.values().fold(0, |sum, file| sum.saturating_add(file.size))
    }

    /// Parses a manifest for a provider that takes `files`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(crate) fn parse(text: &[u8], files: ImageFiles) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            form: String,
        }
        let form: Form = serde_json::from_slice(text).map_err(|_| "it is no exported machine".to_owned())?;
        if form.form != FORM {
            return Err(format!(
                "its form {:?} is not {FORM}",
                form.form.chars().take(40).collect::<String>()
            ));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| format!("{MANIFEST}: {error}"))?;
        manifest.check(files)?;
        Ok(manifest)
    }

    fn check(&self, files: ImageFiles) -> Result<(), String> {
        let image = &self.image;
        if image.arch != host_arch() {
            let arch: String = image.arch.chars().take(20).collect();
            return Err(format!("it is for {arch:?}, this host is {}", host_arch()));
        }
        if !matches!(image.variant.as_str(), "init" | "systemd") {
            return Err("its image is neither of the variant init nor systemd".into());
        }
        for text in [&self.created, &image.kernel_version, &image.cove_version, &image.disk_sha256] {
            if text.len() > TEXT_LIMIT || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!("{MANIFEST}: a text is too long or has odd characters"));
            }
        }
        if self.files.len() != files.all().count() {
            return Err(format!("{MANIFEST} names files that no machine has"));
        }
        for name in files.all() {
            let file = self.files.get(name).ok_or_else(|| format!("{MANIFEST} names no {name}"))?;
            let limit = if name == files.disk { DISK_LIMIT } else { BOOT_LIMIT };
            if file.size == 0 || file.size > limit {
                return Err(format!("{MANIFEST}: {name} has {} bytes", file.size));
            }
            if file.sha256.len() != 64 || !file.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(format!("{MANIFEST}: the digest of {name} is none"));
            }
        }
        Ok(())
    }
}

/// Size and digest of a file.
///
/// # Errors
/// It cannot be read.
pub(crate) fn measure(path: &Path) -> std::io::Result<ImageFile> {
    let mut file = fs::File::open(path)?;
    let (mut size, mut digest, mut buffer) = (0, Sha256::new(), vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(ImageFile { size, sha256: hexadecimal(digest) });
        }
        size += count as u64;
        digest.update(&buffer[..count]);
    }
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a bundle; `open` gives each file of the manifest.
///
/// # Errors
/// Reading or writing fails, or a file has changed its size.
pub(crate) fn write<W: Write>(
    out: W,
    manifest: &Manifest,
    open: impl Fn(&str) -> std::io::Result<fs::File>,
) -> std::io::Result<W> {
    let mut json = serde_json::to_vec_pretty(manifest)?;
    json.push(b'\n');
    let mut writer = Writer::new(out);
    writer.file(MANIFEST, &json)?;
    for (name, facts) in &manifest.files {
        writer.file_from(name, facts.size, &mut open(name)?)?;
    }
    writer.finish()
}

/// A bundle that is being read.
pub(crate) struct Bundle<R> {
    reader: Reader<Streamed<R>>,
    pub(crate) manifest: Manifest,
}

impl<R: Read> Bundle<R> {
    /// Reads the manifest.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(crate) fn open(stream: R, files: ImageFiles) -> Result<Self, String> {
        let mut reader = Reader::new(Streamed::new(stream));
        let size = member(&mut reader, MANIFEST)?;
        if size > MANIFEST_LIMIT {
            return Err(format!("{MANIFEST} has {size} bytes"));
        }
        let mut text = Vec::new();
        pour(&mut reader, |data| {
            text.extend_from_slice(data);
            Ok(())
        })?;
        Ok(Self { manifest: Manifest::parse(&text, files)?, reader })
    }

    /// Unpacks the files into `folder`, checking each one's size and digest.
    ///
    /// # Errors
    /// A sentence that says what is wrong; what is in the folder then is for the caller to remove.
    pub(crate) fn unpack(mut self, folder: &Path) -> Result<Manifest, String> {
        for (name, facts) in &self.manifest.files {
            let size = member(&mut self.reader, name)?;
            if size != facts.size {
                return Err(format!("{name} has {size} bytes, and {} in {MANIFEST}", facts.size));
            }
            let io = |error: std::io::Error| error.to_string();
            let mut file = fs::File::create(folder.join(name)).map_err(io)?;
            let mut digest = Sha256::new();
            pour(&mut self.reader, |data| {
                digest.update(data);
                file.write_all(data)
            })?;
            file.sync_all().map_err(io)?;
            if !hexadecimal(digest).eq_ignore_ascii_case(&facts.sha256) {
                return Err(format!("the digest of {name} is not that in {MANIFEST}: it is damaged"));
            }
        }
        match self.reader.next().map_err(|error| error.to_string())? {
            None => Ok(self.manifest),
            Some(_) => Err("there is more in it than its manifest names".into()),
        }
    }
}

/// The size of the next member, which is to be a plain file of that name.
fn member<R: Read>(reader: &mut Reader<Streamed<R>>, name: &str) -> Result<u64, String> {
    let entry = reader.next().map_err(|_| "it is no exported machine, or damaged".to_owned())?;
    match entry {
        Some(entry)
            if entry.header.kind == Kind::File
                && entry.sparse.is_none()
                && entry.header.name == name.as_bytes() =>
        {
            Ok(entry.header.size)
        }
        _ => Err(format!("{name} is not where it belongs: it is no exported machine")),
    }
}

fn pour<R: Read>(
    reader: &mut Reader<Streamed<R>>,
    mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(), String> {
    loop {
        let data = reader.peek().map_err(|error| error.to_string())?;
        let count = data.len();
        if count == 0 {
            return Ok(());
        }
        take(data).map_err(|error| error.to_string())?;
        reader.consume(count).map_err(|error| error.to_string())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    const FILES: ImageFiles = ImageFiles { disk: "disk.qcow2", boot: &["kernel"] };

    fn made(folder: &Path) -> Manifest {
        fs::write(folder.join("kernel"), "a kernel").unwrap();
        fs::write(folder.join("disk.qcow2"), "a disk").unwrap();
        let files = FILES.all().map(|name| (name.to_owned(), measure(&folder.join(name)).unwrap())).collect();
        let mut record = sample();
        record.image.arch = host_arch().into();
        Manifest::new(&record, files)
    }

    fn bytes(folder: &Path, manifest: &Manifest) -> Vec<u8> {
        write(Vec::new(), manifest, |name| fs::File::open(folder.join(name))).unwrap()
    }

    fn read(data: &[u8]) -> Result<Manifest, String> {
        let to = tempfile::tempdir().unwrap();
        let manifest = Bundle::open(data, FILES)?.unpack(to.path())?;
        assert_eq!(fs::read_to_string(to.path().join("disk.qcow2")).unwrap(), "a disk");
        Ok(manifest)
    }

    #[test]
    fn there_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = made(folder.path());
        let data = bytes(folder.path(), &manifest);
        assert_eq!(read(&data), Ok(manifest));
        let text = String::from_utf8_lossy(&data);
        assert!(!text.contains("ssh") && !text.contains("40022"), "keys or ports are in it");
        for length in [0, 1, 511, 512, 700, data.len() - 1024 - 512] {
            assert!(read(&data[..length]).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn a_manifest_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let good = made(folder.path());
        let with = |change: fn(&mut Manifest)| {
            let mut manifest = good.clone();
            change(&mut manifest);
            Manifest::parse(&serde_json::to_vec(&manifest).unwrap(), FILES).unwrap_err()
        };
        assert!(with(|manifest| manifest.form = "x".into()).contains("form"));
        assert!(with(|manifest| manifest.image.arch = "vax".into()).contains("vax"));
        assert!(with(|manifest| manifest.image.variant = "../x".into()).contains("variant"));
        assert!(with(|manifest| manifest.image.kernel_version = "a b".into()).contains("odd"));
        assert!(with(|manifest| manifest.created = "x".repeat(200)).contains("long"));
        assert!(with(|manifest| drop(manifest.files.remove("kernel"))).contains("no machine has"));
        assert!(
            with(|manifest| {
                let kernel = manifest.files.remove("kernel").unwrap();
                manifest.files.insert("../kernel".into(), kernel);
            })
            .contains("names no kernel")
        );
        assert!(with(|manifest| manifest.files.get_mut("kernel").unwrap().size = 3 << 30).contains("bytes"));
        assert!(with(|manifest| manifest.files.get_mut("kernel").unwrap().sha256.clear()).contains("digest"));
        let odd = serde_json::to_string(&good).unwrap().replacen("\"dev\"", "\"../dev\"", 1);
        assert!(Manifest::parse(odd.as_bytes(), FILES).unwrap_err().contains("not allowed"));
        assert!(Manifest::parse(b"{}", FILES).unwrap_err().contains("no exported machine"));
    }

    #[test]
    fn other_contents_than_named_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = made(folder.path());
        fs::write(folder.path().join("kernel"), "A kernel").unwrap();
        assert!(read(&bytes(folder.path(), &manifest)).unwrap_err().contains("damaged"));
        fs::write(folder.path().join("kernel"), "a kernel").unwrap();
        let data = bytes(folder.path(), &manifest);
        let more = {
            let mut writer = Writer::new(data[..data.len() - 1024].to_vec());
            writer.file("id_ed25519", b"x").unwrap();
            writer.finish().unwrap()
        };
        assert!(read(&more).unwrap_err().contains("more in it"));
        let other = {
            let mut writer = Writer::new(Vec::new());
            writer.file("other", b"x").unwrap();
            writer.finish().unwrap()
        };
        assert!(read(&other).unwrap_err().contains("no exported machine"));
    }
}
