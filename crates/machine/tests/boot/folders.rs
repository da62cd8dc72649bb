//! Folders of the host in a booted machine.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cove_sys::fs;
use cove_test_support::{Need, met, skip};
use serde_json::Value;

use crate::{Tool, image, text};

#[test]
fn a_machine_sees_folders_of_the_host() {
    let image = need_image!();
    let tool = Tool::new(&image);
    let folder = tool.folder.path().join("a, b");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "from the host").unwrap();
    let shared = |target: &str| format!("share={}:{target}", folder.display());
    tool.fails(
        &["init", "bad", "1", "512", "10", "UTC", "0", "root", "share=/no/such:/x"],
        "/no/such is not there",
    );
    let (writable, readable) = (shared("/src/deep"), shared("/only/read:ro"));
    let made = tool.run(&["init", "dev", "1", "512", "10", "UTC", "0", "root", &writable, &readable]);
    let message = text(&made.stderr);
    if message.contains("virtiofsd") {
        return skip(Need::Virtiofsd, message.trim());
    }
    assert!(made.status.success(), "{message}");
    tool.ok(&["start", "dev"]);
    let inside = |command: &str| {
        let output = tool.as_root("dev", command);
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    };
    assert_eq!(inside("cat /src/deep/file /only/read/file"), (true, "from the hostfrom the host".into()));
    assert_eq!(inside("echo inside > /src/deep/made && mkdir /src/deep/d"), (true, String::new()));
    assert_eq!(fs::read_to_string(folder.join("made")).unwrap(), "inside\n");
    fs::write(folder.join("made"), "changed").unwrap();
    assert_eq!(inside("cat /src/deep/made"), (true, "changed".into()));
    // Not even the guest's super-user gets at it: the host keeps it from being written.
    let (written, why) = inside("mount -o remount,rw /only/read; echo x > /only/read/x");
    assert!(!written && why.contains("Read-only"), "{why}");
    let inspected: Value = serde_json::from_str(&tool.ok(&["inspect", "dev"])).unwrap();
    assert_eq!(inspected["Mounts"][1]["Target"], "/only/read");
    // Who served them ends with the machine, also where that is killed.
    let socket = tool.runtime("dev").join("f0.sock");
    let served = || {
        // QEMU has it among its arguments, too.
        let list = Command::new("pgrep").args(["-fc", &*format!("virtiofsd.*{}", socket.display())]).output();
        text(&list.unwrap().stdout).trim() != "0"
    };
    assert!(served());
    tool.ok(&["stop", "dev"]);
    let since = Instant::now();
    while served() {
        assert!(since.elapsed() < Duration::from_secs(60), "virtiofsd has not ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    // What is not there is said, and keeps the machine not from starting; what a killed start has left goes with it.
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&socket, "").unwrap();
    let mut left = Command::new("sh")
        .args(["-c", "read line", "sh", &format!("--socket-path={}", socket.display())])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let started = tool.run(&["start", "dev"]);
    let said = text(&started.stderr);
    assert!(started.status.success() && said.contains("a, b is not there"), "{said}");
    assert!(!left.wait().unwrap().success());
    assert_eq!(inside("ls /src/deep"), (true, String::new()));
}
