//! Lists of images: made, filled, annotated, pushed, pulled, and shared with podman.

use std::process::Command;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Registry, Service, Who, everyone, met};
use serde_json::Value;

fn inspected(bed: &Bed, list: &str) -> Value {
    serde_json::from_str(bed.cove(&["manifest", "inspect", list]).ok()).expect("JSON")
}

/// A second image, of another architecture.
fn other_image(bed: &Bed) {
    let tar = bed.path("other.tar").display().to_string();
    let id = bed.cove(&["create", "--network", "none", IMAGE, "true"]);
    bed.cove(&["export", "-o", &tar, id.ok()]).ok();
    bed.cove(&["rm", id.ok()]).ok();
    bed.cove(&["import", "--arch", "arm64", &tar, "localhost/other:1"]).ok();
}

#[test]
fn lists_are_made_and_changed() {
    everyone(|bed| {
        let id = bed.cove(&["manifest", "create", "list:1"]);
        let id = id.ok();
        assert_eq!(id.len(), 64);
        bed.cove(&["manifest", "create", "list:1"]).fails(125, "that name is already in use");
        assert_eq!(bed.cove(&["manifest", "create", "--amend", "list:1"]).ok(), id);
        let empty = inspected(bed, "list:1");
        assert_eq!(empty["mediaType"], "application/vnd.docker.distribution.manifest.list.v2+json");
        assert_eq!(empty["manifests"].as_array().map(Vec::len), Some(0));

        other_image(bed);
        assert_eq!(bed.cove(&["manifest", "add", "--variant", "v2", "list:1", IMAGE]).ok(), id);
        bed.cove(&["manifest", "add", "list:1", "containers-storage:localhost/other:1"]).ok();
        let list = inspected(bed, "list:1");
        assert_eq!(list["mediaType"], "application/vnd.oci.image.index.v1+json");
        let entry = |position: usize, key: &str| list["manifests"][position]["platform"][key].clone();
        assert_eq!((entry(0, "variant"), entry(1, "architecture")), ("v2".into(), "arm64".into()));

        let digest = list["manifests"][1]["digest"].as_str().expect("a digest");
        bed.cove(&["manifest", "annotate", "--annotation", "a=b", "--os-version", "7", "list:1", digest])
            .ok();
        bed.cove(&["manifest", "annotate", "--arch", "riscv64", "list:1", "localhost/other:1"]).ok();
        bed.cove(&["manifest", "annotate", "--index", "--annotation", "c=d", "list:1"]).ok();
        let list = inspected(bed, "list:1");
        assert_eq!(list["manifests"][1]["annotations"]["a"], "b");
        assert_eq!(list["manifests"][1]["platform"]["os.version"], "7");
        assert_eq!(list["manifests"][1]["platform"]["architecture"], "riscv64");
        assert_eq!(list["annotations"]["c"], "d");

        // It is an image among the images, and a container is made of the one for this machine.
        let rows = bed.cove(&["images", "--filter", "manifest=true", "--format", "{{.Repository}}:{{.Tag}}"]);
        assert_eq!(rows.ok(), "localhost/list:1");
        bed.cove(&["manifest", "annotate", "--variant", "", "--arch", host_arch(), "list:1", IMAGE]).ok();
        let run = ["run", "--rm", "--network", "none", "--pull", "never", "list:1", "echo", "ran"];
        assert_eq!(bed.cove(&run).ok(), "ran");
        let inspect = ["image", "inspect", "--format", "{{.Id}}"];
        let own = bed.cove(&[&inspect[..], &[IMAGE]].concat());
        assert_eq!(bed.cove(&[&inspect[..], &["list:1"]].concat()).ok(), own.ok());

        assert_eq!(bed.cove(&["manifest", "remove", "list:1", digest]).ok(), id);
        bed.cove(&["manifest", "remove", "list:1", digest]).fails(125, "no instance matching digest");
        bed.cove(&["manifest", "exists", "list:1"]).ok();
        bed.cove(&["manifest", "rm", IMAGE]).fails(125, "image is not a manifest list");
        bed.cove(&["manifest", "add", IMAGE, "localhost/other:1"]).fails(125, "image is not a manifest list");
        bed.cove(&["manifest", "rm", "list:1"]).ok();
        bed.cove(&["manifest", "rm", "list:1"]).fails(1, "image not known");
        bed.cove(&["manifest", "rm", "--ignore", "list:1"]).ok();
        bed.cove(&["manifest", "exists", "list:1"]).fails(1, "");
        // The images are still there.
        bed.cove(&["image", "exists", IMAGE]).ok();
    });
}

