//! Cove's own routes, asked of the engine itself and of the client.

use bytes::Bytes;
use cove_api::*;
use futures_util::{StreamExt as _, stream};

use crate::client::same;
use crate::service::Bed;
use cove_test_support::BROKEN;

fn trees() -> impl Iterator<Item = FileTree> {
    let named = |kind| ["one", BROKEN, "with/slash and ?#%"].map(|name| FileTree::new(kind, name));
    TreeKind::ALL.into_iter().flat_map(named)
}

async fn whole(data: ByteStream) -> Vec<u8> {
    let pieces: Vec<Bytes> = data.map(Result::unwrap).collect().await;
    pieces.concat()
}

#[tokio::test]
async fn folders_and_tars() {
    let bed = Bed::new().await;
    for tree in trees() {
        let options = FileListOptions { path: "/ä b?".into(), after: "bmV4dA".into(), limit: 7 };
        let _ = same!(bed, files, list_files(&tree, options.clone()));
        let _ = same!(bed, files, list_files(&tree, FileListOptions::default()));
        bed.engine.calls();
        match Engine::files(&bed.client).pack_files(&tree, "/ä b").await {
            Ok(found) => {
                assert_eq!(found.stat.size, 10);
                assert_eq!(whole(found.archive).await, b"packed");
            }
            Err(error) => assert_eq!((tree.name.as_str(), error.kind), (BROKEN, ErrorKind::NotFound)),
        }
        assert_eq!(bed.engine.calls(), [format!("pack_files {tree:?} /ä b")]);
    }
    // What is wrong does not reach the engine.
    let tree = FileTree::new(TreeKind::Volume, "one");
    for options in [
        FileListOptions { limit: 0, ..FileListOptions::default() },
        FileListOptions { path: String::new(), ..FileListOptions::default() },
    ] {
        let error = Engine::files(&bed.client).list_files(&tree, options).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidArgument);
    }
    for (method, target) in [
        ("GET", "/cove/volumes/one/files?limit=5001"),
        ("GET", "/cove/volumes/one/file"),
        ("GET", "/cove/volumes/one/tar"),
        ("PUT", "/cove/volumes/one/file?path=/a&mode=9"),
    ] {
        let (status, body) = bed.json(method, target, "").await;
        assert_eq!((status, body["kind"].as_str()), (400, Some("InvalidArgument")), "{target}");
    }
    assert_eq!(bed.engine.calls(), [""; 0]);
}

#[tokio::test]
async fn files() {
    let bed = Bed::new().await;
    for tree in trees() {
        for part in [
            None,
            Some(FilePart::From(2, Some(4))),
            Some(FilePart::From(7, None)),
            Some(FilePart::Last(2)),
            Some(FilePart::From(10, None)),
        ] {
            let options = FileReadOptions { path: "/ä b".into(), part };
            let here = bed.engine.read_file(&tree, options.clone()).await;
            let call = bed.engine.calls();
            let there = Engine::files(&bed.client).read_file(&tree, options).await;
            assert_eq!(bed.engine.calls(), call);
            match (here, there) {
                (Ok(here), Ok(there)) => {
                    let facts = |data: &FileData| (data.stat.clone(), data.offset, data.length, data.partial);
                    assert_eq!(facts(&there), facts(&here), "{part:?}");
                    assert_eq!(whole(there.data).await, whole(here.data).await);
                }
                (here, there) => assert_eq!(there.unwrap_err(), here.unwrap_err()),
            }
        }
        let data = || -> ByteStream { Box::pin(stream::iter(["a", "b"].map(|text| Ok(Bytes::from(text))))) };
        let options = FileWriteOptions { path: "/ä b".into(), mode: "0640".into() };
        bed.engine.calls();
        let here = bed.engine.write_file(&tree, options.clone(), data()).await;
        let call = bed.engine.calls();
        let there = Engine::files(&bed.client).write_file(&tree, options, data()).await;
        assert_eq!((there, bed.engine.calls()), (here, call));
    }
    let get = |range: &str| {
        format!(
            "GET /cove/images/quay.io/a/b/file?path=/x HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{range}\r\n"
        )
    };
    for (range, head, body) in [
        ("", "HTTP/1.1 200", "0123456789"),
        ("Range: bytes=1-2\r\n", "HTTP/1.1 206", "12"),
        ("Range: bytes=1-2\r\nIf-Range: \"x\"\r\n", "HTTP/1.1 200", "0123456789"),
        ("Range: bytes=1-2,5-\r\n", "HTTP/1.1 200", "0123456789"),
    ] {
        let answer = bed.raw(get(range).as_bytes()).await;
        assert!(answer.starts_with(head) && answer.ends_with(&format!("\r\n\r\n{body}")), "{range}{answer}");
        let lower = answer.to_ascii_lowercase();
        assert!(lower.contains(&format!("content-length: {}\r\n", body.len())), "{answer}");
    }
}

#[tokio::test]
async fn what_there_is_and_what_changes() {
    let bed = Bed::new().await;
    for options in [FollowOptions::default(), FollowOptions { since: Some(u64::MAX), feed: "a b".into() }] {
        let call = format!("follow {options:?}");
        let here: Vec<_> = bed.engine.follow(options.clone()).await.unwrap().take(2).collect().await;
        bed.engine.calls();
        let there: Vec<_> =
            Engine::system(&bed.client).follow(options).await.unwrap().take(2).collect().await;
        assert_eq!(there, here);
        assert_eq!(bed.engine.calls(), [call]);
    }
    // The engine's stream ends with its client.
    crate::service::wait_for("the end of the streams", || bed.engine.live_streams() == 0).await;
}
