//! Cove's own routes, over a socket and the real engine: files of containers, images and volumes, and what an engine has.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use cove_test_support::{Bed, IMAGE, Outcome, Service, everyone};
use serde_json::Value;

/// An answer: its head in lower case, and its body.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn send(service: &Service, method: &str, target: &str, headers: &str, body: &[u8]) -> UnixStream {
    let mut stream = UnixStream::connect(service.socket()).expect("the service");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
    let length = body.len();
    let head = format!(
        "{method} /v5.0.0/cove{target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).expect("a head");
    stream.write_all(body).expect("a body");
    stream
}

fn ask(service: &Service, method: &str, target: &str, headers: &str, body: &[u8]) -> Answer {
    let mut whole = Vec::new();
    send(service, method, target, headers, body).read_to_end(&mut whole).expect("an answer that ends");
    let end = whole.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&whole[..end]).to_ascii_lowercase();
    let mut body = whole[end + 4..].to_vec();
    if head.contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    Answer { status, head, body }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&rest[..end]), 16).expect("a chunk");
        if size == 0 {
            break;
        }
        whole.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    whole
}

fn get(service: &Service, target: &str) -> Answer {
    ask(service, "GET", target, "", b"")
}

/// Name, kind, whether it can be looked into, size and target of each entry.
fn rows(page: &Value) -> Vec<(String, String, bool, u64, String)> {
    let text = |entry: &Value, key: &str| entry[key].as_str().expect("a text").to_owned();
    let entries = page["entries"].as_array().expect("entries");
    let row = |entry: &Value| {
        let (directory, size) = (entry["directory"].as_bool(), entry["size"].as_u64());
        (text(entry, "name"), text(entry, "kind"), directory.unwrap(), size.unwrap(), text(entry, "target"))
    };
    entries.iter().map(row).collect()
}

/// A container `runs` and one `made`, both with a volume `v` at `/data` and some files.
fn furnished(bed: &Bed) -> Service {
    let common = ["--network", "none", "-v", "v:/data", "--user", "1000:1000"];
    let script = "mkdir /data/sub; echo inside >/data/file; ln -s file /data/link; ln -s sub /data/way; mkfifo /data/pipe; \
        ln -s ../../../../../../etc/hostname /data/out";
    bed.cove(&["run", "--rm", "--network", "none", "-v", "v:/data", IMAGE, "sh", "-c", "chmod 777 /data"])
        .ok();
    let run = [&["run", "-d", "--name", "runs"], &common[..], &[IMAGE, "sh", "-c"]].concat();
    bed.cove(&[&run[..], &[&format!("{script}; echo ready; sleep 1000")]].concat()).ok();
    cove_test_support::wait_for("the files", 20, || {
        bed.cove(&["logs", "runs"]).stdout.contains("ready").then_some(())
    });
    bed.cove(&[&["create", "--name", "made"], &common[..], &[IMAGE, "true"]].concat()).ok();
    Service::start(bed)
}

