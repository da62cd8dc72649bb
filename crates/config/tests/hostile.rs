//! Every configuration file in every malformed way: made from one sound sample of each by rules that know nothing of its
//! keys, so that a new key joins by standing in the sample.
//!
//! The verdict: reading ends in time; what cannot be read is an error of one short line that names the file, without a
//! character that acts on a terminal and without a secret of the file; a policy that is still read is no looser than the
//! sample.
#![cfg(all(unix, not(target_os = "macos")))]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cove_config::policy::Requirement;
use cove_config::{
    Connections, ContainersConf, CredentialStore, Directories, Environment, Policy, Registries,
    ShortNameAliases, StorageConf, User,
};
use serde_json::Value;

/// What is no number, no name and no text for a terminal.
const HOSTILE: &str = "no\u{1b}]0;title\u{7}\u{202e}";
/// In the samples, a secret; so is its form in base64.
const SECRETS: [&str; 2] = ["hunter2", "bWU6aHVudGVyMg"];
/// In so long every file is read, however slow the machine.
const IN_TIME: Duration = Duration::from_secs(20);

type Loaded = cove_config::Result<Vec<String>>;

/// One kind of file.
struct Kind {
    name: &'static str,
    sample: &'static str,
    /// Reads the file and gives the warnings.
    load: fn(&Path) -> Loaded,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "containers.conf",
        sample: "[containers]\nlog_size_max = 5\npids_limit = 7\ndns_servers = [\"10.0.0.1\"]\nenv = [\"A=b\"]\ninit = true\n\
                 ipcns = \"private\"\nseccomp_profile = \"/x.json\"\nshm_size = \"65m\"\n[engine]\ncgroup_manager = \"cgroupfs\"\n\
                 detach_keys = \"ctrl-p\"\nruntime = \"crun\"\npull_policy = \"missing\"\nremote = false\n[engine.runtimes]\n\
                 crun = [\"/usr/bin/crun\"]\n[engine.service_destinations.one]\nuri = \"ssh://me:hunter2@host/x\"\n[network]\n\
                 default_subnet = \"10.9.0.0/24\"\n[machine]\ncpus = 2\n",
        load: |path| {
            let environment = environment("CONTAINERS_CONF", path);
            ContainersConf::load(&environment, &directories(), &[]).map(|loaded| loaded.warnings)
        },
    },
    Kind {
        name: "registries.conf",
        sample: "unqualified-search-registries = [\"docker.io\", \"quay.io\"]\nshort-name-mode = \"enforcing\"\n\
                 credential-helpers = [\"containers-auth.json\"]\n[[registry]]\nprefix = \"one.test/x\"\nlocation = \"two.test/y\"\n\
                 insecure = true\nblocked = true\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"three.test\"\n\
                 insecure = false\n[aliases]\nbox = \"docker.io/library/busybox\"\n",
        load: |path| {
            Registries::load(&Environment::default(), &directories(), Some(path))
                .map(|loaded| loaded.warnings)
        },
    },
    Kind {
        name: "storage.conf",
        sample: "[storage]\ndriver = \"overlay\"\ngraphroot = \"/var/lib/x\"\nrunroot = \"/run/x\"\n[storage.options]\n\
                 additionalimagestores = [\"/a\"]\n[storage.options.overlay]\nmountopt = \"nodev\"\n",
        load: |path| {
            let environment = environment("CONTAINERS_STORAGE_CONF", path);
            StorageConf::load(&environment, &directories()).map(|loaded| loaded.warnings)
        },
    },
    Kind {
        name: "policy.json",
        sample: r#"{"default": [{"type": "reject"}],
"transports": {"docker": {"one.test": [{"type": "reject"}], "": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}]},
"dir": {"": [{"type": "insecureAcceptAnything"}]}}}"#,
        load: |path| {
            let (policy, _) = Policy::load(&directories(), Some(path))?;
            for image in ["one.test/x:1", "two.test/x:1", "docker.io/library/x:1"] {
                let (_, requirements) = policy.requirements_for("docker", image);
                let passes = requirements.iter().all(|one| *one == Requirement::AcceptAnything);
                assert!(!passes, "{image} passes: {policy:?}");
            }
            Ok(Vec::new())
        },
    },
    Kind {
        name: "auth.json",
        sample: r#"{"auths": {"one.test": {"auth": "bWU6aHVudGVyMg=="}, "two.test/x": {"auth": "bWU6aHVudGVyMg==", "identitytoken": "hunter2"},
"three.test": {}}, "credHelpers": {"four.test": "none"}, "credsStore": "", "HttpHeaders": {"a": "b"}}"#,
        load: |path| {
            let registries = Registries::built_in();
            let store =
                CredentialStore::new(&Environment::default(), &directories(), &registries, Some(path));
            store.keys()?;
            for key in ["one.test", "two.test/x", "two.test/x/y", "three.test", "five.test"] {
                store.get(key)?;
            }
            Ok(Vec::new())
        },
    },
    Kind {
        name: "podman-connections.json",
        sample: r#"{"Connection": {"Default": "one", "Connections": {"one": {"URI": "ssh://me@host:22/run/x.sock", "Identity": "/k", "IsMachine": false},
"two": {"URI": "unix:///x"}}}, "Farm": {"Default": "f", "List": {"f": ["one"]}}}"#,
        load: |path| {
            let connections = Connections::new(path.to_owned(), &ContainersConf::built_in());
            connections.list()?;
            // One that is not there any more is no fault of the file.
            let _ = connections.get("one");
            Ok(Vec::new())
        },
    },
    Kind {
        name: "shortnames.conf",
        sample: "[aliases]\nbox = \"docker.io/library/busybox\"\nother = \"quay.io/a/b\"\n",
        load: |path| ShortNameAliases::load(path).map(|_| Vec::new()),
    },
];

