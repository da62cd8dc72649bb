//! The screen in a browser: static files, and one WebSocket for calls and events, on a loopback address only.
//!
//! Whoever has a token is the user. The one of an address lets one page in, once: it is in the fragment, which a browser
//! keeps to itself, and the page gets a token of its own for it, with which it may come again. What a browser remembers of
//! the address is worth nothing then. The `Host` and `Origin` headers are checked as well, so that another page cannot
//! reach us under a name of its own.

mod connections;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use bytes::Bytes;
use cove_api::{Error, ErrorKind, Result};
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use self::connections::Limits;
use crate::{Call, Desktop, Event, Failure, Reply};

/// The same as the window's (`tauri.conf.json`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Most of all static files together, in bytes.
const MOST_ASSETS: u64 = 64 << 20;
/// Longest message of a screen, in bytes.
const LONGEST_MESSAGE: usize = 1 << 20;
/// The WebSocket subprotocol.
const PROTOCOL: &str = "cove";
/// Prefix of the subprotocol that carries the token.
const TOKEN_PROTOCOL: &str = "token.";

/// How to serve.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// Where to listen: a loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder with the built user interface (`ui/dist`).
    pub assets: PathBuf,
}

/// Pages that may come again; with one more the oldest one has to be let in anew.
const MOST_PAGES: usize = 64;

struct Served {
    desktop: Arc<Desktop>,
    tokens: Mutex<Tokens>,
    ready: Box<dyn Fn(&str) + Send + Sync>,
    address: SocketAddr,
    /// `127.0.0.1:PORT` and `localhost:PORT`.
    hosts: Vec<String>,
    assets: Assets,
}

/// What is served, by its path: its type and itself.
type Assets = HashMap<String, (&'static str, Bytes)>;

/// Who is let in.
struct Tokens {
    /// Lets a page in, once.
    once: String,
    /// Those of the pages that were let in.
    pages: VecDeque<String>,
}

/// How a page is let in.
enum Entry {
    /// For the first time: this is its token.
    New(String),
    /// Again.
    Known,
}

#[derive(Deserialize)]
struct Question {
    id: u64,
    call: Call,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    Reply { id: u64, reply: Reply },
    Failure { id: u64, failure: Failure },
    Events { events: &'a [Event] },
    Token { token: String },
}

/// Serves `desktop` until `shutdown` is done. `ready` is given the address for the browser, with its token, and another
/// one whenever a page was let in by it.
///
/// # Errors
/// The address is none of loopback or cannot be listened on, or the files cannot be read.
pub async fn serve(
    desktop: Arc<Desktop>,
    options: WebOptions,
    ready: impl Fn(&str) + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    if !options.listen.ip().is_loopback() {
        return Err(Error::invalid(format!("{}: only a loopback address is served on", options.listen)));
    }
    let assets = read_assets(&options.assets)?;
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| Error::from(error).context(format!("listen on {}", options.listen)))?;
    let address = listener.local_addr()?;
    let tokens = Mutex::new(Tokens { once: token(), pages: VecDeque::new() });
    let mut hosts = vec![address.to_string(), format!("localhost:{}", address.port())];
    if address.port() == 80 {
        // Browsers leave the usual port out.
        hosts.extend([address.ip().to_string(), "localhost".to_owned()]);
    }
    let ready = Box::new(ready);
    let served = Arc::new(Served { desktop, tokens, ready, address, hosts, assets });
    served.tell_address();
    let router = Router::new().route("/rpc", any(rpc)).fallback(get(asset)).with_state(served);
    connections::serve(listener, router, Limits::default(), shutdown).await
}

/// 128 random bits.
fn token() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

/// The user interface is small, so it is held in memory: then no request names a file.
fn read_assets(folder: &Path) -> Result<Assets> {
    let mut assets = HashMap::new();
    let mut left = MOST_ASSETS;
    for (folder, prefix) in [(folder.to_owned(), "/"), (folder.join("assets"), "/assets/")] {
        for entry in cove_sys::fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if !metadata.is_file() {
                continue;
            }
            left = left.checked_sub(metadata.len()).ok_or_else(|| {
                Error::invalid(format!("{}: larger than a user interface can be", folder.display()))
            })?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = content_type(&name);
            assets.insert(format!("{prefix}{name}"), (kind, cove_sys::fs::read(entry.path())?.into()));
        }
    }
    if !assets.contains_key("/index.html") {
        return Err(Error::not_found(format!(
            "{}: no index.html; is the user interface built?",
            folder.display()
        )));
    }
    Ok(assets)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

impl Served {
    /// Whether the request comes to us under our own name and, where it says so, from our own page.
    fn is_ours(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let ours = |host: &str| self.hosts.iter().any(|own| own == host);
        text(header::HOST).is_some_and(ours)
            && text(header::ORIGIN).is_none_or(|origin| origin.strip_prefix("http://").is_some_and(ours))
    }

    /// Tells how a page is let in now.
    fn tell_address(&self) {
        let once = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).once.clone();
        (self.ready)(&format!("http://{}/#token={once}", self.address));
    }

    /// Lets a page in by the token that one of the offered subprotocols carries.
    fn enter(&self, headers: &HeaderMap) -> Option<Entry> {
        let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let mut tokens =
            offered.iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
        let shown = tokens.find_map(|text| text.trim().strip_prefix(TOKEN_PROTOCOL))?.as_bytes();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.pages.iter().any(|page| same(shown, page.as_bytes())) {
            return Some(Entry::Known);
        }
        if !same(shown, tokens.once.as_bytes()) {
            return None;
        }
        let page = token();
        tokens.once = token();
        if tokens.pages.len() == MOST_PAGES {
            tokens.pages.pop_front();
        }
        tokens.pages.push_back(page.clone());
        Some(Entry::New(page))
    }
}

