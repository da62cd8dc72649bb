//! Bills of materials of builds, made by a scanner that copies what is there.

use cove_test_support::{Bed, IMAGE, Outcome, Service, everyone};

use crate::build::{build, seen, write};

const FIRST: &str = r#"{"components": [{"name": "a", "version": "1", "purl": "pkg:a@1"}]}"#;
const SECOND: &str = r#"{"components": [{"name": "a", "version": "1"}, {"name": "b", "purl": "pkg:b"}]}"#;
const WAY: &str = "--sbom-merge-strategy=merge-cyclonedx-by-component-name-and-version";

fn context(bed: &Bed) -> std::path::PathBuf {
    let folder = bed.path("context");
    write(&folder, "first.json", FIRST);
    write(&folder, "second.json", SECOND);
    write(&folder, "Containerfile", &format!("FROM {IMAGE}\nCOPY first.json /bom.json\n"));
    folder
}

/// A build with the commands of a scanner.
fn scanned(bed: &Bed, commands: &[&str], options: &[&str]) -> Outcome {
    let scanner = format!("--sbom-scanner-image={IMAGE}");
    let commands: Vec<String> =
        commands.iter().map(|command| format!("--sbom-scanner-command={command}")).collect();
    let mut words = vec!["-t", "app", &scanner];
    words.extend(commands.iter().map(String::as_str));
    words.extend(options);
    build(bed, &context(bed), &words)
}

#[test]
fn a_bill_goes_to_files_and_into_the_image() {
    everyone(|bed| {
        let file = bed.path("home").join("bom").display().to_string();
        let purls = bed.path("home").join("purls").display().to_string();
        let (to, purls_to) = (format!("--sbom-output={file}"), format!("--sbom-purl-output={purls}"));
        let inside = ["--sbom-image-output=/info/bom.json", "--sbom-image-purl-output=purls.json"];
        let commands = ["cp {ROOTFS}/bom.json {OUTPUT}", "cat {CONTEXT}/second.json > {OUTPUT}"];
        scanned(bed, &commands, &[&[WAY, &to, &purls_to][..], &inside].concat()).ok();
        let written = cove_sys::fs::read_to_string(&file).expect("a bill");
        let bill: serde_json::Value = serde_json::from_str(&written).expect("JSON");
        let names: Vec<_> =
            bill["components"].as_array().expect("a list").iter().map(|one| one["name"].as_str()).collect();
        assert_eq!(names, [Some("a"), Some("b")]);
        let listed = r#"{"image_contents":{"dependencies":["pkg:a@1","pkg:b"]}}"#;
        assert_eq!(cove_sys::fs::read_to_string(&purls).expect("the URLs").trim(), listed);
        assert_eq!(seen(bed, "app", "cat /info/bom.json"), written.trim());
        assert_eq!(seen(bed, "app", "cat /purls.json"), listed);
        assert_eq!(seen(bed, "app", "ls -d /.scans /.rootfs 2>/dev/null | wc -l"), "0");

        // One layer stays one.
        let outcome = scanned(bed, &commands[..1], &["--squash-all", inside[0]]);
        outcome.ok();
        assert_eq!(bed.cove(&["inspect", "--format", "{{len .RootFS.Layers}}", "app"]).ok(), "1");
        assert_eq!(seen(bed, "app", "cat /info/bom.json"), FIRST.trim());
    });
}

#[test]
fn a_scanner_that_fails_or_lies_makes_no_image() {
    everyone(|bed| {
        let out = bed.path("home").join("bom").display().to_string();
        let to = format!("--sbom-output={out}");
        scanned(bed, &["sh -c 'echo no; exit 7' {ROOTFS} {OUTPUT}"], &[&to]).fails(7, "exit status 7");
        scanned(bed, &["true {ROOTFS} {OUTPUT}"], &[&to]).fails(125, "was not written");
        scanned(bed, &["ln -s /etc/shadow {OUTPUT} | true {ROOTFS}"], &[&to]).fails(125, "scan0.json");
        scanned(bed, &["mkfifo {OUTPUT} | true {ROOTFS}"], &[&to]).fails(125, "no regular file");
        scanned(bed, &["echo x > {OUTPUT}; true {ROOTFS}"], &[WAY, &to]).fails(125, "bill of materials");
        scanned(bed, &["touch {ROOTFS}/made {OUTPUT}"], &[&to]).fails(1, "exit status 1");
        assert!(!std::path::Path::new(&out).exists());
        bed.cove(&["image", "exists", "app"]).fails(1, "");

        for (options, message) in [
            (&["--sbom=syft"][..], "needs a place"),
            (&["--sbom=other", "--sbom-output=x"], "no known scanner"),
            (&["--sbom-output=x", "--sbom-scanner-image=y"], "--sbom-scanner-command"),
            (&["--sbom-output=x", "--sbom-scanner-command=y"], "--sbom-scanner-image"),
            (&["--sbom-output=x", "--sbom-merge-strategy=some"], "no way of merging"),
            (
                &["--sbom-output=x", "--sbom-scanner-image=y", "--sbom-scanner-command=z {OUTPUT}"],
                "{ROOTFS} or {CONTEXT}",
            ),
        ] {
            build(bed, &context(bed), options).fails(125, message);
        }
        let service = Service::start(bed);
        let here = context(bed).display().to_string();
        let words = ["--url", &service.uri(), "build", "--sbom=syft", &to, &here];
        bed.cove(&words).fails(125, "not supported over a service");
    });
}
