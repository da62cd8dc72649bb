//! Building images: stages at the same time, several platforms, caches in registries.

use cove_test_support::{Bed, IMAGE, Registry, Service, Who, everyone};

use crate::build::{build, seen, write};

/// A command that tells the other stage that it runs and waits until the other one does.
fn meet(own: &str, other: &str) -> String {
    format!(
        "RUN --mount=type=cache,id=meet,target=/m touch /m/{own}; n=0; until test -e /m/{other}; do \
         n=$((n+1)); test $n -lt 600 || exit 7; sleep 0.1; done; echo {own} | tee /{own}"
    )
}

#[test]
fn stages_that_do_not_need_each_other_are_built_at_once() {
    everyone(|bed| {
        let folder = bed.path("context");
        let text = format!(
            "FROM {IMAGE} AS one\n{}\nFROM {IMAGE} AS two\n{}\nFROM {IMAGE}\n\
             COPY --from=one /one /\nCOPY --from=two /two /\n",
            meet("one", "two"),
            meet("two", "one"),
        );
        write(&folder, "Containerfile", &text);
        let output = build(bed, &folder, &["-t", "app", "--jobs", "2"]).ok().to_owned();
        // Each line says whose it is.
        for line in ["[1/3] STEP 2/2: RUN", "\n[1/3] one\n", "\n[2/3] two\n", "[3/3] COMMIT app\n"] {
            assert!(output.contains(line), "{line}: {output}");
        }
        assert_eq!(seen(bed, "app", "cat /one /two"), "one\ntwo");
        // What one after the other makes is the same, with lines as they are.
        let again = build(bed, &folder, &["-t", "app", "--jobs", "1"]).ok().to_owned();
        assert_eq!(again.matches("\n--> Using cache").count(), 4, "{again}");
        assert_eq!(again.lines().last(), output.lines().last());
        // A chain has nothing to do at once.
        let text = format!("FROM {IMAGE} AS one\nRUN echo chain\nFROM one\nRUN echo end\n");
        write(&folder, "Containerfile", &text);
        let output = build(bed, &folder, &["--jobs", "0"]).ok().to_owned();
        assert!(output.contains("\nchain\n") && output.contains("\nend\n"), "{output}");
    });
}

#[test]
fn a_stage_that_fails_ends_the_others() {
    everyone(|bed| {
        let folder = bed.path("context");
        let text = format!(
            "FROM {IMAGE} AS one\nRUN --mount=type=cache,id=begun,target=/m touch /m/one; exec /bin/sleep 1000.625\n\
             FROM {IMAGE} AS two\nRUN --mount=type=cache,id=begun,target=/m n=0; until test -e /m/one; do \
             n=$((n+1)); test $n -lt 600 || exit 7; sleep 0.1; done; exit 5\n\
             FROM {IMAGE}\nCOPY --from=one /one /\nCOPY --from=two /two /\n"
        );
        write(&folder, "Containerfile", &text);
        let failed = build(bed, &folder, &["--jobs", "0"]);
        failed.fails(5, "while running runtime: exit status 5 (Containerfile:4)");
        let found =
            std::process::Command::new("pgrep").args(["-fx", "/bin/sleep 1000.625"]).output().expect("pgrep");
        assert!(!found.status.success());
        assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
    });
}

#[test]
fn several_platforms_become_a_list() {
    everyone(|bed| {
        let folder = bed.path("context");
        let text = format!(
            "FROM --platform=$BUILDPLATFORM {IMAGE} AS make\nARG TARGETARCH\nRUN echo $TARGETARCH > /made\n\
             FROM scratch\nCOPY --from=make /made /\n"
        );
        write(&folder, "Containerfile", &text);
        let id_file = bed.path("id").display().to_string();
        let options =
            ["--platform", "linux/amd64,linux/arm64", "-t", "app", "-t", "other:2", "--iidfile", &id_file];
        let output = build(bed, &folder, &options).ok().to_owned();
        assert!(output.contains("[linux/arm64] [2/2] STEP 2/2: COPY"), "{output}");
        let id = output.lines().last().expect("the id").to_owned();
        assert_eq!(cove_sys::fs::read_to_string(&id_file).expect("file"), format!("sha256:{id}"));
        let platforms = |name: &str| -> Vec<String> {
            let text = bed.cove(&["manifest", "inspect", name]).ok().to_owned();
            let list: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let entries = list["manifests"].as_array().expect("entries").iter();
            entries
                .map(|entry| entry["platform"]["architecture"].as_str().expect("text").to_owned())
                .collect()
        };
        assert_eq!(platforms("app"), ["amd64", "arm64"]);
        assert_eq!(platforms("other:2"), ["amd64", "arm64"]);
        // A list that is named keeps what it has, and an image that is added keeps its own names.
        for (platform, tag) in [("linux/amd64", "one"), ("linux/arm64", "two")] {
            build(bed, &folder, &["--platform", platform, "--manifest", "list", "-t", tag]).ok();
            let format = "{{.Architecture}}";
            let architecture = bed.cove(&["image", "inspect", "--format", format, tag]).ok().to_owned();
            assert_eq!(format!("linux/{architecture}"), platform);
        }
        assert_eq!(platforms("list"), ["amd64", "arm64"]);
        build(bed, &folder, &["--manifest", IMAGE]).fails(125, "image is not a manifest list");
        build(bed, &folder, &["--platform", "linux/arm64", "--arch", "arm64"]).fails(125, "--arch or --os");
        // What a list has says for what an image can be built.
        write(&folder, "Containerfile", "FROM localhost/app\nLABEL a=b\n");
        build(bed, &folder, &["--all-platforms", "-t", "all"]).ok();
        assert_eq!(platforms("all"), ["amd64", "arm64"]);
    });
}

