//! Hostile requests by the hundred: made from tables, and from the declarations of all routes, so that a new route is
//! tested by itself.
//!
//! The verdict on each is the same: it ends in time; what is wrong is refused before the engine is asked, by one message
//! of one line that names the object and has no character that acts on a terminal; and all the while another client has
//! its answer within a second.

mod bodies;
mod heads;
mod names;
mod parameters;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::service::{Bed, unchunk};

/// Within so long every request has ended.
const IN_TIME: Duration = Duration::from_secs(5);

/// Another client waits no longer for its answer. The machine itself may be slow once, so that two in a row are a fault.
const PING: Duration = Duration::from_secs(1);

/// So many bytes a message has at most.
const LONGEST_MESSAGE: usize = 8 << 10;

/// A text that acts on a terminal, forges a second message and turns the direction, in the encoding of a URL.
const HOSTILE: &str = "no%1B%5D0;title%07%0AError:%20forged%C2%9B%E2%80%AE";

/// What is right for a request.
#[derive(Debug, Clone)]
enum Right {
    /// One of these statuses and a message that holds the text. The engine is not asked.
    Refused(&'static [u16], String),
    /// An answer, but no failure of the service itself.
    Answered,
    /// It ends, if with nothing.
    Ended,
}

impl Right {
    fn refused(named: &str) -> Self {
        Self::Refused(&[400], named.to_owned())
    }
}

/// One request, and what is right.
#[derive(Debug)]
struct Case {
    what: String,
    bytes: Vec<u8>,
    right: Right,
}

impl Case {
    /// A well-formed request with a body; what answers by a stream is asked not to.
    fn request(method: &str, target: &str, body: &[u8], right: Right) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let length = body.len();
        let head = format!(
            "{method} {path}?stream=false&follow=false&{query} HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        if body.len() > 200 {
            let _ = write!(shown, "… ({} bytes)", body.len());
        }
        Self {
            what: format!("{method} {} {shown:?}", &target[..target.len().min(300)]),
            bytes: [head.as_bytes(), body].concat(),
            right,
        }
    }
}

/// Sends the cases one after the other and tells of all that were not taken as is right.
async fn judge(cases: Vec<Case>, at_least: usize) {
    assert!(cases.len() >= at_least, "only {} cases were made", cases.len());
    let bed = Arc::new(Bed::new().await);
    let pings = tokio::spawn(ping(Arc::clone(&bed)));
    let mut faults = Vec::new();
    for case in &cases {
        if let Err(fault) = verdict(&bed, case).await {
            faults.push(format!("{}: {fault}", case.what));
        }
        // A suite in which everything hangs still ends.
        if faults.len() > 40 {
            break;
        }
    }
    assert!(!pings.is_finished(), "{}", pings.await.expect_err("it never ends by itself"));
    pings.abort();
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// Asks for a sign of life until it is told to end; panics where there is none.
async fn ping(bed: Arc<Bed>) {
    let mut late = 0;
    loop {
        let begin = Instant::now();
        let (status, _) = bed.request("GET", "/_ping", "").await;
        assert_eq!(status, 200, "a sign of life");
        late = if begin.elapsed() > PING { late + 1 } else { 0 };
        assert!(late < 2, "the service had no answer for another client for {:?}", begin.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn verdict(bed: &Bed, case: &Case) -> Result<(), String> {
    // The pings of the other client are calls, too.
    let calls = || bed.engine.calls().into_iter().filter(|call| call != "ping").collect::<Vec<_>>();
    calls();
    let answer = tokio::time::timeout(IN_TIME, exchange(bed, &case.bytes)).await;
    let answer = answer.map_err(|_| format!("does not end within {IN_TIME:?}"))?;
    let calls = calls();
    if answer.is_empty() {
        return match case.right {
            Right::Ended => Ok(()),
            _ => Err("no answer".to_owned()),
        };
    }
    let text = String::from_utf8_lossy(&answer);
    let text = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text);
    let (head, body) =
        text.split_once("\r\n\r\n").ok_or_else(|| format!("an answer without a head: {text:?}"))?;
    let status: u16 = head
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| format!("no status: {head:?}"))?;
    if let Some(letter) = head.chars().find(|letter| acts(*letter) && *letter != '\r') {
        return Err(format!("{letter:?} in the head of the answer: {head:?}"));
    }
    if head.lines().any(|line| line.to_ascii_lowercase().starts_with("x-forged")) {
        return Err(format!("a header of the client's own in the answer: {head:?}"));
    }
    if status < 400 {
        return match &case.right {
            Right::Refused(..) => Err(format!("is taken: {status} {body}")),
            _ => Ok(()),
        };
    }
    let is_head = case.bytes.starts_with(b"HEAD ");
    let message = if is_head { String::new() } else { message(head, body)? };
    match &case.right {
        Right::Refused(statuses, named) => {
            if !statuses.contains(&status) {
                return Err(format!("{status} in place of {statuses:?}: {message}"));
            }
            if !is_head && !message.contains(named.as_str()) {
                return Err(format!("{named:?} is not in {message:?}"));
            }
            if !calls.is_empty() {
                return Err(format!("the engine was asked: {calls:?}"));
            }
        }
        // The engine of the tests finds every container busy.
        _ if status >= 500 && ![501, 503, 505].contains(&status) && message != "busy" => {
            return Err(format!("a failure of the service: {status} {message}"));
        }
        _ => {}
    }
    Ok(())
}

/// The message of a refusal, if it is one that may be shown.
fn message(head: &str, body: &str) -> Result<String, String> {
    let head_lower = head.to_ascii_lowercase();
    let length = head_lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(body.len());
    let body = match head_lower.contains("transfer-encoding: chunked") {
        true => unchunk(body),
        // Another answer may follow.
        false => body.get(..length).unwrap_or(body).to_owned(),
    };
    let json: serde_json::Value =
        serde_json::from_str(&body).map_err(|error| format!("{head}: {error}: {body:?}"))?;
    let message = json["message"].as_str().unwrap_or_default();
    if message.trim().is_empty() {
        return Err(format!("a refusal without a reason: {body}"));
    }
    if message.len() > LONGEST_MESSAGE {
        return Err(format!("a message of {} bytes", message.len()));
    }
    match message.chars().find(|letter| acts(*letter)) {
        Some(letter) => Err(format!("{letter:?} in the message {message:?}")),
        None if message.contains('\n') => Err(format!("more than one line: {message:?}")),
        None => Ok(message.to_owned()),
    }
}

/// Characters that do something else than being seen.
fn acts(letter: char) -> bool {
    letter != '\n' && letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Sends the bytes, ends the sending side and reads to the end.
async fn exchange(bed: &Bed, bytes: &[u8]) -> Vec<u8> {
    let stream = bed.connect().await;
    let (mut from, mut to) = stream.into_split();
    let write = async {
        // A service that refuses early does not read all of it.
        let _ = to.write_all(bytes).await;
        let _ = to.shutdown().await;
    };
    let read = async {
        let mut answer = Vec::new();
        let _ = from.read_to_end(&mut answer).await;
        answer
    };
    tokio::join!(write, read).1
}
