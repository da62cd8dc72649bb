//! Hostile requests to the real engine: names in every route, and a service that is short of descriptors.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use cove_test_support::{Bed, IMAGE, Service, Who, docker_routes, documented_routes, everyone, wait_for};
use serde_json::{Value, json};

/// Names that no object has, in the encoding of a URL.
const NAMES: [&str; 8] = [
    "no%1B%5D0;title%07%0AError:%20forged%E2%80%AE",
    "%0D%0AX-Forged:%20yes%0D%0A%0D%0A",
    "%00",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2fcanary",
    "a%2F..%2F..%2Fcanary",
    "-rf",
    "%20",
    "%FF",
];

/// Status and body of the answer to one request.
pub(super) fn ask(service: &Service, method: &str, target: &str, body: &str) -> (u16, String) {
    send(service, method, target, None, body.as_bytes())
}

/// The same with a body of a media type.
pub(super) fn send(
    service: &Service,
    method: &str,
    target: &str,
    media_type: Option<&str>,
    body: &[u8],
) -> (u16, String) {
    let mut stream = UnixStream::connect(service.socket()).expect("the service");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit");
    let length = body.len();
    let media_type = media_type.map(|text| format!("Content-Type: {text}\r\n")).unwrap_or_default();
    let head =
        format!("{method} {target} HTTP/1.1\r\nHost: d\r\n{media_type}Content-Length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).expect("a request");
    stream.shutdown(std::net::Shutdown::Write).expect("the end of the request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap_or_else(|error| panic!("{method} {target} does not end: {error}"));
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {target}: {text:?}"));
    assert!(!head.to_ascii_lowercase().contains("\nx-forged"), "{method} {target}: {head:?}");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let whole = if is_chunked { joined(body) } else { None };
    (status, whole.unwrap_or_else(|| body.to_owned()))
}

/// A body that came in chunks, each behind its length.
fn joined(body: &str) -> Option<String> {
    let (mut whole, mut rest) = (Vec::new(), body.as_bytes());
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        let start = end + 2;
        whole.extend_from_slice(rest.get(start..start + length)?);
        if length == 0 {
            return String::from_utf8(whole).ok();
        }
        rest = rest.get(start + length + 2..)?;
    }
}

/// What is wrong with an answer that should be a refusal, if anything.
fn fault(method: &str, (status, body): (u16, String)) -> Option<String> {
    if !(400..500).contains(&status) && status != 501 {
        return Some(format!("{status} {body}"));
    }
    if method == "HEAD" || body.is_empty() && status == 404 {
        return None;
    }
    let message =
        serde_json::from_str::<Value>(&body).ok()?["message"].as_str().unwrap_or_default().to_owned();
    let acts = |letter: char| letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter);
    let is_fine = !message.is_empty() && message.len() < 8 << 10 && !message.chars().any(acts);
    (!is_fine).then(|| format!("the message {message:?}"))
}

/// What the engine has, and what lies beside its store.
fn everything(bed: &Bed) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for list in [&["ps", "-aq"][..], &["images", "-aq"], &["volume", "ls", "-q"], &["network", "ls", "-q"]] {
        all.extend(bed.cove(list).ok().lines().map(|line| format!("{list:?} {line}")));
    }
    for folder in [bed.path(""), bed.path("root"), bed.path("root/volumes"), bed.path("home")] {
        for entry in cove_sys::fs::read_dir(&folder).into_iter().flatten() {
            all.insert(entry.expect("an entry").path().display().to_string());
        }
    }
    // The engine's own, made when it first looks for such objects.
    for own in ["root/networks", "root/secrets"] {
        all.remove(&bed.path(own).display().to_string());
    }
    all
}

#[test]
fn names_in_every_route() {
    everyone(|bed| {
        let service = Service::start(bed);
        bed.cove(&["create", "--name", "ctr", IMAGE, "true"]).ok();
        let before = everything(bed);
        let mut faults = Vec::new();
        for route in
            documented_routes().into_iter().chain(docker_routes()).filter(|route| route.names_an_object())
        {
            for name in NAMES {
                let target = format!("{}?stream=false&follow=false", route.path_of(name));
                let answer = ask(&service, &route.method, &target, "{}");
                faults.extend(
                    fault(&route.method, answer).map(|fault| format!("{} {target}: {fault}", route.method)),
                );
            }
        }
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
        assert_eq!(everything(bed), before);
    });
}