/// Compares in a time that does not tell where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

async fn asset(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Response {
    if !served.is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let path = if uri.path() == "/" { "/index.html" } else { uri.path() };
    let Some((kind, bytes)) = served.assets.get(path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let heads = [
        (header::CONTENT_TYPE, *kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (heads, Body::from(bytes.clone())).into_response()
}

async fn rpc(State(served): State<Arc<Served>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !served.is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let token = match served.enter(&headers) {
        None => return StatusCode::FORBIDDEN.into_response(),
        Some(Entry::Known) => None,
        Some(Entry::New(token)) => {
            served.tell_address();
            Some(token)
        }
    };
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(LONGEST_MESSAGE)
        .on_upgrade(move |socket| talk(Arc::clone(&served.desktop), socket, token))
}

/// Serves one screen until it goes.
async fn talk(desktop: Arc<Desktop>, mut socket: WebSocket, token: Option<String>) {
    if let Some(token) = token
        && socket.send(Message::Text(encode(&Answer::Token { token }).into())).await.is_err()
    {
        return;
    }
    let mut batches = desktop.subscribe();
    let (answers, mut answered) = mpsc::channel::<Answer<'static>>(64);
    let mut flows = Vec::new();
    loop {
        let text = tokio::select! {
            batch = batches.recv() => match batch {
                Some(batch) => encode(&Answer::Events { events: &batch }),
                None => break,
            },
            Some(answer) = answered.recv() => {
                if let Answer::Reply { reply: Reply::Subscription { subscription }, .. } = &answer {
                    flows.push(*subscription);
                }
                encode(&answer)
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    match serde_json::from_str::<Question>(&text) {
                        Ok(question) => answer(&desktop, question, answers.clone()),
                        Err(error) => tracing::debug!("a screen sent what is no call: {error}"),
                    }
                    continue;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => continue,
            },
        };
        if socket.send(Message::Text(text.into())).await.is_err() {
            break;
        }
    }
    // The last answers reach nobody, and what they have opened is its own too.
    answered.close();
    while let Some(answer) = answered.recv().await {
        if let Answer::Reply { reply: Reply::Subscription { subscription }, .. } = answer {
            flows.push(subscription);
        }
    }
    // Nobody looks at its subscriptions any more. One that has ended already is no error.
    for subscription in flows {
        let _ = desktop.call(Call::Close { subscription }).await;
    }
}

/// Answers beside others: a stop may take ten seconds.
fn answer(desktop: &Arc<Desktop>, Question { id, call }: Question, answers: mpsc::Sender<Answer<'static>>) {
    let desktop = Arc::clone(desktop);
    tokio::spawn(async move {
        let answer = match desktop.call(call).await {
            Ok(reply) => Answer::Reply { id, reply },
            Err(failure) => Answer::Failure { id, failure },
        };
        // A screen that has gone needs no answer, and no subscription.
        if let Err(mpsc::error::SendError(Answer::Reply {
            reply: Reply::Subscription { subscription },
            ..
        })) = answers.send(answer).await
        {
            let _ = desktop.call(Call::Close { subscription }).await;
        }
    });
}

fn encode(answer: &Answer<'_>) -> String {
    serde_json::to_string(answer).unwrap_or_else(|error| {
        let failure = Failure::new(ErrorKind::Internal, error.to_string());
        serde_json::json!({ "id": 0, "failure": failure }).to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        for other in [&b"abd"[..], b"ab", b"", b"abcd"] {
            assert!(!same(b"abc", other));
        }
        assert_ne!(token(), token());
        assert_eq!(token().len(), 32);
    }
}
