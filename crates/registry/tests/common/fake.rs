//! A registry on loopback that answers as badly as a test wants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub authorization: Option<String>,
    pub range: Option<String>,
    pub body: Vec<u8>,
    /// How often this path was asked for before.
    pub before: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Close after so many bytes of the body.
    pub cut: Option<usize>,
    /// Say nothing at all.
    pub silent: bool,
    /// One byte each time, this far apart.
    pub drip: Option<Duration>,
    /// Without Content-Length, and for ever.
    pub endless: bool,
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), ..Self::default() }
    }

    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }
}

pub struct Fake {
    pub port: u16,
    log: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub async fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let counts = Arc::new(Mutex::new(HashMap::new()));
        let handler = Arc::new(handler);
        let shared = log.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, log, counts) = (handler.clone(), shared.clone(), counts.clone());
                tokio::spawn(async move { serve(stream, handler, log, counts).await });
            }
        });
        Self { port, log, task }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn log(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    pub fn count(&self, part: &str) -> usize {
        self.log().iter().filter(|seen| seen.path.contains(part)).count()
    }
}

async fn serve(
    mut stream: TcpStream,
    handler: Arc<impl Fn(&Seen) -> Reply>,
    log: Arc<Mutex<Vec<Seen>>>,
    counts: Arc<Mutex<HashMap<String, usize>>>,
) -> Option<()> {
    let mut data = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = data.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            // A TLS greeting: this server speaks none.
            if data.first() == Some(&0x16) {
                let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").await;
                return None;
            }
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
            data.extend_from_slice(&piece[..count]);
        };
        let head = String::from_utf8_lossy(&data[..end]).into_owned();
        data.drain(..end);
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers: HashMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        if headers.get("transfer-encoding").is_some_and(|value| value == "chunked") {
            loop {
                let line_end = loop {
                    if let Some(end) = data.windows(2).position(|window| window == b"\r\n") {
                        break end;
                    }
                    read_more(&mut stream, &mut data).await?;
                };
                let size =
                    usize::from_str_radix(String::from_utf8_lossy(&data[..line_end]).trim(), 16).ok()?;
                while data.len() < line_end + 2 + size + 2 {
                    read_more(&mut stream, &mut data).await?;
                }
                body.extend_from_slice(&data[line_end + 2..line_end + 2 + size]);
                data.drain(..line_end + 2 + size + 2);
                if size == 0 {
                    break;
                }
            }
        } else {
            while data.len() < length {
                read_more(&mut stream, &mut data).await?;
            }
            body.extend(data.drain(..length));
        }
        let before = {
            let mut counts = counts.lock().unwrap();
            let count = counts.entry(path.clone()).or_insert(0);
            *count += 1;
            *count - 1
        };
        let seen = Seen {
            method: method.clone(),
            path,
            authorization: headers.get("authorization").cloned(),
            range: headers.get("range").cloned(),
            body,
            before,
        };
        log.lock().unwrap().push(seen.clone());
        let reply = handler(&seen);
        if reply.silent {
            std::future::pending::<()>().await;
        }
        let mut text = format!("HTTP/1.1 {} X\r\n", reply.status);
        for (name, value) in &reply.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !reply.endless && !reply.headers.iter().any(|(name, _)| name == "Content-Length") {
            text.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
        }
        text.push_str("\r\n");
        stream.write_all(text.as_bytes()).await.ok()?;
        if method == "HEAD" {
            continue;
        }
        if reply.endless {
            loop {
                stream.write_all(&[b' '; 65536]).await.ok()?;
            }
        }
        if let Some(pause) = reply.drip {
            for byte in &reply.body {
                stream.write_all(&[*byte]).await.ok()?;
                tokio::time::sleep(pause).await;
            }
            continue;
        }
        let end = reply.cut.unwrap_or(reply.body.len());
        stream.write_all(&reply.body[..end]).await.ok()?;
        if reply.cut.is_some() {
            stream.flush().await.ok()?;
            return None;
        }
    }
}

async fn read_more(stream: &mut TcpStream, data: &mut Vec<u8>) -> Option<()> {
    let mut piece = vec![0; 65536];
    let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
    data.extend_from_slice(&piece[..count]);
    Some(())
}