#[test]
fn what_the_image_says_of_its_system() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "Containerfile", "FROM scratch\nLABEL a=b\n");
        let options = ["--os-version", "10.1", "--os-feature", "x", "--os-feature", "y", "-t", "base"];
        build(bed, &folder, &options).ok();
        write(&folder, "Containerfile", "FROM localhost/base\n");
        build(bed, &folder, &["--os-feature", "x-", "--os-feature", "z", "-t", "app"]).ok();
        let archive = bed.path("app.tar").display().to_string();
        bed.cove(&["save", "-q", "--format", "oci-archive", "-o", &archive, "app"]).ok();
        let mut tar = std::process::Command::new("tar");
        tar.args(["-xOf", &archive, "--wildcards", "blobs/sha256/*"]);
        let text = tar.output().expect("tar").stdout;
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(
            text.contains(r#""os.features":["y","z"]"#) && text.contains(r#""os.version":"10.1""#),
            "{text}"
        );
    });
}

#[test]
fn the_same_sources_make_the_same_image() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "file", "text");
        write(
            &folder,
            "Containerfile",
            &format!(
                "FROM {IMAGE}\nCOPY file /dir/\nRUN echo made > /made; touch -d @500 /old; mkdir -p /a/b\n\
                 RUN echo more >> /dir/file; echo epoch $SOURCE_DATE_EPOCH > /epoch\n"
            ),
        );
        let options = ["--no-cache", "-q", "--rewrite-timestamp", "--source-date-epoch", "1000", "-t", "app"];
        let first = build(bed, &folder, &options).ok().to_owned();
        let times = "stat -c '%Y %n' /made /old /dir/file /a /a/b; cat /epoch";
        let seen = seen(bed, "app", times);
        assert_eq!(seen, "1000 /made\n500 /old\n1000 /dir/file\n1000 /a\n1000 /a/b\nepoch 1000");
        let created = bed.cove(&["image", "inspect", "--format", "{{.Created}}", "app"]).ok().to_owned();
        assert!(created.starts_with("1970-01-01 00:16:40"), "{created}");
        let digest = || bed.cove(&["image", "inspect", "--format", "{{.Digest}}", "app"]).ok().to_owned();
        let before = digest();
        assert_eq!(build(bed, &folder, &options).ok(), first);
        assert_eq!(digest(), before);
        // As a build argument it is the same.
        let options = ["--no-cache", "-q", "--build-arg", "SOURCE_DATE_EPOCH=1000", "--rewrite-timestamp"];
        assert_eq!(build(bed, &folder, &options).ok(), first);
        build(bed, &folder, &["--timestamp", "1", "--source-date-epoch", "1"]).fails(125, "cannot use both");
    });
}

#[test]
fn what_builds_keep_is_removed() {
    everyone(|bed| {
        let folder = bed.path("context");
        let text =
            format!("FROM {IMAGE}\nRUN --mount=type=cache,target=/c echo kept >> /c/f; wc -l < /c/f\n");
        write(&folder, "Containerfile", &text);
        let counted = || {
            let output = build(bed, &folder, &["--no-cache"]).ok().to_owned();
            output.lines().find(|line| line.parse::<u8>().is_ok()).expect("a count").to_owned()
        };
        assert_eq!(counted(), "1");
        assert_eq!(counted(), "2");
        bed.cove(&["image", "prune", "-f"]).ok();
        assert_eq!(counted(), "3");
        let gone = bed.cove(&["builder", "prune", "--build-cache", "-f"]).ok().to_owned();
        // The image without a name, and the cache.
        assert_eq!(gone.lines().count(), 2, "{gone}");
        assert_eq!(counted(), "1");
        bed.cove(&["buildx", "version"]).ok();
        assert!(bed.cove(&["buildx", "inspect", "--bootstrap"]).ok().contains("Platforms:"));
    });
}

