//! Cove under the name `skopeo`, and skopeo itself: the same input, and what each makes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Registry, Who, binary, met};
use serde_json::Value;

/// A registry with an image and a list, and both programs.
struct Pair {
    bed: Bed,
    registry: Registry,
    ours: PathBuf,
}

const THEIRS: &str = "theirs";
const OURS: &str = "ours";

impl Pair {
    fn new() -> Option<Self> {
        if !met(&[Need::Skopeo, Need::Registry]) {
            return None;
        }
        let bed = Bed::new(Who::Root)?;
        let registry = Registry::start()?;
        let archive = bed.path("image.tar");
        bed.cove(&["save", "-q", "-o", &archive.display().to_string(), IMAGE]).ok();
        registry.push(&archive, "ann/test:1");
        registry.push(&archive, "ann/test:2");
        let ours = bed.path("skopeo");
        std::os::unix::fs::symlink(binary("cove"), &ours).expect("a link");
        for whose in [THEIRS, OURS] {
            cove_sys::fs::create_dir(bed.path(whose)).expect("a folder");
        }
        Some(Self { bed, registry, ours })
    }

    /// A list of the one image, in the registry as `ann/list:1`.
    fn with_list(self) -> Self {
        let (list, place) = ("localhost/list:1", format!("{}/ann/list:1", self.registry.address()));
        self.bed.cove(&["manifest", "create", list, IMAGE]).ok();
        let certificates = self.registry.cert_dir().display().to_string();
        let reach = ["--cert-dir", &certificates, "--creds", &credentials()];
        self.bed.cove(&[&["manifest", "push", "-q", "--all"], &reach[..], &[list, &place]].concat()).ok();
        self
    }

    /// The words of a line: `%` is a folder or repository of each program's own, `REG` the registry, and `S`, `D` and
    /// `R` say how a source, a destination or the one place is reached.
    fn words(&self, whose: &str, line: &str) -> Vec<String> {
        let certificates = self.registry.cert_dir().display().to_string();
        let reach = |prefix: &str| {
            let certificates = format!("--{prefix}cert-dir={certificates}");
            vec![certificates, format!("--{prefix}creds={}", credentials())]
        };
        line.split_whitespace()
            .flat_map(|word| match word {
                "S" => reach("src-"),
                "D" => reach("dest-"),
                "R" => reach(""),
                word => vec![word.replace('%', whose).replace("REG", &self.registry.address())],
            })
            .collect()
    }

    fn run(&self, whose: &str, line: &str) -> Outcome {
        let program = if whose == OURS { self.ours.clone() } else { PathBuf::from("skopeo") };
        let mut command = self.bed.program(&program);
        command.arg("--insecure-policy").args(self.words(whose, line));
        Outcome::of(command, b"")
    }

    /// Both of a line, which end in the same way. Before version 1.10 skopeo had no code of its own for an image that is
    /// not there.
    #[track_caller]
    fn both(&self, line: &str) -> (Outcome, Outcome) {
        let (theirs, ours) = (self.run(THEIRS, line), self.run(OURS, line));
        assert!(
            theirs.code == ours.code || (theirs.code, ours.code) == (1, 2),
            "{line}\ntheirs: {}{}\nours: {}{}",
            theirs.stdout,
            theirs.stderr,
            ours.stdout,
            ours.stderr
        );
        assert!(!ours.stderr.contains("panicked"), "{line}: {}", ours.stderr);
        (theirs, ours)
    }

    #[track_caller]
    fn done(&self, line: &str) -> (String, String) {
        let (theirs, ours) = self.both(line);
        theirs.ok();
        (theirs.stdout, ours.stdout)
    }

    /// What skopeo says of what either has made.
    #[track_caller]
    fn seen(&self, line: &str) -> (String, String) {
        let look = |whose| {
            let mut command = self.bed.program(Path::new("skopeo"));
            command.arg("--insecure-policy").args(self.words(whose, line));
            Outcome::of(command, b"").ok().to_owned()
        };
        (look(THEIRS), look(OURS))
    }

    #[track_caller]
    fn same_seen(&self, line: &str) {
        let (theirs, ours) = self.seen(line);
        assert_eq!(theirs, ours, "{line}");
    }