#[test]
fn names_of_new_objects() {
    everyone(|bed| {
        let service = Service::start(bed);
        bed.cove(&["create", "--name", "ctr", IMAGE, "true"]).ok();
        let before = everything(bed);
        let mut faults = Vec::new();
        for name in [
            "no\u{1b}]0;title\u{7}\nError: forged\u{202e}",
            "\0",
            "../../canary",
            "a/../../canary",
            "-rf",
            " ",
            "a b",
            "\u{fffd}",
            &"x".repeat(70_000),
        ] {
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let mut try_it = |method: &str, target: &str, body: Value| {
                // A long name is longer in a path.
                if target.len() < 50_000 {
                    let answer = ask(&service, method, target, &body.to_string());
                    let short = &target[..target.len().min(200)];
                    faults.extend(
                        fault(method, answer).map(|fault| format!("{method} {short} {name:.40?}: {fault}")),
                    );
                }
            };
            let container = json!({"Image": IMAGE, "Cmd": ["true"]});
            try_it("POST", &format!("/containers/create?name={encoded}"), container);
            try_it("POST", "/libpod/containers/create", json!({"image": IMAGE, "name": name}));
            try_it("POST", "/libpod/containers/create", json!({"image": name}));
            try_it("POST", "/libpod/containers/create", json!({"image": IMAGE, "hostname": name}));
            try_it("POST", "/libpod/containers/create", json!({"image": IMAGE, "Networks": {name: {}}}));
            try_it("POST", "/volumes/create", json!({"Name": name}));
            try_it("POST", "/libpod/volumes/create", json!({"Name": name}));
            try_it("POST", "/networks/create", json!({"Name": name}));
            try_it("POST", "/libpod/networks/create", json!({"name": name}));
            try_it("POST", &format!("/containers/ctr/rename?name={encoded}"), json!({}));
            try_it("POST", &format!("/libpod/containers/ctr/rename?name={encoded}"), json!({}));
            try_it("POST", &format!("/images/{IMAGE}/tag?repo={encoded}&tag=x"), json!({}));
            try_it("POST", &format!("/images/{IMAGE}/tag?repo=x&tag={encoded}"), json!({}));
            try_it("POST", &format!("/libpod/images/{IMAGE}/tag?repo={encoded}&tag=x"), json!({}));
            try_it("POST", &format!("/libpod/images/pull?reference={encoded}"), json!({}));
        }
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
        assert_eq!(everything(bed), before);
    });
}

/// 1,024 descriptors and no way to have more: idle clients make room.
#[test]
fn idle_clients_under_a_hard_limit() {
    let Some(bed) = Bed::empty(Who::Root) else { return };
    let service = Service::start_limited(&bed, 1024);
    let idle: Vec<_> =
        (0..900).map(|_| UnixStream::connect(service.socket()).expect("a connection")).collect();
    let slowest = (0..5).map(|_| {
        let begin = Instant::now();
        assert_eq!(ask(&service, "GET", "/_ping", "").0, 200);
        begin.elapsed()
    });
    // One slow answer may be the machine's.
    let late = slowest.filter(|took| *took > Duration::from_secs(1)).count();
    assert!(late < 2, "{late} of 5 signs of life came late");
    drop(idle);
}

#[test]
fn a_directory_is_listed_within_its_container() {
    everyone(|bed| {
        let service = Service::start(bed);
        let script = "mkdir /d && echo x > /d/file && ln -s /d /d/inside && ln -s ../../../../../../d /d/above && \
                      ln -s /nowhere /d/broken && mkdir /d/ready && exec sleep 100";
        bed.cove(&["run", "-d", "--name", "ctr", "--network", "none", IMAGE, "sh", "-c", script]).ok();
        let list =
            |path: &str| ask(&service, "GET", &format!("/libpod/containers/ctr/directory?path={path}"), "");
        let rows = |path: &str| -> Vec<Value> {
            let (status, body) = list(path);
            assert_eq!(status, 200, "{path}: {body}");
            // One chunk, with its length before it.
            let list = body.find('[').zip(body.rfind(']')).map(|(start, end)| &body[start..=end]);
            serde_json::from_str(list.expect("a list")).expect("a list")
        };
        let row = |name: &str| rows("/d").into_iter().find(|row| row["name"] == name);
        wait_for("the files", 10, || row("ready"));
        for _ in 0..2 {
            let fact = |name: &str, key: &str| row(name).map(|row| row[key].clone()).unwrap_or_default();
            assert_eq!(fact("file", "size"), json!(2));
            assert_eq!((fact("file", "isDir"), fact("ready", "isDir")), (json!(false), json!(true)));
            // Links are evaluated inside: what leads above the root ends there.
            assert_eq!((fact("inside", "isDir"), fact("above", "isDir")), (json!(true), json!(true)));
            assert_eq!(
                (fact("broken", "isDir"), fact("broken", "linkTarget")),
                (json!(false), json!("/nowhere"))
            );
            assert_eq!(rows("/d/above/inside").len(), 5);
            assert_eq!(list("/d/file").0, 400);
            assert_eq!(list("/missing").0, 404);
            assert_eq!(list("").0, 400);
            // The same where nothing of it runs.
            bed.cove(&["stop", "-t", "0", "ctr"]).ok();
        }
    });
}
