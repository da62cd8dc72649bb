//! What is done to the disk of a machine that is off, with the real `qemu-img` and an image of made-up files: no guest is
//! booted.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use cove_config::connections::Connections;
use cove_config::containers::ContainersConf;
use cove_machine::provider::ProviderKind;
use cove_machine::{
    Check, Error, ImportOptions, InitOptions, MachineFolders, MachineName, Machines, Outcome, Progress,
    SetOptions, SnapshotName,
};
use cove_sys::fs;
use cove_test_support::{Need, met};
use sha2::{Digest, Sha256};

/// Machines of their own, and an image with a disk of 1 GiB.
struct Store {
    folder: tempfile::TempDir,
    machines: Machines,
}

fn quiet(_: Progress) {}

fn name(text: &str) -> MachineName {
    text.parse().unwrap()
}

fn snapshot(text: &str) -> SnapshotName {
    text.parse().unwrap()
}

fn digest(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn run(program: &str, words: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(words).arg(file).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Store {
    fn new() -> Option<Self> {
        if !met(&[Need::Qemu]) {
            return None;
        }
        let folder = tempfile::Builder::new().prefix("cove-d-").tempdir().unwrap();
        let image = folder.path().join("image");
        fs::create_dir(&image).unwrap();
        fs::write(image.join("kernel"), "a kernel").unwrap();
        fs::write(image.join("initramfs"), "a first file system").unwrap();
        assert!(
            Command::new("qemu-img")
                .args(["create", "-q", "-f", "qcow2"])
                .arg(image.join("disk.qcow2"))
                .arg("1G")
                .status()
                .unwrap()
                .success()
        );
        let files: serde_json::Map<_, _> = ["kernel", "initramfs", "disk.qcow2"]
            .into_iter()
            .map(|name| {
                let data = fs::read(image.join(name)).unwrap();
                let digest: String = Sha256::digest(&data).iter().map(|byte| format!("{byte:02x}")).collect();
                (name.to_owned(), serde_json::json!({"size": data.len(), "sha256": digest}))
            })
            .collect();
        let manifest = serde_json::json!({
            "version": 2, "arch": cove_machine::image::host_arch(), "variant": "init", "kernel_version": "6.1",
            "cove_version": "0.1.0", "disk_gib": 1, "files": files,
        });
        fs::write(image.join("manifest.json"), manifest.to_string()).unwrap();
        let machines = Machines {
            folders: MachineFolders { data: folder.path().join("data"), runtime: folder.path().join("run") },
            image_folders: vec![image],
            connections: Connections::new(folder.path().join("connections.json"), &ContainersConf::default()),
            agent_command: Vec::new(),
        };
        Some(Self { folder, machines })
    }

    async fn init(&self, text: &str) {
        let options = InitOptions {
            cpus: Some(2),
            memory_mib: Some(512),
            disk_gib: Some(2),
            ..InitOptions::new(name(text), ProviderKind::Qemu)
        };
        self.machines.init(&options, &quiet).await.unwrap();
    }

    fn file(&self, machine: &str, file: &str) -> PathBuf {
        self.folder.path().join("data/qemu").join(machine).join(file)
    }

    /// Fills the first MiB of the disk with a byte.
    fn write(&self, machine: &str, byte: u8) {
        run("qemu-io", &["-c", &format!("write -P {byte} 0 1M")], &self.file(machine, "disk.qcow2"));
    }

    /// Whether the first MiB of the disk is that byte throughout.
    fn holds(&self, machine: &str, byte: u8) -> bool {
        let said =
            run("qemu-io", &["-c", &format!("read -P {byte} 0 1M")], &self.file(machine, "disk.qcow2"));
        !said.contains("verification failed")
    }

    fn tags(&self, machine: &str) -> Vec<String> {
        let info = run("qemu-img", &["info", "--output=json"], &self.file(machine, "disk.qcow2"));
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        let list = info["snapshots"].as_array().cloned().unwrap_or_default();
        list.iter().map(|snapshot| snapshot["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_snapshot_brings_back_disk_sizes_and_kernel() {
    let Some(store) = Store::new() else { return };
    let (machines, dev) = (&store.machines, name("dev"));
    store.init("dev").await;
    store.write("dev", 1);
    machines.create_snapshot(&dev, &snapshot("1")).await.unwrap();
    let taken = machines.create_snapshot(&dev, &snapshot("1")).await.unwrap_err();
    assert!(matches!(taken, Error::SnapshotExists { .. }), "{taken}");

    store.write("dev", 2);
    fs::remove_file(store.file("dev", "kernel")).unwrap();
    fs::write(store.file("dev", "kernel"), "a newer kernel").unwrap();
    machines
        .set(
            &dev,
            &SetOptions { cpus: Some(4), memory_mib: Some(1024), disk_gib: Some(3), ..SetOptions::default() },
        )
        .await
        .unwrap();
    machines.create_snapshot(&dev, &snapshot("later")).await.unwrap();
    let names: Vec<String> =
        machines.snapshots(&dev).unwrap().into_iter().map(|snapshot| snapshot.name).collect();
    assert_eq!(names, ["1", "later"]);

    machines.restore_snapshot(&dev, &snapshot("1")).await.unwrap();
    let now = machines.inspect(&dev).await.unwrap().resources;
    assert_eq!((now.cpus, now.memory, now.disk_size), (2, 512, 2));
    assert!(store.holds("dev", 1));
    assert_eq!(fs::read_to_string(store.file("dev", "kernel")).unwrap(), "a kernel");

    machines.restore_snapshot(&dev, &snapshot("later")).await.unwrap();
    assert!(store.holds("dev", 2));
    assert_eq!(fs::read_to_string(store.file("dev", "kernel")).unwrap(), "a newer kernel");
    assert_eq!(machines.inspect(&dev).await.unwrap().resources.disk_size, 3);

    machines.remove_snapshot(&dev, &snapshot("1")).await.unwrap();
    assert_eq!(store.tags("dev"), ["cove-later"]);
    let missing = machines.restore_snapshot(&dev, &snapshot("1")).await.unwrap_err();
    assert!(matches!(missing, Error::NoSuchSnapshot { .. }), "{missing}");
    assert!(store.holds("dev", 2));
}

#[tokio::test]
async fn what_a_killed_command_left_is_completed_or_removed() {
    let Some(store) = Store::new() else { return };
    let (machines, dev) = (&store.machines, name("dev"));
    store.init("dev").await;
    store.write("dev", 1);
    machines.create_snapshot(&dev, &snapshot("good")).await.unwrap();

    // A making that was cut off after the disk's part, and one that was cut off before it.
    run("qemu-img", &["snapshot", "-c", "cove-half"], &store.file("dev", "disk.qcow2"));
    fs::create_dir(store.file("dev", "snapshots/.new-half")).unwrap();
    machines.create_snapshot(&dev, &snapshot("half")).await.unwrap();
    assert_eq!(store.tags("dev"), ["cove-good", "cove-half"]);

    // A return that was cut off after its mark: whatever comes next completes it.
    store.write("dev", 2);
    fs::write(store.file("dev", "snapshots/.restoring"), "good").unwrap();
    machines.compact(&dev, &quiet).await.unwrap_err();
    assert!(store.holds("dev", 1));
    assert!(!store.file("dev", "snapshots/.restoring").exists());

    // A removal that was cut off before the disk's part.
    fs::rename(store.file("dev", "snapshots/half"), store.file("dev", "snapshots/.gone-half")).unwrap();
    machines.remove_snapshot(&dev, &snapshot("good")).await.unwrap();
    assert!(store.tags("dev").is_empty());
    assert_eq!(fs::read_dir(store.file("dev", "snapshots")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_compacted_disk_is_smaller_and_holds_the_same() {
    let Some(store) = Store::new() else { return };
    let (machines, dev) = (&store.machines, name("dev"));
    store.init("dev").await;
    let disk = store.file("dev", "disk.qcow2");
    run("qemu-io", &["-c", "write -P 9 1M 64M", "-c", "write -P 0 1M 64M"], &disk);
    store.write("dev", 3);
    // What a killed compaction left.
    fs::write(store.file("dev", ".work-disk"), "half").unwrap();
    let compacted = machines.compact(&dev, &quiet).await.unwrap();
    assert!(compacted.before > 64 << 20 && compacted.after < 4 << 20, "{compacted:?}");
    assert!(!compacted.trimmed && store.holds("dev", 3));
    assert!(!store.file("dev", ".work-disk").exists());
    let again = machines.compact(&dev, &quiet).await.unwrap();
    assert_eq!(again.after, again.before);

    machines.create_snapshot(&dev, &snapshot("one")).await.unwrap();
    let refused = machines.compact(&dev, &quiet).await.unwrap_err().to_string();
    assert!(refused.contains("snapshots"), "{refused}");
    assert_eq!(store.tags("dev"), ["cove-one"]);
}

#[tokio::test]
async fn a_disk_only_grows() {
    let Some(store) = Store::new() else { return };
    let (machines, dev) = (&store.machines, name("dev"));
    store.init("dev").await;
    let refused = machines.resize(&dev, 1, &quiet).await.unwrap_err().to_string();
    assert!(refused.contains("can only grow"), "{refused}");
    let refused = machines.resize(&dev, 1 << 40, &quiet).await.unwrap_err().to_string();
    assert!(refused.contains("16 TiB"), "{refused}");
    let resized = machines.resize(&dev, 5, &quiet).await.unwrap();
    assert_eq!((resized.before, resized.after, resized.grown), (2, 5, false));
    assert_eq!(machines.inspect(&dev).await.unwrap().resources.disk_size, 5);
    let info = run("qemu-img", &["info", "--output=json"], &store.file("dev", "disk.qcow2"));
    assert!(info.contains(&format!("\"virtual-size\": {}", 5_u64 << 30)), "{info}");
}

#[tokio::test]
async fn an_exported_machine_becomes_another_one() {
    let Some(store) = Store::new() else { return };
    let (machines, dev) = (&store.machines, name("dev"));
    store.init("dev").await;
    store.write("dev", 7);
    machines.create_snapshot(&dev, &snapshot("one")).await.unwrap();
    let file = store.folder.path().join("dev.cove");
    machines.export(&dev, &file, &quiet).await.unwrap();
    assert!(!store.file("dev", ".work-export").exists());

    let import = |to: Option<&str>| ImportOptions {
        file: file.clone(),
        name: to.map(name),
        provider: ProviderKind::Qemu,
    };
    let taken = machines.import(&import(None), &quiet).await.unwrap_err();
    assert!(matches!(taken, Error::AlreadyExists { .. }), "{taken}");
    assert_eq!(machines.import(&import(Some("copy")), &quiet).await.unwrap(), name("copy"));
    assert!(store.holds("copy", 7) && store.tags("copy").is_empty());
    let (one, other) =
        (machines.inspect(&dev).await.unwrap(), machines.inspect(&name("copy")).await.unwrap());
    assert_eq!(one.resources.disk_size, other.resources.disk_size);
    for key in ["id_ed25519", "host_ed25519"] {
        let read = |machine: &str| fs::read_to_string(store.file(machine, key)).unwrap();
        assert_ne!(read("dev"), read("copy"));
        assert!(!String::from_utf8_lossy(&fs::read(&file).unwrap()).contains(read("dev").trim()));
    }
    let connection = machines.connections.get("copy").unwrap();
    assert!(connection.destination.is_machine);

    // One changed byte in the disk.
    let mut data = fs::read(&file).unwrap();
    let at = data.windows(4).position(|word| word == b"QFI\xfb").unwrap();
    data[at + 200] ^= 1;
    fs::write(&file, &data).unwrap();
    let damaged = machines.import(&import(Some("third")), &quiet).await.unwrap_err().to_string();
    assert!(damaged.contains("damaged"), "{damaged}");
    fs::write(&file, "no tar").unwrap();
    let other = machines.import(&import(Some("third")), &quiet).await.unwrap_err().to_string();
    assert!(other.contains("no exported machine"), "{other}");
    let left: Vec<_> = fs::read_dir(store.folder.path().join("data/qemu"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// Every digest is right in these: whoever made them meant it.
#[tokio::test]
async fn a_disk_that_leads_to_other_files_is_refused() {
    let Some(store) = Store::new() else { return };
    let (machines, dev) = (&store.machines, name("dev"));
    store.init("dev").await;
    let secret = store.folder.path().join("secret");
    fs::write(&secret, vec![7; 1 << 20]).unwrap();
    let file = store.folder.path().join("dev.cove");
    let kernel = fs::read(store.file("dev", "kernel")).unwrap();
    machines.export(&dev, &file, &quiet).await.unwrap();
    let manifest = Command::new("tar").arg("-xOf").arg(&file).arg("manifest.json").output().unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.stdout).unwrap();

    let backing = format!("backing_file={},backing_fmt=raw", secret.display());
    let data = format!("data_file={}/raw-data,data_file_raw=on", store.folder.path().display());
    for (options, size, reason) in [
        (backing.as_str(), "2G", "backing file"),
        (data.as_str(), "2G", "another file"),
        ("compat=0.10", "2G", "version 2"),
        ("compat=1.1", "3G", "not the 2 GiB"),
        ("compat=1.1", "20T", "virtual size"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk.qcow2");
        let made = Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", "-o", options])
            .arg(&disk)
            .arg(size)
            .status()
            .unwrap();
        assert!(made.success());
        let mut manifest = manifest.clone();
        let bytes = fs::read(&disk).unwrap();
        manifest["files"]["disk.qcow2"] = serde_json::json!({"size": bytes.len(), "sha256": digest(&bytes)});
        fs::write(folder.path().join("manifest.json"), manifest.to_string()).unwrap();
        fs::write(folder.path().join("kernel"), &kernel).unwrap();
        fs::copy(store.file("dev", "initramfs"), folder.path().join("initramfs")).unwrap();
        let packed = Command::new("tar")
            .arg("-cf")
            .arg(&file)
            .arg("-C")
            .arg(folder.path())
            .args(["manifest.json", "disk.qcow2", "initramfs", "kernel"])
            .status()
            .unwrap();
        assert!(packed.success());
        let options =
            ImportOptions { file: file.clone(), name: Some(name("guest")), provider: ProviderKind::Qemu };
        let refused = machines.import(&options, &quiet).await.unwrap_err().to_string();
        assert!(refused.contains(reason), "{reason}: {refused}");
        assert!(!store.file("guest", "").exists());
    }
}

#[tokio::test]
async fn the_doctor_finds_and_repairs() {
    let Some(store) = Store::new() else { return };
    let (machines, dev) = (&store.machines, name("dev"));
    store.init("dev").await;
    let doctor = async |fix: bool| machines.doctor(Some(&dev), ProviderKind::Qemu, fix).await.unwrap();
    let result = |checks: &[Check], name: &str| {
        checks.iter().find(|check| check.name == name).map(|check| (check.result, check.fixed))
    };
    let checks = doctor(false).await;
    let sound = Some((Outcome::Ok, false));
    for name in [
        "programs",
        "image",
        "leftovers",
        "definition",
        "files",
        "keys",
        "disk",
        "connection",
        "lock",
        "state",
    ] {
        assert_eq!(result(&checks, name), sound, "{name}: {checks:?}");
    }
    assert!(checks.iter().all(|check| check.result != Outcome::Ok || check.cure.is_empty()));

    let mode = |mode: u32| std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(store.file("dev", "id_ed25519"), mode(0o644)).unwrap();
    machines.connections.remove(&["dev"]).unwrap();
    fs::create_dir(store.folder.path().join("data/qemu/.init-dead-1")).unwrap();
    fs::create_dir_all(store.folder.path().join("run/dev")).unwrap();
    fs::write(store.folder.path().join("run/dev/vm.pid"), "1").unwrap();
    fs::write(store.file("dev", "console.log"), "[ 1.0] EXT4-fs error (device vda)\n").unwrap();
    let broken = ["keys", "connection", "leftovers", "sockets"];
    let looked = doctor(false).await;
    for name in broken.into_iter().chain(["console"]) {
        assert_eq!(result(&looked, name), Some((Outcome::Warn, false)), "{name}: {looked:?}");
    }
    let repaired = doctor(true).await;
    for name in broken {
        assert_eq!(result(&repaired, name), Some((Outcome::Ok, true)), "{name}: {repaired:?}");
    }
    let after = doctor(false).await;
    for name in broken {
        assert_eq!(result(&after, name), sound, "{name}: {after:?}");
    }

    fs::remove_file(store.file("dev", "kernel")).unwrap();
    fs::write(store.folder.path().join("image/initramfs"), "another").unwrap();
    fs::write(store.file("dev", "disk.qcow2"), "no disk").unwrap();
    let damaged = doctor(true).await;
    for name in ["files", "image", "disk"] {
        assert_eq!(result(&damaged, name), Some((Outcome::Fail, false)), "{name}: {damaged:?}");
    }
    fs::write(store.file("dev", "machine.json"), "{").unwrap();
    assert_eq!(result(&doctor(true).await, "definition"), Some((Outcome::Fail, false)));
    let nobody = machines.doctor(Some(&name("nobody")), ProviderKind::Qemu, true).await.unwrap_err();
    assert!(matches!(nobody, Error::NotFound { .. }));
}