fn host_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    everyone(|bed| {
        bed.cove(&["manifest", "create", "list:1", "localhost/missing:1"]).fails(125, "missing");
        bed.cove(&["manifest", "exists", "list:1"]).fails(1, "");
        bed.cove(&["manifest", "create", "--annotation", "a", "list:1"]).fails(125, "key=value");
        bed.cove(&["manifest", "create", "list:1", IMAGE]).ok();
        bed.cove(&["manifest", "annotate", "list:1"]).fails(125, "expected an instance digest");
        bed.cove(&["manifest", "annotate", "--index", "--arch", "x", "list:1"]).fails(125, "architecture");
        bed.cove(&["manifest", "annotate", "--index", "list:1", IMAGE]).fails(125, "entire index");
        bed.cove(&["manifest", "remove", "list:1", "sha256:short"]).fails(125, "invalid image digest");
        bed.cove(&["manifest", "add", "--artifact-type", "x", "list:1", IMAGE])
            .fails(125, "requires --artifact");
        bed.cove(&["manifest", "push", "list:1", "containers-storage:x"]).fails(125, "use tag");
        let archive = format!("docker-archive:{}", bed.path("home/list.tar").display());
        bed.cove(&["manifest", "push", "list:1", &archive]).fails(125, "multiple images");
        assert!(!bed.path("home/list.tar").exists());
        let second = ["manifest", "push", "--add-compression", "zstd", "list:1"];
        let folder = format!("dir:{}", bed.path("home/list").display());
        bed.cove(&[&second[..], &[&folder]].concat()).fails(125, "--add-compression");
        bed.cove(&["manifest", "push", "--sign-by-sq-fingerprint", "me", "list:1", "localhost:1/x"])
            .fails(125, "--sign-by-sq-fingerprint");
    });
}

#[test]
fn lists_are_pushed_with_their_images() {
    for who in [Who::Root, Who::User] {
        let Some(bed) = Bed::new(who) else { continue };
        let Some(registry) = Registry::start() else { continue };
        let certificates = bed.path("certs");
        cove_sys::fs::create_dir(&certificates).expect("certs");
        cove_sys::fs::copy(registry.cert_dir().join("ca.crt"), certificates.join("ca.crt")).expect("ca.crt");
        let certificates = certificates.display().to_string();
        let credentials = format!("{}:{}", Registry::USER, Registry::PASSWORD);
        let reach = ["--cert-dir", &certificates, "--creds", &credentials];
        other_image(&bed);
        bed.cove(&["manifest", "create", "list:1", IMAGE, "localhost/other:1"]).ok();
        let text = bed.path("words.txt");
        cove_sys::fs::write(&text, "words\n").expect("a file");
        let text = text.display().to_string();
        bed.cove(&["manifest", "add", "--artifact", "--artifact-type", "text/x", "list:1", &text]).ok();
        assert_eq!(inspected(&bed, "list:1")["manifests"][2]["files"][0], text.as_str());

        let place = format!("{}/ann/list:1", registry.address());
        let file = bed.path("digest").display().to_string();
        let push = ["manifest", "push", "-q", "--digestfile", &file, "--add-compression", "zstd"];
        bed.cove(&[&push[..], &reach[..], &["list:1", &place]].concat()).ok();
        let digest = cove_sys::fs::read_to_string(&file).expect("the digest");
        assert!(digest.starts_with("sha256:"), "{digest}");

        // Each image of the pushed list can be pulled, and the one for this machine runs.
        bed.cove(&["rmi", "-f", IMAGE, "localhost/other:1"]).ok();
        let pull = |words: &[&str]| bed.cove(&[&["pull", "-q"], &reach[..], words].concat());
        pull(&[&place]).ok();
        let run = ["run", "--rm", "--network", "none", "--pull", "never", &place, "echo", "ran"];
        assert_eq!(bed.cove(&run).ok(), "ran");
        pull(&["--arch", "arm64", &place]).ok();
        assert_eq!(bed.cove(&["image", "inspect", "--format", "{{.Architecture}}", &place]).ok(), "arm64");

        // From the registry into another list, all of it.
        let add = ["manifest", "add", "--all"];
        bed.cove(&["manifest", "create", "again:1"]).ok();
        bed.cove(&[&add[..], &reach[..], &["again:1", &format!("docker://{place}")]].concat()).ok();
        let again = inspected(&bed, "again:1");
        let entries = again["manifests"].as_array().expect("entries");
        assert_eq!(entries.len(), 5, "{again}");
        let packed = "io.github.containers.compression.zstd";
        assert_eq!(entries.iter().filter(|entry| entry["annotations"][packed] == "true").count(), 2);
        assert_eq!(entries.iter().filter(|entry| entry["artifactType"] == "text/x").count(), 1);
        let other = format!("{}/ann/again:1", registry.address());
        let push = ["manifest", "push", "-q", "--rm"];
        bed.cove(&[&push[..], &reach[..], &["again:1", &other]].concat()).ok();
        bed.cove(&["manifest", "exists", "again:1"]).fails(1, "");
        pull(&[&other]).ok();

        // The list alone, which needs its images to be there already.
        bed.cove(&["manifest", "create", "bare:1"]).ok();
        bed.cove(&[&add[..], &reach[..], &["bare:1", &format!("docker://{place}")]].concat()).ok();
        let bare = format!("{}/ann/list:bare", registry.address());
        bed.cove(&[&["manifest", "push", "-q", "--all=false"], &reach[..], &["bare:1", &bare]].concat()).ok();
        pull(&[&bare]).ok();
    }
}

