//! A service that answers what the test wrote down: libpod's routes, one request on each connection.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

/// The service; it goes with the test's process.
pub(crate) struct Service {
    folder: tempfile::TempDir,
}

/// Answers by path, such as `/containers/json`.
pub(crate) type Answers = BTreeMap<&'static str, Value>;

impl Service {
    /// Starts to answer; whatever has no answer does not exist.
    pub(crate) fn start(answers: Answers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let answers = Arc::new(answers);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let answers = Arc::clone(&answers);
                std::thread::spawn(move || answer(connection, &answers));
            }
        });
        Self { folder }
    }

    /// A folder for the command's own files.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.folder.path().join("s").display())
    }
}

fn answer(mut connection: UnixStream, answers: &Answers) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&piece[..count]),
        }
    }
    let text = String::from_utf8_lossy(&request);
    let target = text.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let path = path.split_once("/libpod").map_or(path, |(_, path)| path);
    let (status, body) = match answers.get(path) {
        Some(body) => ("200 OK", body.clone()),
        None => {
            let name = path.split('/').nth(2).unwrap_or_default();
            let name = name.replace("%1B", "\u{1b}").replace("%0A", "\n");
            let message = format!("no such object: {name}");
            ("404 Not Found", json!({"cause": "missing", "message": message, "response": 404}))
        }
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nLibpod-API-Version: 5.0.0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // A client that has gone wants no answer.
    let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(body.as_bytes()));
}