#[test]
fn steps_come_from_a_registry() {
    for who in [Who::Root, Who::User] {
        let (Some(bed), Some(registry)) = (Bed::new(who), Registry::start()) else { continue };
        let certificates = bed.path("certs");
        cove_sys::fs::create_dir(&certificates).expect("certs");
        cove_sys::fs::copy(registry.cert_dir().join("ca.crt"), certificates.join("ca.crt")).expect("ca.crt");
        let certificates = certificates.display().to_string();
        let credentials = format!("{}:{}", Registry::USER, Registry::PASSWORD);
        let place = format!("{}/ann/cache", registry.address());
        let folder = bed.path("context");
        write(&folder, "file", "text");
        write(
            &folder,
            "Containerfile",
            &format!("FROM {IMAGE}\nRUN echo made > /made\nCOPY file /\nLABEL a=b\n"),
        );
        let built = |options: &[&str]| {
            let reach = ["--cert-dir", &certificates, "--creds", &credentials, "-t", "app"];
            build(&bed, &folder, &[&reach[..], options].concat())
        };
        let output = built(&["--cache-to", &place]).ok().to_owned();
        assert_eq!(output.matches("--> Pushing cache to ").count(), 3, "{output}");
        let id = output.lines().last().expect("the id");
        let forget = || {
            bed.cove(&["rmi", "app"]).ok();
            bed.cove(&["image", "prune", "-f"]).ok();
        };
        forget();
        // Nothing is taken of a place that nobody named.
        let other = built(&[]).ok().to_owned();
        assert!(!other.contains("Using cache"), "{other}");
        forget();
        let again = built(&["--cache-from", &place, "--cache-to", &place]).ok().to_owned();
        assert_eq!(again.matches("--> Cache pulled from ").count(), 3, "{again}");
        assert_eq!(again.matches("--> Using cache").count(), 3, "{again}");
        assert!(!again.contains("Pushing"), "{again}");
        assert_eq!(again.lines().last(), Some(id));
        assert_eq!(seen(&bed, "app", "cat /made /file"), "made\ntext");
        // Too old is what is older than nothing; a registry that is not there is told and no error.
        let old = built(&["--cache-ttl", "0"]).ok().to_owned();
        assert!(!old.contains("Using cache"), "{old}");
        let gone = built(&["--cache-ttl", "0", "--cache-from", "127.0.0.1:1/x"]);
        assert_eq!(gone.ok().matches("[Warning] the cache 127.0.0.1:1/x").count(), 1, "{gone:?}");
        built(&["--cache-from", &place, "--layers=false"])
            .fails(125, "--cache-from and --cache-to need --layers");
        built(&["--cache-to", "type=inline"]).fails(125, "the type \"inline\" is not supported");
    }
}

#[test]
fn steps_come_from_a_folder() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "file", "text");
        let text = format!("FROM {IMAGE}\nRUN echo made > /made\nCOPY file /\nLABEL a=b\n");
        write(&folder, "Containerfile", &text);
        let place = bed.path("cache");
        let (to, from) = (
            format!("type=local,mode=max,dest={}", place.display()),
            format!("type=local,src={}", place.display()),
        );
        let built = |options: &[&str]| build(bed, &folder, &[&["-t", "app"], options].concat());
        // The first time there is nothing, which is told and no error.
        let output = built(&["--cache-from", &from, "--cache-to", &to]).ok().to_owned();
        assert_eq!(output.matches("[Warning] the cache ").count(), 1, "{output}");
        assert_eq!(output.matches("--> Pushing cache to ").count(), 3, "{output}");
        let id = output.lines().last().expect("the id").to_owned();
        bed.cove(&["rmi", "app"]).ok();
        bed.cove(&["image", "prune", "-f"]).ok();
        let again = built(&["--cache-from", &from, "--cache-to", &to]).ok().to_owned();
        assert_eq!(again.matches("--> Cache pulled from ").count(), 3, "{again}");
        assert!(!again.contains("Pushing"), "{again}");
        assert_eq!(again.lines().last(), Some(id.as_str()));
        assert_eq!(seen(bed, "app", "cat /made /file"), "made\ntext");
        let service = Service::start(bed);
        let (url, here) = (service.uri(), folder.display().to_string());
        bed.cove(&["--url", &url, "build", "--cache-to", &to, &here]).fails(125, "a cache in a folder");
    });
}