fn environment(name: &str, path: &Path) -> Environment {
    Environment::new([(name, path.as_os_str())])
}

fn directories() -> Directories {
    let user = User { uid: 1000, rootless: true, home: Some(PathBuf::from("/nonexistent")) };
    let mut directories = Directories::new(&Environment::default(), user, |_| None).expect("directories");
    directories.vendor_config = None;
    directories.system_config = "/nonexistent/etc".into();
    directories
}

/// A malformed text and how it came about.
struct Text {
    what: String,
    bytes: Vec<u8>,
    /// Whether it must be refused.
    is_wrong: bool,
}

fn text(what: impl Into<String>, bytes: impl Into<Vec<u8>>, is_wrong: bool) -> Text {
    Text { what: what.into(), bytes: bytes.into(), is_wrong }
}

/// What no format takes.
fn garbage(kind: &Kind) -> Vec<Text> {
    let sample = kind.sample;
    let utf16: Vec<u8> = sample.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        text("zeros", vec![0; 1000], true),
        text("a zero behind it", [sample.as_bytes(), b"\0"].concat(), true),
        text("no UTF-8", [sample.as_bytes(), b"\xff\xfe"].concat(), true),
        text("UTF-16", utf16, true),
        text("a program", b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), true),
        text("gzip", b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), true),
        text("brackets", "[".repeat(100_000), true),
        text("braces", "{\"a\":".repeat(100_000), true),
        text("tables in tables", format!("a = {}", "{a = ".repeat(50_000)), true),
        text("lists in lists", format!("a = {}", "[".repeat(50_000)), true),
        text("dots", format!("a{} = 1", ".a".repeat(5_000)), false),
        text("a text without end", format!("\"{}", "x".repeat(100_000)), true),
        text("5 MB", vec![b' '; 5 << 20], true),
        text("a long key", format!("{} = 5", "k".repeat(100_000)), false),
        text("a hostile line", format!("{HOSTILE}\n"), true),
        text("a hostile key", "\"no\\u001b]0;title\\u202e\" = 5\n", false),
        text("YAML", "a:\n  - b: c\n", true),
        text("XML", "<a/>", true),
        text("both ends of line", sample.replace('\n', "\r\n"), false),
        text("nothing", "", false),
        text("white space", " \n\t\n", false),
        text("a number", "5", true),
        text("null", "null", false),
        text("a list", "[]", false),
    ]
}