#[test]
fn lists_are_written_to_folders_and_archives() {
    everyone(|bed| {
        other_image(bed);
        bed.cove(&["manifest", "create", "list:1", IMAGE, "localhost/other:1"]).ok();
        let text = bed.path("home/words.txt");
        cove_sys::fs::write(&text, "words\n").expect("a file");
        let text = text.display().to_string();
        bed.cove(&["manifest", "add", "--artifact", "--artifact-type", "text/x", "list:1", &text]).ok();
        let id = |name: &str| bed.cove(&["image", "inspect", "--format", "{{.Id}}", name]).ok().to_owned();
        let known = id(IMAGE);
        let at = |name: &str| bed.path("home").join(name).display().to_string();
        let places = [
            format!("dir:{}", at("folder")),
            format!("oci:{}:one", at("layout")),
            format!("oci-archive:{}:one", at("layout.tar")),
        ];
        for place in &places {
            bed.cove(&["manifest", "push", "-q", "list:1", place]).ok();
            let raw = bed.cove(&["image", "inspect-remote", "--raw", place]);
            let written: Value = serde_json::from_str(raw.ok()).expect("JSON");
            assert_eq!(written["manifests"].as_array().map(Vec::len), Some(3), "{place}: {written}");
            assert_eq!(written["manifests"][2]["artifactType"], "text/x");
            // All that it names is there: as one that is copied, and as the image for this machine.
            let copied = format!("dir:{}", at("copied"));
            bed.cove(&["image", "copy", "-q", "--all", place, &copied]).ok();
            assert_eq!(bed.cove(&["image", "inspect-remote", "--raw", &copied]).ok(), raw.ok());
            assert_eq!(bed.cove(&["pull", "-q", place]).ok(), known, "{place}");
        }
        let stored = format!("dir:{}", at("stored"));
        bed.cove(&["image", "copy", "-q", "--all", "containers-storage:localhost/list:1", &stored]).ok();
        let raw = |place: &str| bed.cove(&["image", "inspect-remote", "--raw", place]).ok().to_owned();
        assert_eq!(raw(&stored), raw(&places[0]));
        let bare = format!("dir:{}", at("bare"));
        bed.cove(&["manifest", "push", "-q", "--all=false", "list:1", &bare]).ok();
        let (bare, list) = (raw(&bare), inspected(bed, "list:1"));
        let bare: Value = serde_json::from_str(&bare).expect("JSON");
        assert_eq!(bare["manifests"][0]["digest"], list["manifests"][0]["digest"]);
    });
}

#[test]
fn podman_reads_our_lists_and_we_its() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    if !met(&[Need::Podman]) {
        return;
    }
    let podman = |words: &[&str]| {
        let mut command = Command::new("podman");
        command.args(bed.store_options()).args(words);
        Outcome::of(command, b"")
    };
    let id = bed.cove(&["manifest", "create", "list:1", IMAGE]);
    let theirs: Value =
        serde_json::from_str(podman(&["manifest", "inspect", "localhost/list:1"]).ok()).expect("JSON");
    let ours = inspected(&bed, "list:1");
    assert_eq!(theirs["manifests"][0]["digest"], ours["manifests"][0]["digest"]);
    podman(&["manifest", "annotate", "--arch", "arm64", "localhost/list:1", digest_of(&ours)]).ok();
    assert_eq!(inspected(&bed, id.ok())["manifests"][0]["platform"]["architecture"], "arm64");
    podman(&["manifest", "create", "theirs:1", &format!("containers-storage:{IMAGE}")]).ok();
    assert_eq!(inspected(&bed, "theirs:1")["manifests"][0]["digest"], ours["manifests"][0]["digest"]);
    bed.cove(&["manifest", "annotate", "--variant", "v9", "theirs:1", IMAGE]).ok();
    let theirs = podman(&["manifest", "inspect", "localhost/theirs:1"]);
    assert!(theirs.ok().contains("v9"), "{theirs:?}");
    podman(&["manifest", "rm", "localhost/list:1"]).ok();
    bed.cove(&["manifest", "exists", "list:1"]).fails(1, "");
}

fn digest_of(list: &Value) -> &str {
    list["manifests"][0]["digest"].as_str().expect("a digest")
}

#[test]
fn lists_over_the_service() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let service = Service::start(&bed);
    let cove = |words: &[&str]| bed.cove(&[&["--url", &service.uri()], words].concat());
    cove(&["manifest", "create", "quay.io/a/list:1"]).ok();
    cove(&["manifest", "add", "quay.io/a/list:1", IMAGE]).ok();
    assert!(cove(&["manifest", "inspect", "quay.io/a/list:1"]).ok().contains("linux"));
    cove(&["manifest", "exists", "quay.io/a/list:1"]).ok();
    cove(&["manifest", "add", "--artifact", "quay.io/a/list:1", "/etc/hostname"]).fails(125, "--artifact");
    cove(&["manifest", "rm", "quay.io/a/list:1"]).ok();
    cove(&["manifest", "rm", "quay.io/a/list:1"]).fails(1, "image not known");
}