#[test]
fn folders_are_listed_in_pages() {
    everyone(|bed| {
        let service = furnished(bed);
        let expected = [
            ("file", "file", false, 7, ""),
            ("link", "link", false, 4, "file"),
            ("out", "link", false, 30, "../../../../../../etc/hostname"),
            ("pipe", "pipe", false, 0, ""),
            ("sub", "directory", true, 0, ""),
            ("way", "link", true, 3, "sub"),
        ];
        for place in
            ["containers/runs/files?path=/data", "containers/made/files?path=data", "volumes/v/files?path=/"]
        {
            let answer = get(&service, &format!("/{place}"));
            assert_eq!(answer.status, 200, "{place}: {}", answer.text());
            let page = answer.json();
            let found = rows(&page);
            for (row, expected) in found.iter().zip(expected) {
                // How large a folder is, the file system says.
                let size = if expected.1 == "directory" { row.3 } else { expected.3 };
                let (name, kind, directory, _, target) = expected;
                let expected = (name.to_owned(), kind.to_owned(), directory, size, target.to_owned());
                assert_eq!((row.0.clone(), row.1.clone(), row.2, row.3, row.4.clone()), expected, "{place}");
            }
            assert_eq!(found.len(), expected.len(), "{place}: {page}");
            assert!(page.get("next").is_none(), "{page}");
            assert_eq!(
                (page["entries"][0]["uid"].as_u64(), page["entries"][0]["mode"].as_u64()),
                (Some(1000), Some(0o644))
            );
        }
        // Two at a time, in the same order.
        let (mut names, mut after, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = get(&service, &format!("/volumes/v/files?limit=2&after={after}")).json();
            names.extend(rows(&page).into_iter().map(|row| row.0));
            pages += 1;
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        assert_eq!((names.len(), pages), (expected.len(), 3), "{names:?}");
        assert!(names.iter().map(String::as_str).eq(expected.iter().map(|row| row.0)), "{names:?}");
        // An image by a name with slashes; what is wrong is said.
        let root = get(&service, &format!("/images/{IMAGE}/files")).json();
        assert!(rows(&root).iter().any(|row| row.0 == "bin"), "{root}");
        assert_eq!(root["path"], "/");
        for (target, status) in [
            ("/containers/none/files", 404),
            ("/volumes/none/files", 404),
            ("/images/none/files", 404),
            ("/containers/runs/files?path=/none", 404),
            ("/volumes/v/files?path=/out", 404),
            ("/volumes/v/files?path=/file", 400),
            ("/volumes/v/files?path=/pipe", 400),
            ("/volumes/v/files?limit=0", 400),
            ("/volumes/v/files?limit=99999", 400),
            ("/volumes/v/files?after=!", 400),
            ("/volumes/v/files?path=%00", 400),
        ] {
            let answer = get(&service, target);
            assert_eq!(answer.status, status, "{target}: {}", answer.text());
            assert!(answer.json()["message"].as_str().is_some_and(|message| !message.is_empty()));
        }
        let images = bed.cove(&["image", "mount"]);
        assert_eq!(images.stdout, "", "nothing stays mounted");
    });
}

#[test]
fn files_are_read_whole_and_in_part() {
    everyone(|bed| {
        let service = furnished(bed);
        for place in [
            "containers/runs/file?path=/data/link",
            "containers/made/file?path=/data/file",
            "volumes/v/file?path=file",
        ] {
            let target = format!("/{place}");
            let whole = get(&service, &target);
            assert_eq!((whole.status, whole.text().as_str()), (200, "inside\n"), "{place}");
            assert_eq!(
                (whole.header("content-length"), whole.header("accept-ranges")),
                (Some("7"), Some("bytes"))
            );
            assert!(whole.header("x-docker-container-path-stat").is_some());
            for (range, status, text, place) in [
                ("bytes=0-1", 206, "in", Some("bytes 0-1/7")),
                ("bytes=3-", 206, "ide\n", Some("bytes 3-6/7")),
                ("bytes=-3", 206, "de\n", Some("bytes 4-6/7")),
                ("bytes=2-99", 206, "side\n", Some("bytes 2-6/7")),
                ("bytes=0-0,2-3", 200, "inside\n", None),
                ("lines=1-2", 200, "inside\n", None),
            ] {
                let part = ask(&service, "GET", &target, &format!("Range: {range}\r\n"), b"");
                assert_eq!((part.status, part.text().as_str()), (status, text), "{range}");
                assert_eq!(part.header("content-range"), place, "{range}");
            }
            let behind = ask(&service, "GET", &target, "Range: bytes=7-\r\n", b"");
            assert_eq!((behind.status, behind.header("content-range")), (416, Some("bytes */7")));
            assert!(behind.json()["message"].is_string());
            let head = ask(&service, "HEAD", &target, "", b"");
            assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("7"), 0));
        }
        // What a process sees of itself says that it is empty.
        let made = get(&service, "/containers/runs/file?path=/proc/1/status");
        assert_eq!((made.status, made.text().starts_with("Name:")), (200, true), "{}", made.text());
        let busybox = get(&service, &format!("/images/{IMAGE}/file?path=/bin/busybox"));
        assert_eq!((busybox.status, &busybox.body[..4]), (200, &b"\x7fELF"[..]));
        for (target, status) in [
            ("/volumes/v/file?path=/pipe", 400),
            ("/volumes/v/file?path=/sub", 400),
            ("/volumes/v/file?path=/none", 404),
            ("/volumes/v/file?path=/out", 404),
            ("/volumes/v/file?path=/file/x", 404),
            ("/volumes/v/file?path=/../../../../etc/passwd", 404),
            ("/volumes/v/file", 400),
        ] {
            let answer = get(&service, target);
            assert_eq!(answer.status, status, "{target}: {}", answer.text());
        }
    });
}