/// The sample cut off, with a byte changed, with a line twice or away.
fn damaged(kind: &Kind) -> Vec<Text> {
    let sample = kind.sample;
    let mut all = Vec::new();
    for at in (0..sample.len()).step_by(7) {
        all.push(text(format!("cut off after {at} bytes"), &sample.as_bytes()[..at], false));
        for byte in *b"\x1b\"\\\n\xff[=" {
            let mut bytes = sample.as_bytes().to_vec();
            bytes[at] = byte;
            all.push(text(format!("{byte:#x} at {at}"), bytes, byte == b'\xff'));
        }
    }
    let is_toml = !kind.name.ends_with("json");
    let lines: Vec<&str> = sample.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let twice: Vec<&str> = lines[..=number].iter().chain(&lines[number..]).copied().collect();
        all.push(text(format!("{line:?} twice"), twice.join("\n"), is_toml && line.contains('=')));
        let without: Vec<&str> = lines[..number].iter().chain(&lines[number + 1..]).copied().collect();
        all.push(text(format!("without {line:?}"), without.join("\n"), false));
    }
    all
}

/// The sample of a TOML file with values of other types.
fn of_other_types_toml(kind: &Kind) -> Vec<Text> {
    const OTHERS: &[&str] = &[
        "5",
        "-1",
        "1.5",
        "true",
        "\"\"",
        "\"x\"",
        "[]",
        "[5]",
        "[[]]",
        "{}",
        "{a = 1}",
        "1979-05-27",
        "nan",
        "99999999999999999999",
        "\"no\\u001b]0;title\\u202e\"",
        "[\"no\\u001b]0;title\\u202e\"]",
    ];
    let lines: Vec<&str> = kind.sample.lines().collect();
    let mut all = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some((key, value)) = line.split_once(" = ") else { continue };
        for other in OTHERS {
            let mut changed = lines.clone();
            let line = format!("{key} = {other}");
            changed[number] = &line;
            // A size may be a number, and some texts may be lists; these may be nothing else.
            let is_wrong = match value.as_bytes()[0] {
                b't' | b'f' => !matches!(*other, "true" | "\"\""),
                b'[' => !other.starts_with('['),
                _ => other.starts_with('{'),
            };
            all.push(text(line.clone(), changed.join("\n"), is_wrong && kind.name != "storage.conf"));
        }
    }
    all
}

/// The sample of a JSON file with values of other types, hostile keys, and with each member twice.
fn of_other_types_json(kind: &Kind) -> Vec<Text> {
    const OTHERS: &[&str] = &[
        "5",
        "-1",
        "1.5",
        "1e400",
        "true",
        "\"\"",
        "\"hunter2\"",
        "[]",
        "[5]",
        "[\"hunter2\"]",
        "{}",
        "{\"a\":1}",
        "\"no\\u001b]0;title\\u202e\"",
        "[\"no\\u001b]0;title\"]",
    ];
    let sample: Value = serde_json::from_str(kind.sample).expect("the sample is JSON");
    let mut all = Vec::new();
    let mut places = vec![String::new()];
    while let Some(place) = places.pop() {
        let changed = |value: Value| {
            let mut changed = sample.clone();
            *changed.pointer_mut(&place).expect("a place of the sample") = value;
            changed
        };
        match sample.pointer(&place).expect("a place of the sample") {
            Value::Object(members) => {
                let escaped = |name: &String| name.replace('~', "~0").replace('/', "~1");
                places.extend(members.keys().map(|name| format!("{place}/{}", escaped(name))));
                let mut members = members.clone();
                members.insert(HOSTILE.to_owned(), 5.into());
                let hostile = changed(members.into()).to_string();
                all.push(text(format!("a hostile key at {place:?}"), hostile, false));
            }
            Value::Array(list) => places.extend((0..list.len()).map(|at| format!("{place}/{at}"))),
            _ => {}
        }
        for other in OTHERS {
            // Elsewhere it is no secret.
            if other.contains("hunter2") && kind.name != "auth.json" {
                continue;
            }
            let changed = changed("PLACE".into()).to_string().replace("\"PLACE\"", other);
            all.push(text(format!("{other} at {place:?}"), changed, false));
        }
    }
    for (end, _) in kind.sample.match_indices("\": ") {
        // The same member in front of itself, with another value.
        let begin = kind.sample[..end].rfind('"').expect("a key");
        let (before, key) = (&kind.sample[..begin], &kind.sample[begin..=end]);
        for value in ["5", "{}", "[{\"type\": \"insecureAcceptAnything\"}]"] {
            let twice = format!("{before}{key}: {value}, {}", &kind.sample[begin..]);
            all.push(text(format!("{key}: {value} before itself"), twice, kind.name == "policy.json"));
        }
    }
    all
}