    /// The files beneath a folder of each, which are the same.
    #[track_caller]
    fn same_files(&self, folder: &str) {
        let files = |whose: &str| {
            let mut found = BTreeMap::new();
            collect(&self.bed.path(whose).join(folder), "", &mut found);
            found
        };
        let (theirs, ours) = (files(THEIRS), files(OURS));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&theirs), names(&ours), "{folder}");
        for (name, data) in &theirs {
            assert!(*data == ours[name], "{folder}: {name} differs");
        }
        assert!(!theirs.is_empty(), "{folder}");
    }
}

fn credentials() -> String {
    format!("{}:{}", Registry::USER, Registry::PASSWORD)
}

fn collect(folder: &Path, name: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in cove_sys::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        match entry.file_type().expect("its type").is_dir() {
            true => collect(&entry.path(), &name, found),
            false => drop(found.insert(name, cove_sys::fs::read(entry.path()).expect("a file"))),
        }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What newer versions show and older ones do not.
fn plain(text: &str) -> Value {
    let mut value = json(text);
    if let Some(object) = value.as_object_mut() {
        object.remove("LayersData");
    }
    value
}

#[test]
fn copies_between_all_places() {
    let Some(pair) = Pair::new() else { return };
    pair.done("copy -q S docker://REG/ann/test:1 dir:%/dir");
    pair.same_files("dir");
    pair.done("copy -q --preserve-digests D dir:%/dir docker://REG/%/there:1");
    pair.same_seen("inspect R --raw docker://REG/%/there:1");
    pair.done("copy -q S D docker://REG/%/there:1 docker://REG/%/mounted:x");
    pair.same_seen("inspect R --raw docker://REG/%/mounted:x");
    pair.done("copy -q S docker://REG/ann/test:1 oci:%/layout:any-name_1");
    // Theirs writes the configuration anew, and gives the image another id; ours keeps it.
    let (theirs, ours) = pair.seen("inspect --raw oci:%/layout:any-name_1");
    assert_eq!(json(&theirs)["layers"], json(&ours)["layers"]);
    assert_eq!(json(&theirs)["config"]["mediaType"], json(&ours)["config"]["mediaType"]);
    pair.same_seen("inspect --config oci:%/layout:any-name_1");
    pair.done("copy -q S docker://REG/ann/test:1 oci-archive:%/layout.tar:one");
    pair.same_seen("inspect --config oci-archive:%/layout.tar:one");
    pair.done("copy -q --additional-tag a.b/c:2 S docker://REG/ann/test:1 docker-archive:%/a.tar:a.b/c:1");
    pair.same_seen("list-tags docker-archive:%/a.tar");
    pair.same_seen("inspect --raw --config docker-archive:%/a.tar:a.b/c:2");
    pair.done("copy -q D docker-archive:%/a.tar:a.b/c:1 docker://REG/%/unpacked:1");
    pair.same_seen("inspect R --raw --config docker://REG/%/unpacked:1");
    // By its digest, and under the file of digests.
    pair.done("copy -q --digestfile %/digest S docker://REG/ann/test:1 dir:%/again");
    let digest =
        |whose: &str| cove_sys::fs::read_to_string(pair.bed.path(whose).join("digest")).expect("digest");
    assert_eq!(digest(THEIRS), digest(OURS));
    let by_digest = format!("copy -q S docker://REG/ann/test@{} dir:%/by-digest", digest(OURS));
    pair.done(&by_digest);
    pair.same_files("by-digest");
}

#[test]
fn copies_change_what_they_are_asked_to() {
    let Some(pair) = Pair::new() else { return };
    pair.done("copy -q --dest-decompress S docker://REG/ann/test:1 dir:%/plain");
    pair.same_seen("inspect dir:%/plain --format {{.Layers}}");
    pair.done("copy -q --format oci S docker://REG/ann/test:1 dir:%/oci");
    let kind = |text: &str| json(text)["config"]["mediaType"].clone();
    let (theirs, ours) = pair.seen("inspect --raw dir:%/oci");
    assert_eq!(
        (kind(&theirs), json(&theirs)["layers"].clone()),
        (kind(&ours), json(&ours)["layers"].clone())
    );
    // Old versions of theirs take the layers that the registry has in another form.
    pair.done("copy -q --dest-compress-format zstd S D docker://REG/ann/test:1 docker://REG/%/zstd:1");
    let (_, ours) = pair.seen("inspect R --raw docker://REG/%/zstd:1");
    assert!(ours.contains("tar+zstd"), "{ours}");
    pair.done("copy -q --dest-shared-blob-dir %/shared S docker://REG/ann/test:1 oci:%/one:1");
    pair.done("copy -q --src-shared-blob-dir %/shared oci:%/one:1 dir:%/of-shared");
    pair.same_seen("inspect dir:%/of-shared --format {{.Layers}}");
    assert!(!pair.bed.path(OURS).join("one/blobs").exists());
    for (line, code) in [
        ("copy nothing:a dir:b", 1),
        ("copy a dir:%/b", 1),
        ("copy --all --multi-arch all dir:a dir:%/b", 1),
        ("copy --multi-arch some dir:a dir:%/b", 1),
        ("copy --format v3 S docker://REG/ann/test:1 dir:%/b", 1),
        ("copy --src-no-creds --src-creds a:b dir:a dir:%/b", 1),
        ("copy --src-username a dir:a dir:%/b", 1),
        ("copy S docker://REG/ann/none:1 dir:%/b", 2),
        ("copy S docker://REG/ann/test:none dir:%/b", 2),
        ("copy dir:%/does-not-exist dir:%/b", 1),
        ("copy --unknown dir:a dir:b", 1),
    ] {
        let (_, ours) = pair.both(line);
        assert_eq!(ours.code, code, "{line}: {}", ours.stderr);
    }
}

#[test]
fn lists_are_copied_whole_or_for_a_platform() {
    let Some(pair) = Pair::new().map(Pair::with_list) else { return };
    pair.done("copy -q --all S docker://REG/ann/list:1 dir:%/list");
    pair.same_files("list");
    pair.done("copy -q --all D dir:%/list docker://REG/%/list:1");
    pair.same_seen("inspect R --raw docker://REG/%/list:1");
    pair.done("copy -q --multi-arch all S docker://REG/ann/list:1 oci:%/layout:list");
    pair.same_seen("inspect --raw --config oci:%/layout:list");
    pair.done("copy -q --all oci:%/layout:list dir:%/back");
    pair.done("copy -q --multi-arch index-only S docker://REG/ann/list:1 dir:%/index");
    pair.same_files("index");
    pair.done("copy -q S docker://REG/ann/list:1 dir:%/one");
    pair.same_files("one");
    pair.both("--override-arch s390x copy -q S docker://REG/ann/list:1 dir:%/other").1.fails(1, "s390x");
    pair.both("copy -q --all S docker://REG/ann/list:1 docker-archive:%/a.tar:a:1")
        .1
        .fails(1, "multiple images");
}

#[test]
fn looks_at_images() {
    let Some(pair) = Pair::new().map(Pair::with_list) else { return };
    pair.done("copy -q S docker://REG/ann/test:1 dir:%/dir");
    for place in ["R docker://REG/ann/test:1", "R docker://REG/ann/list:1", "dir:%/dir"] {
        for words in ["--no-tags", "", "--config", "--format json"] {
            let line = format!("inspect {words} {place}");
            let (theirs, ours) = pair.done(&line);
            assert_eq!(plain(&theirs), plain(&ours), "{line}");
        }
        for words in [
            "--raw",
            "--raw --config",
            "--format {{.Name}}/{{.Digest}}",
            "--format {{.Architecture}}{{.Os}}{{.Layers}}",
            "--config --format {{.Config.Cmd}}{{.RootFS.DiffIDs}}",
        ] {
            let line = format!("inspect {words} {place}");
            let (theirs, ours) = pair.done(&line);
            assert_eq!(theirs, ours, "{line}");
        }
    }
    let (theirs, ours) = pair.done("list-tags R docker://REG/ann/test");
    assert_eq!(theirs, ours);
    // In the registry's order, whatever that is.
    assert_eq!(json(&ours)["Tags"].as_array().map(Vec::len), Some(2));
    let (theirs, ours) = pair.done("manifest-digest %/dir/manifest.json");
    assert_eq!(theirs, ours);
    for (line, code) in [
        ("inspect R docker://REG/ann/test:none", 2),
        ("inspect --raw --format {{.Name}} dir:%/dir", 1),
        ("inspect", 1),
        ("inspect dir:%/nothing", 1),
        ("list-tags R docker://REG/ann/nothing", 1),
        ("list-tags R docker://REG/ann/test:1", 1),
        ("list-tags dir:%/dir", 1),
        ("manifest-digest", 1),
        ("manifest-digest %/nothing", 1),
        ("unknown-command", 1),
    ] {
        let (_, ours) = pair.both(line);
        assert_eq!(ours.code, code, "{line}: {}", ours.stderr);
    }
}

#[test]
fn repositories_are_synced() {
    let Some(pair) = Pair::new().map(Pair::with_list) else { return };
    pair.done("sync --src docker --dest dir S REG/ann/test %/all");
    pair.same_files("all");
    pair.done("sync --scoped --src docker --dest dir S REG/ann/test:1 %/scoped");
    pair.same_files("scoped");
    pair.done("sync --src dir --dest docker D %/all REG/%/synced");
    for tag in ["1", "2"] {
        pair.same_seen(&format!("inspect R --raw docker://REG/%/synced/test:{tag}"));
    }
    let file = format!(
        "{}:\n  images:\n    ann/list: ['1']\n    ann/none: ['7']\n  images-by-tag-regex:\n    ann/test: ^[2-9]$\n  \
         credentials: {{username: {}, password: {}}}\n  cert-dir: {}\n",
        pair.registry.address(),
        Registry::USER,
        Registry::PASSWORD,
        pair.registry.cert_dir().display()
    );
    cove_sys::fs::write(pair.bed.path("sync.yml"), file).expect("sync.yml");
    let (_, ours) = pair.both("sync --keep-going --all --src yaml --dest dir sync.yml %/file");
    ours.fails(1, "ann/none");
    for name in ["list:1", "test:2"] {
        pair.same_files(&format!("file/{name}"));
        assert!(!pair.bed.path(OURS).join("file/none:7").exists());
    }
    pair.done("sync --dry-run --src docker --dest dir S REG/ann/test %/dry");
    assert!(!pair.bed.path(OURS).join("dry").exists());
    for line in [
        "sync --src docker --dest dir S REG/ann/test %/all",
        "sync --src docker S REG/ann/test %/x",
        "sync --dest dir S REG/ann/test %/x",
        "sync --src oci --dest dir S REG/ann/test %/x",
        "sync --src dir --dest dir %/all %/x",
        "sync --src dir --dest docker D %/nothing REG/x",
        "sync --src docker --dest dir S REG/ann/nothing %/x",
        "sync --src yaml --dest dir %/nothing.yml %/x",
    ] {
        assert_eq!(pair.both(line).1.code, 1, "{line}");
    }
}

#[test]
fn images_are_deleted_and_logins_kept() {
    let Some(pair) = Pair::new() else { return };
    pair.done("copy -q S docker://REG/ann/test:1 dir:%/dir");
    pair.done("copy -q D dir:%/dir docker://REG/%/gone:1");
    pair.done("delete R docker://REG/%/gone:1");
    assert_eq!(pair.both("inspect R docker://REG/%/gone:1").1.code, 2);
    assert_eq!(pair.both("delete R docker://REG/%/gone:1").1.code, 1);
    assert_eq!(pair.both("delete dir:%/dir").1.code, 1);
    assert_eq!(pair.both("delete").1.code, 1);

    let certificates = pair.registry.cert_dir().display().to_string();
    let login = format!(
        "login --authfile %/auth.json --cert-dir {certificates} --username {} --password {} REG",
        Registry::USER,
        Registry::PASSWORD
    );
    let (theirs, ours) = pair.done(&login);
    assert_eq!(theirs, ours);
    let kept = |whose: &str| {
        json(&cove_sys::fs::read_to_string(pair.bed.path(whose).join("auth.json")).expect("auth.json"))
    };
    assert_eq!(kept(THEIRS), kept(OURS));
    let (theirs, ours) = pair.done("login --authfile %/auth.json --get-login REG");
    assert_eq!(theirs, ours);
    let line = format!("list-tags --authfile %/auth.json --cert-dir {certificates} docker://REG/ann/test");
    let (theirs, ours) = pair.done(&line);
    assert_eq!(theirs, ours);
    pair.done("logout --authfile %/auth.json REG");
    assert_eq!(kept(THEIRS), kept(OURS));
    assert_eq!(pair.both(&login.replace(Registry::PASSWORD, "wrong")).1.code, 1);
}

#[test]
fn the_store_is_a_place_too() {
    for who in [Who::Root, Who::User] {
        if !met(&[Need::Registry]) {
            return;
        }
        let Some(bed) = Bed::new(who) else { continue };
        let Some(registry) = Registry::start() else { return };
        let certificates = bed.path("certs");
        cove_sys::fs::create_dir(&certificates).expect("certs");
        cove_sys::fs::copy(registry.cert_dir().join("ca.crt"), certificates.join("ca.crt")).expect("ca.crt");
        let certificates = certificates.display().to_string();
        let place = format!("docker://{}/ann/stored:1", registry.address());
        let stored = format!("containers-storage:{IMAGE}");
        let copy = |words: &[&str]| bed.cove(&[&["image", "copy", "-q"], words].concat());
        let reach = |end: &str| {
            [format!("--{end}-cert-dir={certificates}"), format!("--{end}-creds={}", credentials())]
        };
        let (from, to) = (reach("src"), reach("dest"));
        copy(&[&to[0], &to[1], &stored, &place]).ok();
        copy(&[&from[0], &from[1], &place, "containers-storage:localhost/came:2"]).ok();
        let id = |name: &str| bed.cove(&["image", "inspect", "--format", "{{.Id}}", name]).ok().to_owned();
        assert_eq!(id("localhost/came:2"), id(IMAGE));
        let out = bed.path("home/out").display().to_string();
        copy(&[&stored, &format!("dir:{out}")]).ok();
        copy(&[&format!("dir:{out}"), "containers-storage:localhost/third:3"]).ok();
        assert_eq!(id("localhost/third:3"), id(IMAGE));
        let inspect = |words: &[&str]| bed.cove(&[&["image", "inspect-remote"], words].concat());
        let config = inspect(&["--config", "--raw", &stored]).ok().to_owned();
        assert_eq!(inspect(&["--config", "--raw", &format!("dir:{out}")]).ok(), config);
        copy(&["containers-storage:localhost/none:1", &format!("dir:{out}2")]).fails(125, "image not known");
        copy(&["--all", &format!("dir:{out}"), "containers-storage:"]).fails(125, "a name must follow");
        bed.cove(&["image", "delete", "containers-storage:localhost/third:3"]).ok();
        bed.cove(&["image", "exists", "localhost/third:3"]).fails(1, "");
    }
}

/// Nothing but the name by which the program is called tells that the command line is another.
#[test]
fn the_name_alone_changes_the_command_line() {
    let Some(bed) = Bed::empty(Who::Root).or_else(|| Bed::empty(Who::User)) else { return };
    let link = bed.path("skopeo");
    std::os::unix::fs::symlink(binary("cove"), &link).expect("a link");
    let run = |arguments: &[&str]| {
        let mut command: Command = bed.program(&link);
        command.args(arguments);
        Outcome::of(command, b"")
    };
    assert!(run(&["--version"]).ok().starts_with("skopeo version"));
    run(&["images"]).fails(1, "level=fatal");
    assert!(run(&["--help"]).ok().contains("manifest-digest"));
    assert!(run(&["sync", "--help"]).ok().contains("--scoped"));
    run(&["copy", "dir:a"]).fails(1, "two arguments");
    run(&["list-tags"]).fails(1, "one non-option argument");
    run(&["copy", "ostree:a", "dir:b"]).fails(1, "ostree");
    run(&["copy", "--sign-by-sq-fingerprint", "me", "dir:a", "dir:b"]).fails(1, "--sign-by-sq-fingerprint");
}
