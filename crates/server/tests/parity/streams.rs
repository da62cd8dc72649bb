//! What does not end with an answer: logs, events, attached streams.

use cove_api::*;
use cove_test_support::{BROKEN, FakeEngine, sample};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::filters;
use crate::service::Bed;

#[tokio::test]
async fn logs_and_events() {
    let bed = Bed::new().await;
    let wanted = LogOptions {
        tail: Some(5),
        since: Some(sample::time()),
        until: Some(sample::time()),
        stdout: true,
        stderr: true,
        follow: false,
    };
    for options in [wanted.clone(), LogOptions { stdout: true, ..LogOptions::default() }] {
        let here = bed.engine.containers().logs("one", options.clone()).await.unwrap();
        let here: Vec<_> = here.map(Result::unwrap).collect().await;
        let call = bed.engine.calls().pop().unwrap();
        let there = Engine::containers(&bed.client).logs("one", options).await.unwrap();
        let there: Vec<_> = there.map(Result::unwrap).collect().await;
        assert_eq!(there, here);
        assert!(bed.engine.calls().contains(&call), "{call}");
    }
    let follow = LogOptions { follow: true, ..wanted };
    let mut lines = Engine::containers(&bed.client).logs("one", follow).await.unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap().data, "one");
    let options = EventOptions {
        since: Some(sample::time()),
        until: Some(sample::time()),
        filters: filters(),
        stream: false,
    };
    let _: Vec<_> = bed.engine.events(options.clone()).await.unwrap().collect().await;
    let call = bed.engine.calls().pop().unwrap();
    let there = Engine::system(&bed.client).events(options).await.unwrap();
    let there: Vec<_> = there.map(Result::unwrap).collect().await;
    assert_eq!(there, [sample::event("died"), sample::event("remove")]);
    assert_eq!(bed.engine.calls(), [call]);
}

/// A stream that fails must not look like one that has ended.
#[tokio::test]
async fn events_that_break_off() {
    let bed = Bed::new().await;
    let filters = Filters::from([("container".into(), vec!["half".into()])]);
    // What was written just before may be lost with the connection.
    if let Ok(events) =
        Engine::system(&bed.client).events(EventOptions { filters, ..EventOptions::default() }).await
    {
        let events: Vec<_> = events.collect().await;
        assert!(events.last().is_some_and(Result::is_err), "{events:?}");
    }
    let path = "/events?stream=0&filters={\"container\":[\"half\"]}";
    let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    let answer = bed.raw(request.as_bytes()).await;
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
}

/// Sends `input`, ends it, and collects both outputs.
async fn converse(attached: AttachStream, input: &[u8]) -> (String, String) {
    let AttachStream { input: writer, mut output } = attached;
    let mut writer = writer.expect("an input");
    writer.write_all(input).await.unwrap();
    writer.shutdown().await.unwrap();
    let mut texts = (String::new(), String::new());
    while let Some(chunk) = output.next().await {
        let chunk = chunk.unwrap();
        let text = if chunk.stream == OutputStream::Stdout { &mut texts.0 } else { &mut texts.1 };
        text.push_str(std::str::from_utf8(&chunk.data).unwrap());
    }
    texts
}

#[tokio::test]
async fn attached_streams() {
    let everything =
        AttachOptions { stdin: true, stdout: true, stderr: true, logs: true, ..AttachOptions::default() };
    let keys = AttachOptions { detach_keys: Some("ctrl-a,x".into()), ..everything.clone() };
    for terminal in [false, true] {
        let bed = Bed::with(FakeEngine::default().with_terminal(terminal), None).await;
        // A terminal has one output.
        let expected = if terminal { ("HELLOend", "") } else { ("HELLO", "end") };
        for options in [everything.clone(), keys.clone()] {
            drop(bed.engine.containers().attach("one", options.clone()).await.unwrap());
            let call = bed.engine.calls().pop().unwrap();
            let attached = Engine::containers(&bed.client).attach("one", options).await.unwrap();
            assert!(bed.engine.calls().contains(&call), "{call}");
            let (out, err) = converse(attached, b"hello").await;
            assert_eq!((out.as_str(), err.as_str()), expected);
        }
        let attached =
            Engine::execs(&bed.client).start("session", ExecStartOptions::default()).await.unwrap();
        let (out, err) = converse(attached.unwrap(), b"hello").await;
        assert_eq!((out.as_str(), err.as_str()), expected);
    }
    let bed = Bed::new().await;
    let error = Engine::containers(&bed.client).attach(BROKEN, everything).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let without = AttachOptions { stdout: true, stderr: true, ..AttachOptions::default() };
    let attached = Engine::containers(&bed.client).attach("one", without).await.unwrap();
    assert!(attached.input.is_none());
    assert_eq!(attached.output.map(|chunk| chunk.unwrap().data).collect::<Vec<_>>().await, ["out", "end"]);
}

/// More than every buffer on the way holds, both ways at once.
#[tokio::test]
async fn much_input_and_output() {
    let bed = Bed::new().await;
    let options = AttachOptions { stdin: true, stdout: true, stderr: true, ..AttachOptions::default() };
    let AttachStream { input, mut output } =
        Engine::containers(&bed.client).attach("one", options).await.unwrap();
    let mut input = input.unwrap();
    let writer = tokio::spawn(async move {
        for _ in 0..1000 {
            input.write_all(&[b'a'; 4096]).await.unwrap();
        }
        input.shutdown().await.unwrap();
        input
    });
    let mut length = 0;
    while let Some(chunk) = output.next().await {
        length += chunk.unwrap().data.len();
    }
    assert_eq!(length, 1000 * 4096 + 3);
    writer.await.unwrap();
}

#[tokio::test]
async fn messages_of_a_websocket_are_the_streams() {
    let bed = Bed::new().await;
    let mut stream = bed.connect().await;
    let head = "GET /v1.41/containers/one/attach/ws?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\n\
        Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    // RFC 6455 has this key and its answer as an example.
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    stream.write_all(b"\x82\x85\0\0\0\0hello").await.unwrap();
    let mut frame = [0; 7];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(&frame, b"\x82\x05HELLO");
    stream.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest);
    let _ = tokio::time::timeout(std::time::Duration::from_secs(20), read).await.expect("an end");
    let (status, answer) = bed.json("GET", "/containers/one/attach/ws", "").await;
    assert!(status >= 400 && answer["message"].is_string(), "{status} {answer}");
}