#[test]
fn every_file_in_every_malformed_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut faults, mut count) = (Vec::new(), 0);
    for kind in KINDS {
        let path = folder.path().join(kind.name);
        let judge = |what: &str, is_wrong: bool| {
            verdict(kind, &path, is_wrong).err().map(|fault| format!("{}: {what}: {fault}", kind.name))
        };
        cove_sys::fs::write(&path, kind.sample).expect("the sample");
        let sound = (kind.load)(&path).unwrap_or_else(|error| panic!("the sample of {}: {error}", kind.name));
        assert!(sound.is_empty(), "the sample of {}: {sound:?}", kind.name);
        let is_json = kind.name.ends_with("json");
        let mut texts = garbage(kind);
        texts.extend(damaged(kind));
        texts.extend(if is_json { of_other_types_json(kind) } else { of_other_types_toml(kind) });
        count += texts.len();
        for text in texts {
            cove_sys::fs::write(&path, &text.bytes).expect("a file");
            faults.extend(judge(&text.what, text.is_wrong));
        }
        // What is no file of text at all.
        for target in ["/", "/dev/zero", "/proc/self/mem", kind.name] {
            cove_sys::fs::remove_file(&path).expect("the file");
            std::os::unix::fs::symlink(target, &path).expect("a link");
            faults.extend(judge(&format!("a link to {target}"), true));
            count += 1;
        }
    }
    assert!(count > 2000, "only {count} cases");
    assert!(faults.is_empty(), "{} of {count} cases:\n{}", faults.len(), faults.join("\n"));
}

fn verdict(kind: &Kind, path: &Path, is_wrong: bool) -> Result<(), String> {
    let begin = Instant::now();
    let loaded = std::panic::catch_unwind(|| (kind.load)(path)).map_err(|_| "it panics".to_owned())?;
    if begin.elapsed() > IN_TIME {
        return Err(format!("took {:?}", begin.elapsed()));
    }
    let lines: Vec<String> = match loaded {
        Ok(_) if is_wrong => return Err("is taken".to_owned()),
        Ok(warnings) => warnings.into_iter().map(|text| cove_api::Error::invalid(text).message).collect(),
        Err(error) => {
            let message = cove_api::Error::from(error).message;
            if !message.contains(&path.display().to_string()) {
                return Err(format!("the file is not named: {message}"));
            }
            vec![message]
        }
    };
    for line in lines {
        let acts = |letter: &char| letter.is_control() || ('\u{202a}'..='\u{202e}').contains(letter);
        if let Some(letter) = line.chars().find(acts) {
            return Err(format!("{letter:?} in {line:?}"));
        }
        if line.len() > 8 << 10 {
            return Err(format!("a message of {} bytes", line.len()));
        }
        if SECRETS.iter().any(|secret| line.contains(secret)) {
            return Err(format!("a secret in {line:?}"));
        }
    }
    Ok(())
}
