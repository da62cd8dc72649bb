//! Artifacts: files in, files out, to a registry and back.

use cove_test_support::{Bed, Registry, Service, Who, everyone};
use serde_json::Value;

fn file(bed: &Bed, name: &str, text: &str) -> String {
    let path = bed.path(name);
    cove_sys::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

fn read(bed: &Bed, name: &str) -> String {
    cove_sys::fs::read_to_string(bed.path(name)).expect("a file")
}

fn inspected(bed: &Bed, name: &str) -> Value {
    serde_json::from_str(bed.cove(&["artifact", "inspect", name]).ok()).expect("JSON")
}

/// A folder that the bed's user may write to.
fn folder(bed: &Bed, name: &str) -> String {
    let mut command = bed.program(std::path::Path::new("mkdir"));
    command.arg(bed.path(name));
    assert!(command.status().expect("mkdir").success());
    bed.path(name).display().to_string()
}

fn blobs(bed: &Bed) -> usize {
    cove_sys::fs::read_dir(bed.path("root").join("artifacts/blobs/sha256")).map_or(0, Iterator::count)
}

#[test]
fn files_go_in_and_come_out() {
    everyone(|bed| {
        let (one, two) = (file(bed, "one.txt", "1\n"), file(bed, "two", "\u{0}2"));
        let name = "localhost/files:1";
        let add = ["artifact", "add", "--type", "x/y", "--annotation", "a=b"];
        let digest = bed.cove(&[&add[..], &[name, &one, &two]].concat());
        assert_eq!(digest.ok().len(), 64);
        let artifact = inspected(bed, name);
        assert_eq!(artifact["Digest"], format!("sha256:{}", digest.ok()));
        assert_eq!(artifact["Manifest"]["artifactType"], "x/y");
        let layers = &artifact["Manifest"]["layers"];
        assert_eq!(
            (&layers[0]["mediaType"], &layers[1]["mediaType"]),
            (&"text/plain".into(), &"application/octet-stream".into())
        );
        assert_eq!(layers[0]["annotations"]["a"], "b");
        let listed = bed.cove(&["artifact", "ls", "--format", "{{.Repository}} {{.Tag}} {{.VirtualSize}}"]);
        assert_eq!(listed.ok(), "localhost/files 1 4");

        let out = folder(bed, "out");
        bed.cove(&["artifact", "extract", name, &out]).ok();
        assert_eq!((read(bed, "out/one.txt"), read(bed, "out/two")), ("1\n".into(), "\u{0}2".into()));
        let target = bed.path("out/single").display().to_string();
        bed.cove(&["artifact", "extract", name, &target]).fails(125, "several blobs");
        bed.cove(&["artifact", "extract", "--title", "two", &digest.ok()[..12], &target]).ok();
        assert_eq!(read(bed, "out/single"), "\u{0}2");
        bed.cove(&["artifact", "extract", "--title", "none", name, &target])
            .fails(125, "no blob with the title");

        bed.cove(&["artifact", "add", name, &one]).fails(125, "artifact already exists");
        bed.cove(&["artifact", "add", "--append", name, &one]).fails(125, "file already exists in artifact");
        let three = file(bed, "three.json", "{}");
        bed.cove(&["artifact", "add", "--append", name, &three]).ok();
        assert_eq!(inspected(bed, name)["Manifest"]["layers"].as_array().map(Vec::len), Some(3));
        bed.cove(&["artifact", "add", "--replace", name, &three]).ok();
        assert_eq!(inspected(bed, name)["Manifest"]["layers"].as_array().map(Vec::len), Some(1));
        // What nothing names is gone: the manifest and the file, which is what an empty configuration is, too.
        assert_eq!(blobs(bed), 2);
        bed.cove(&["artifact", "add", "short", &one]).fails(125, "canonical");
        bed.cove(&["artifact", "rm", "localhost/none:1"]).fails(125, "artifact does not exist");
        bed.cove(&["artifact", "rm", "--ignore", "localhost/none:1"]).ok();
        bed.cove(&["artifact", "rm", "--all"]).ok();
        assert_eq!((bed.cove(&["artifact", "ls", "-n"]).ok(), blobs(bed)), ("", 0));
    });
}

#[test]
fn what_fails_leaves_nothing() {
    everyone(|bed| {
        let one = file(bed, "one", "1");
        let missing = bed.path("missing").display().to_string();
        bed.cove(&["artifact", "add", "localhost/a:1", &one, &missing]).fails(125, "missing");
        bed.cove(&["artifact", "add", "localhost/a:1", &one, &one]).fails(125, "file already exists");
        bed.cove(&["artifact", "inspect", "localhost/a:1"]).fails(125, "artifact does not exist");
        assert_eq!(blobs(bed), 0);
    });
}

#[test]
fn artifacts_travel() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let Some(registry) = Registry::start() else { return };
    let certificates = registry.cert_dir().display().to_string();
    let credentials = format!("{}:{}", Registry::USER, Registry::PASSWORD);
    let reach = ["--cert-dir", &certificates, "--creds", &credentials];
    let name = format!("{}/ann/files:1", registry.address());
    let text = file(&bed, "words.txt", "words\n");
    bed.cove(&["artifact", "add", &name, &text]).ok();
    let digest_file = bed.path("digest").display().to_string();
    let push = ["artifact", "push", "-q", "--digestfile", &digest_file];
    bed.cove(&[&push[..], &reach[..], &[&name]].concat()).ok();
    let digest = inspected(&bed, &name)["Digest"].clone();
    assert_eq!(digest, read(&bed, "digest"));
    bed.cove(&["artifact", "rm", &name]).ok();
    let pull = |words: &[&str]| bed.cove(&[&["artifact", "pull"], &reach[..], words].concat());
    assert_eq!(pull(&[&name]).ok(), digest);
    let out = bed.path("back").display().to_string();
    bed.cove(&["artifact", "extract", &name, &out]).ok();
    assert_eq!(read(&bed, "back"), "words\n");
    pull(&[&format!("{}/ann/files:2", registry.address())]).fails(125, "manifest unknown");
    bed.cove(&["artifact", "pull", "--cert-dir", &certificates, &name]).fails(125, "ann/files");
}

#[test]
fn artifacts_over_the_service() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let service = Service::start(&bed);
    let cove = |words: &[&str]| bed.cove(&[&["--url", &service.uri()], words].concat());
    let big = file(&bed, "big", &"x".repeat(20 << 20));
    let small = file(&bed, "small", "s");
    cove(&["artifact", "add", "quay.io/a/files:1", &big, &small]).ok();
    let out = folder(&bed, "out");
    cove(&["artifact", "extract", "quay.io/a/files:1", &out]).ok();
    assert_eq!((read(&bed, "out/big").len(), read(&bed, "out/small")), (20 << 20, "s".to_owned()));
    cove(&["artifact", "rm", "quay.io/a/files:1"]).ok();
    cove(&["artifact", "inspect", "quay.io/a/files:1"]).fails(125, "artifact does not exist");
}