#[test]
fn files_are_made_and_replaced() {
    everyone(|bed| {
        let service = furnished(bed);
        let put = |target: &str, body: &[u8]| ask(&service, "PUT", target, "", body);
        let inside = |script: &str| bed.cove(&["exec", "runs", "sh", "-c", script]).ok().to_owned();
        assert_eq!(put("/containers/runs/file?path=/tmp/new", b"made\n").status, 204);
        assert_eq!(inside("cat /tmp/new; stat -c '%a %u:%g' /tmp/new"), "made\n644 1000:1000");
        assert_eq!(put("/containers/runs/file?path=/tmp/new&mode=4600", b"").status, 204);
        assert_eq!(inside("stat -c '%a %s' /tmp/new"), "4600 0");
        inside("echo one >/data/mine; chmod 640 /data/mine");
        // One that is there keeps its owner and mode, and what a link leads to is what is written.
        assert_eq!(put("/containers/runs/file?path=/data/mine", b"two").status, 204);
        assert_eq!(inside("cat /data/mine; stat -c ' %a %u' /data/mine"), "two 640 1000");
        for (target, text) in [
            ("/volumes/v/file?path=/link", "by the volume"),
            ("/containers/made/file?path=/data/way/../link", "by the other"),
        ] {
            assert_eq!(put(target, text.as_bytes()).status, 204, "{target}");
            assert_eq!(inside("cat /data/file; test -L /data/link"), text);
        }
        // A file that is mounted for itself stays the one that is mounted.
        let hosts = inside("stat -c %i /etc/hosts");
        assert_eq!(put("/containers/runs/file?path=/etc/hosts", b"127.0.0.1 here\n").status, 204);
        assert_eq!(inside("cat /etc/hosts"), "127.0.0.1 here");
        assert_eq!(inside("stat -c %i /etc/hosts"), hosts);
        for (target, status) in [
            ("/volumes/v/file?path=/sub", 400),
            ("/volumes/v/file?path=/new/", 400),
            ("/volumes/v/file?path=/pipe", 400),
            ("/volumes/v/file?path=/none/new", 404),
            ("/volumes/v/file?path=/new&mode=9", 400),
            ("/volumes/v/file?path=/..", 400),
            ("/volumes/v/file", 400),
            ("/volumes/none/file?path=/new", 404),
        ] {
            let answer = put(target, b"x");
            assert_eq!(answer.status, status, "{target}: {}", answer.text());
        }
        assert_eq!(put(&format!("/images/{IMAGE}/file?path=/new"), b"x").status, 405);
        // A link that leads out of the volume leads to its own root, where there is no such folder.
        assert_eq!(put("/volumes/v/file?path=/out", b"x").status, 404);
        // A body that breaks off changes nothing and leaves nothing.
        let before = inside("ls -A /data");
        let mut stream = UnixStream::connect(service.socket()).unwrap();
        let head =
            "PUT /cove/volumes/v/file?path=/file HTTP/1.1\r\nHost: d\r\nContent-Length: 100\r\n\r\nhalf";
        stream.write_all(head.as_bytes()).unwrap();
        cove_test_support::wait_for("the beginning of a file", 20, || {
            (inside("ls -A /data") != before).then_some(())
        });
        drop(stream);
        cove_test_support::wait_for("its end", 20, || (inside("ls -A /data") == before).then_some(()));
        assert_eq!(inside("cat /data/file"), "by the other");
    });
}

#[test]
fn what_is_at_a_path_comes_as_a_tar() {
    everyone(|bed| {
        let service = furnished(bed);
        for (target, names) in [
            ("/containers/made/tar?path=/data/sub", vec!["sub/"]),
            ("/volumes/v/tar?path=/link", vec!["file"]),
            ("/volumes/v/tar?path=/", vec!["file", "link", "out", "pipe", "sub/", "way"]),
            (&format!("/images/{IMAGE}/tar?path=/bin/busybox"), vec!["busybox"]),
        ] {
            let answer = get(&service, target);
            assert_eq!(answer.status, 200, "{target}: {}", answer.text());
            let mut command = std::process::Command::new("tar");
            command.arg("-tf").arg("-");
            let listed = Outcome::of(command, &answer.body).ok().to_owned();
            assert_eq!(listed.lines().collect::<Vec<_>>(), names, "{target}");
        }
        assert_eq!(get(&service, "/volumes/v/tar?path=/none").status, 404);
        assert_eq!(get(&service, "/volumes/v/tar").status, 400);
    });
}

