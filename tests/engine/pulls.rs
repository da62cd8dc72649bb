//! What pulls ask of a registry: as little as they can, and of several at once each layer once.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cove_test_support::{Bed, IMAGE, everyone, wait_for};
use serde_json::Value;

/// A registry without TLS that serves one OCI layout and notes what it is asked.
struct Served {
    port: u16,
    layout: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
    delay: Arc<Mutex<Duration>>,
}

impl Served {
    /// Layers are answered after `delay`.
    fn start(layout: PathBuf, delay: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let delay = Arc::new(Mutex::new(delay));
        let (notes, pause) = (Arc::clone(&asked), Arc::clone(&delay));
        let folder = layout.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (layout, notes, pause) = (layout.clone(), Arc::clone(&notes), Arc::clone(&pause));
                std::thread::spawn(move || serve(stream, &layout, &notes, &pause));
            }
        });
        Self { port, layout: folder, asked, delay }
    }

    /// Layers that are asked for from now on are not delayed.
    fn answer_at_once(&self) {
        *self.delay.lock().expect("the delay") = Duration::ZERO;
    }

    fn image(&self) -> String {
        format!("127.0.0.1:{}/ann/served:1", self.port)
    }

    /// The path of the image's only layer.
    fn layer(&self) -> String {
        let read = |path: PathBuf| -> Value {
            serde_json::from_slice(&cove_sys::fs::read(path).expect("a document")).expect("JSON")
        };
        let index = read(self.layout.join("index.json"));
        let digest = index["manifests"][0]["digest"].as_str().expect("a digest");
        let manifest = read(self.layout.join("blobs").join(digest.replace(':', "/")));
        format!("/v2/ann/served/blobs/{}", manifest["layers"][0]["digest"].as_str().expect("a digest"))
    }

    /// What was asked since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("notes"))
    }
}

fn serve(
    mut stream: TcpStream,
    layout: &Path,
    notes: &Mutex<Vec<String>>,
    delay: &Mutex<Duration>,
) -> Option<()> {
    let mut data = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = data.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            // The greeting of TLS, which this one does not speak.
            if data.first() == Some(&0x16) {
                stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").ok()?;
                return None;
            }
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
            data.extend_from_slice(&piece[..count]);
        };
        let head = String::from_utf8_lossy(&data[..end]).into_owned();
        data.drain(..end);
        let path = head.split(' ').nth(1)?.to_owned();
        notes.lock().ok()?.push(path.clone());
        let index: Value =
            serde_json::from_slice(&cove_sys::fs::read(layout.join("index.json")).ok()?).ok()?;
        let manifest = &index["manifests"][0];
        let blob = |digest: &str| cove_sys::fs::read(layout.join("blobs").join(digest.replace(':', "/")));
        let (kind, body) = match path.rsplit('/').next()? {
            "1" => (manifest["mediaType"].as_str()?, blob(manifest["digest"].as_str()?).ok()?),
            "" => ("application/json", b"{}".to_vec()),
            digest => ("application/octet-stream", blob(digest).ok()?),
        };
        // The configuration is small.
        if path.contains("/blobs/") && body.len() > 10_000 {
            let pause = *delay.lock().ok()?;
            std::thread::sleep(pause);
        }
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&body).ok()?;
    }
}

/// The bed's image as a layout that is served; the bed no longer has it.
fn served(bed: &Bed, delay: Duration) -> Served {
    let layout = bed.path("home/layout");
    bed.cove(&["push", "-q", IMAGE, &format!("oci:{}:1", layout.display())]).ok();
    bed.cove(&["rmi", IMAGE]).ok();
    Served::start(layout, delay)
}

const PULL: [&str; 3] = ["pull", "-q", "--tls-verify=false"];

#[test]
fn an_image_that_has_not_changed_is_asked_for_once() {
    everyone(|bed| {
        let served = served(bed, Duration::ZERO);
        let image = served.image();
        let pull = || bed.cove(&[&PULL[..], &[&image]].concat()).ok().to_owned();
        let id = pull();
        assert_eq!(served.asked().iter().filter(|path| path.contains("/blobs/")).count(), 2);
        assert_eq!(pull(), id);
        assert_eq!(served.asked(), ["/v2/ann/served/manifests/1"]);
    });
}

#[test]
fn pulls_at_once_share_the_work() {
    everyone(|bed| {
        let served = served(bed, Duration::from_millis(300));
        let image = served.image();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let pulls: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| bed.cove(&[&PULL[..], &[&image]].concat()).ok().to_owned()))
                .collect();
            pulls.into_iter().map(|pull| pull.join().expect("a pull")).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let (layer, asked) = (served.layer(), served.asked());
        assert_eq!(asked.iter().filter(|path| **path == layer).count(), 1, "{asked:?}");
        let locks = bed.path("rr/cove/locks");
        let left: Vec<_> = cove_sys::fs::read_dir(&locks)
            .expect("locks")
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("layer."))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    });
}

#[test]
fn a_killed_pull_holds_nobody_up() {
    everyone(|bed| {
        // Far longer than the first pull lives.
        let served = served(bed, Duration::from_secs(60));
        let image = served.image();
        let mut command = bed.command(&[&PULL[..], &[&image]].concat());
        let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a pull");
        let layer = served.layer();
        let is_asked = || served.asked.lock().expect("notes").contains(&layer).then_some(());
        wait_for("the layer", 60, is_asked);
        let log = bed.path("log");
        let file = cove_sys::fs::File::create(&log).expect("a file").into_file();
        let mut command = bed.command(&[&["--log-level", "info"], &PULL[..], &[&image]].concat());
        let mut second = command.stdout(Stdio::null()).stderr(file).spawn().expect("a pull");
        let said = || cove_sys::fs::read_to_string(&log).unwrap_or_default();
        let waits = || said().contains("another pull fetches the layer").then_some(());
        wait_for("the second pull to wait", 60, waits);
        served.answer_at_once();
        first.kill().expect("kill");
        first.wait().expect("its end");
        let status = wait_for("the second pull", 60, || second.try_wait().expect("its state"));
        assert!(status.success(), "{status}: {}", said());
        bed.cove(&["image", "exists", &image]).ok();
    });
}
