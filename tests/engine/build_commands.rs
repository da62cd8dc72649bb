//! How commands of builds are run, what may be used in them, and where their output goes.

use cove_test_support::{Bed, IMAGE, Outcome, Service, everyone};

use crate::build::{build, seen, write};

#[test]
fn commands_have_standard_input_where_it_is_given() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nRUN cat > /input\n"));
        let here = folder.display().to_string();
        let with = |option: &[&str], name: &str| {
            let words = ["build", "--network", "none", "--no-cache", "-t", name];
            bed.cove_with(&[&words, option, &[&here]].concat(), b"from here").ok();
            seen(bed, name, "cat /input")
        };
        assert_eq!(with(&["--stdin"], "given"), "from here");
        assert_eq!(with(&[], "not"), "");
        let words = ["build", "--stdin", "-"];
        bed.cove_with(&words, b"FROM scratch\n").fails(125, "standard input is the context");
        let service = Service::start(bed);
        let url = service.uri();
        let words = ["--url", &url, "build", "--stdin", &here];
        bed.cove_with(&words, b"").fails(125, "--stdin is not supported over a service");
    });
}

#[test]
fn commands_share_namespaces_where_they_are_asked_to() {
    everyone(|bed| {
        let folder = bed.path("context");
        let namespaces = ["pid", "ipc", "uts"];
        let shown = namespaces.map(|name| format!("readlink /proc/self/ns/{name}")).join("; ");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nRUN {{ {shown}; }} > /namespaces\n"));
        let own = namespaces.map(|name| {
            let link = std::fs::read_link(format!("/proc/self/ns/{name}")).expect("namespace");
            link.to_string_lossy().into_owned()
        });
        build(bed, &folder, &["--no-cache", "-t", "shared", "--isolation", "chroot"]).ok();
        assert_eq!(seen(bed, "shared", "cat /namespaces").lines().collect::<Vec<_>>(), own);
        build(bed, &folder, &["--no-cache", "-t", "alone", "--isolation", "oci"]).ok();
        assert_ne!(seen(bed, "alone", "cat /namespaces").lines().next(), Some(own[0].as_str()));
        build(bed, &folder, &["--isolation", "vm"]).fails(125, "unrecognized isolation type");
    });
}

#[test]
fn what_commands_change_in_volumes_is_kept_or_not() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "added", "added");
        let text = format!(
            "FROM {IMAGE}\nRUN mkdir /data && echo one > /data/file && chown -R 7:8 /data && chmod 750 /data\n\
             VOLUME /data /new\nRUN stat -c '%u %g %a' /data; echo two > /data/file; echo x > /data/more; echo y > /new/y\n\
             RUN cat /data/file > /was; ls /data /new >> /was\nCOPY added /data/\n"
        );
        write(&folder, "Containerfile", &text);
        let service = Service::start(bed);
        let url = service.uri();
        let here = folder.display().to_string();
        for front in [&[][..], &["--url", url.as_str()]] {
            let words = ["build", "--network", "none", "--no-cache", "--compat-volumes", "-t", "app", &here];
            let output = bed.cove(&[front, &words].concat()).ok().to_owned();
            assert!(output.contains("7 8 750"), "{output}");
            assert_eq!(seen(bed, "app", "cat /was"), "one\n/data:\nfile\n\n/new:");
            assert_eq!(seen(bed, "app", "ls /data"), "added\nfile");
        }
        // Neither is taken for the other.
        build(bed, &folder, &["-t", "kept"]).fails(1, "exit status 1");
        let text =
            text.replace(" /new\n", "\n").replace(" echo y > /new/y", " true").replace("/data /new", "/data");
        write(&folder, "Containerfile", &text);
        build(bed, &folder, &["-t", "app", "--compat-volumes"]).ok();
        build(bed, &folder, &["-t", "kept"]).ok();
        assert_eq!(seen(bed, "kept", "cat /was"), "two\nfile\nmore");
    });
}

#[test]
fn a_policy_says_what_may_be_used() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(
            &folder,
            "Containerfile",
            &format!("FROM nothing.example/there:1\nCOPY --from={IMAGE} /etc/passwd /x\n"),
        );
        let rules = bed.path("rules");
        let convert = format!(
            r#"{{"action": "CONVERT", "selector": {{"identifier": "docker-image://nothing.example/*"}},
                "updates": {{"identifier": "docker-image://{IMAGE}"}}}}"#
        );
        let deny = format!(r#"{{"action": "DENY", "selector": {{"identifier": "docker-image://{IMAGE}"}}}}"#);
        write(&rules, "convert", &format!(r#"{{"rules": [{convert}]}}"#));
        write(&rules, "both", &format!(r#"{{"rules": [{convert}, {deny}]}}"#));
        write(&rules, "wrong", r#"{"rules": [{"action": "PERHAPS"}]}"#);
        let here = folder.display().to_string();
        let with = |front: &[&str], name: &str| -> Outcome {
            let path = rules.join(name).display().to_string();
            let words =
                ["build", "--network", "none", "--pull=never", "--no-cache", "--source-policy-file", &path];
            bed.cove(&[front, &words, &[&here]].concat())
        };
        let service = Service::start(bed);
        let url = service.uri();
        for front in [&[][..], &["--url", url.as_str()]] {
            with(front, "convert").ok();
            with(front, "both").fails(125, "denied by source policy");
        }
        with(&[], "wrong").fails(125, "rule 1");
        write(&folder, "Containerfile", "FROM scratch\nADD https://nothing.example/x /\n");
        write(&rules, "web", r#"{"rules": [{"action": "DENY", "selector": {"identifier": "https://*"}}]}"#);
        with(&[], "web").fails(125, "denied by source policy");
    });
}

#[test]
fn every_platform_has_a_log() {
    everyone(|bed: &Bed| {
        let folder = bed.path("context");
        write(&folder, "Containerfile", "FROM scratch\nCOPY Containerfile /\n");
        let log = bed.path("context").join("log").display().to_string();
        let words = ["--platform", "linux/amd64,linux/arm64", "--logfile", &log, "--logsplit"];
        build(bed, &folder, &words).ok();
        for name in ["linux_amd64", "linux_arm64"] {
            let text = cove_sys::fs::read_to_string(format!("{log}_{name}")).expect("log");
            assert!(text.starts_with("STEP 1/2: FROM scratch\n"), "{text}");
            assert_eq!(text.matches("STEP 2/2").count(), 1, "{text}");
        }
        build(bed, &folder, &["--logsplit"]).fails(125, "--logsplit needs --logfile");
    });
}