/// Lines of a stream that does not end.
struct Lines(BufReader<UnixStream>);

impl Lines {
    fn follow(service: &Service, query: &str) -> Self {
        let mut reader = BufReader::new(send(service, "GET", &format!("/state{query}"), "", b""));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).expect("a head"), 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Self(reader)
    }

    /// The next line; a chunk is one.
    fn next(&mut self) -> Value {
        let mut text = String::new();
        while !text.starts_with('{') {
            text.clear();
            assert_ne!(self.0.read_line(&mut text).expect("a line in time"), 0, "the stream has ended");
        }
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The next line that `found` finds something in.
    fn until<T>(&mut self, what: &str, found: impl Fn(&Value) -> Option<T>) -> T {
        for _ in 0..50 {
            let line = self.next();
            if let Some(found) = found(&line) {
                return found;
            }
        }
        panic!("{what} is not told");
    }
}

#[test]
fn what_there_is_and_what_changes_is_told() {
    everyone(|bed| {
        bed.cove(&["create", "--name", "old", "--network", "none", IMAGE, "true"]).ok();
        let service = Service::start(bed);
        let mut lines = Lines::follow(&service, "");
        let first = lines.next();
        assert_eq!(first["reason"], "first", "{first}");
        assert_eq!(first["snapshot"]["containers"][0]["Names"][0], "old");
        assert!(first["snapshot"]["images"].as_array().is_some_and(|images| !images.is_empty()), "{first}");
        let (sequence, feed) =
            (first["sequence"].as_u64().unwrap(), first["feed"].as_str().unwrap().to_owned());
        // Whoever does it, and by whatever way.
        bed.cove(&["volume", "create", "state-v"]).ok();
        let numbered = lines.until("the volume", |line| {
            (line["changed"]["volumes"][0]["Name"] == "state-v").then(|| line["sequence"].as_u64().unwrap())
        });
        assert_eq!(numbered, sequence + 1);
        let id = bed
            .cove(&["run", "-d", "--name", "new", "--network", "none", IMAGE, "sleep", "1000"])
            .ok()
            .to_owned();
        let state = |line: &Value, wanted: &str| {
            let rows = line["changed"]["containers"].as_array()?;
            rows.iter().any(|row| row["Id"] == id.as_str() && row["State"] == wanted).then_some(())
        };
        lines.until("the start", |line| state(line, "running"));
        bed.cove(&["rename", "new", "newer"]).ok();
        lines.until("the new name", |line| {
            let rows = line["changed"]["containers"].as_array()?;
            rows.iter().any(|row| row["Id"] == id.as_str() && row["Names"][0] == "newer").then_some(())
        });
        bed.cove(&["rm", "-f", "-t", "0", "newer"]).ok();
        bed.cove(&["volume", "rm", "state-v"]).ok();
        let gone = |line: &Value, kind: &str, key: &str| {
            line["removed"][kind].as_array()?.iter().any(|known| known == key).then_some(())
        };
        let last = lines.until("the removal of the volume", |line| {
            gone(line, "volumes", "state-v").map(|()| line["sequence"].as_u64().unwrap())
        });
        drop(lines);
        // All that was missed is told, in order, and nothing else.
        let mut again = Lines::follow(&service, &format!("?since={sequence}&feed={feed}"));
        let (mut expected, mut removed) = (sequence, false);
        while expected < last {
            let line = again.next();
            expected += 1;
            assert_eq!(line["sequence"].as_u64(), Some(expected), "{line}");
            assert!(line.get("snapshot").is_none(), "{line}");
            removed |= gone(&line, "containers", &id).is_some();
        }
        assert!(removed);
        for query in ["?since=1", &format!("?since={last}&feed=other"), &format!("?since={}", last + 100)] {
            let line = Lines::follow(&service, query).next();
            assert_eq!(
                (line["reason"].as_str(), line["snapshot"].is_object()),
                (Some("gone"), true),
                "{query}"
            );
        }
        assert_eq!(get(&service, "/state?since=x").status, 400);
    });
}
