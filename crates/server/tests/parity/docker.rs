//! Docker's JSON shapes, as clients read them.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::service::Bed;
use cove_test_support::FakeEngine;

/// That `found` has at least the fields of `wanted`.
#[track_caller]
fn has(found: &Value, wanted: Value) {
    match wanted {
        Value::Object(fields) => fields.into_iter().for_each(|(key, value)| {
            assert!(found.get(&key).is_some(), "no {key} in {found}");
            has(&found[&key], value);
        }),
        wanted => assert_eq!(*found, wanted),
    }
}

#[tokio::test]
async fn ping_and_version() {
    let bed = Bed::new().await;
    for method in ["GET", "HEAD"] {
        let answer = bed
            .raw(format!("{method} /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n").as_bytes())
            .await;
        let lower = answer.to_ascii_lowercase();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        for header in ["api-version: 1.44", "ostype: linux", "docker-experimental: false", "server: libpod/"]
        {
            assert!(lower.contains(header), "{header} in {answer}");
        }
        assert_eq!(answer.ends_with("OK"), method == "GET");
    }
    let (status, version) = bed.json("GET", "/v1.24/version", "").await;
    assert_eq!(status, 200);
    has(
        &version,
        json!({"Version": "0.1.0", "ApiVersion": "1.44", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"}),
    );
    let (_, info) = bed.json("GET", "/v1.44/info", "").await;
    has(&info, json!({"Containers": 1, "ContainersStopped": 1, "OSType": "linux", "NCPU": 2, "Name": "h"}));
}

#[tokio::test]
async fn containers() {
    let bed = Bed::new().await;
    let (_, list) = bed.json("GET", "/v1.44/containers/json?all=1&size=1", "").await;
    has(
        &list[0],
        json!({
            "Id": "c".repeat(64), "Names": ["/one"], "Image": "localhost/image:1",
            "ImageID": format!("sha256:{}", "a".repeat(64)), "Command": "sleep 9", "Created": 1_700_000_000,
            "State": "exited", "Labels": {"l": "1"}, "SizeRw": 2, "SizeRootFs": 10,
            "Ports": [
                {"PrivatePort": 80, "PublicPort": 8080, "IP": "0.0.0.0", "Type": "tcp"},
                {"PrivatePort": 81, "PublicPort": 8081, "IP": "0.0.0.0", "Type": "tcp"}
            ],
        }),
    );
    assert!(list[0]["Status"].as_str().unwrap().starts_with("Exited (3) "));
    // What Compose looks for to tell whether a container is still what its file says.
    has(
        &list[0],
        json!({
            "HostConfig": {"NetworkMode": "bridge"},
            "NetworkSettings": {"Networks": {"bridge": {"NetworkID": "d".repeat(64)}}},
        }),
    );
    has(&list[0]["Mounts"][0], json!({"Type": "volume", "Name": "data", "Destination": "/data", "RW": true}));
    let (_, inspect) = bed.json("GET", "/v1.44/containers/one/json", "").await;
    has(
        &inspect,
        json!({"Name": "/one", "Image": format!("sha256:{}", "a".repeat(64)), "Config": {"Image": "localhost/image:1"}}),
    );
    let (status, error) = bed.json("GET", "/v1.44/containers/broken/json", "").await;
    assert_eq!((status, error["message"].as_str()), (404, Some("No such container: broken")));
    let (status, made) = bed
        .json("POST", "/v1.44/containers/create?name=/n", r#"{"Image":"i","HostConfig":{"Binds":null}}"#)
        .await;
    assert_eq!((status, made), (201, json!({"Id": "c".repeat(64), "Warnings": ["careful"]})));
    let (status, error) = bed.json("POST", "/v1.44/containers/create", r#"{"Image":"broken"}"#).await;
    assert_eq!((status, error["message"].as_str()), (404, Some("No such image: broken")));
    // A container that runs already.
    assert_eq!(bed.request("POST", "/containers/one/start", "").await.0, 304);
    assert_eq!(bed.request("POST", "/containers/one/stop?t=1", "").await.0, 204);
    let (_, top) = bed.json("GET", "/containers/one/top?ps_args=pid", "").await;
    assert_eq!(top, json!({"Titles": ["PID"], "Processes": [["1"]]}));
}

#[tokio::test]
async fn a_paused_container_runs_and_can_be_stopped() {
    let engine = FakeEngine::living(&[("paused", "paused"), ("ended", "exited")]);
    let bed = Bed::with(engine, None).await;
    let (_, inspect) = bed.json("GET", "/v1.44/containers/paused/json", "").await;
    has(&inspect["State"], json!({"Status": "paused", "Running": true, "Paused": true}));
    bed.engine.calls();
    // The engine refuses to stop what cannot heed the signal.
    for verb in ["stop", "restart"] {
        // Also for one that has ended the engine is asked, which waits for a start that is under way.
        for (name, status, is_thawed) in [("paused", 204, true), ("ended", 304, false)] {
            if (verb, name) == ("restart", "ended") {
                continue;
            }
            let path = format!("/v1.44/containers/{name}/{verb}");
            let (found, answer) = bed.request("POST", &path, "").await;
            assert_eq!(found, status, "{verb} {name}: {answer}");
            let calls = bed.engine.calls();
            let at = |start: String| calls.iter().position(|call| call.starts_with(&start));
            let (thawed, stopped) = (at(format!("unpause {name}")), at(format!("{verb} {name} ")));
            assert_eq!((thawed.is_some(), stopped.is_some()), (is_thawed, true), "{verb} {name}: {calls:?}");
            assert!(thawed <= stopped, "{verb} {name}: {calls:?}");
        }
        bed.engine.set("paused", "paused");
    }
}

#[tokio::test]
async fn waits() {
    let bed = Bed::new().await;
    assert_eq!(bed.json("POST", "/v1.44/containers/one/wait", "").await, (200, json!({"StatusCode": 7})));
    for condition in ["next-exit", "removed"] {
        let path = format!("/v1.44/containers/one/wait?condition={condition}");
        assert_eq!(bed.json("POST", &path, "").await, (200, json!({"StatusCode": 3})));
    }
    assert_eq!(bed.request("POST", "/containers/one/wait?condition=never", "").await.0, 400);
    // The head comes at once, the body when the container has ended.
    let mut stream = bed.connect().await;
    stream
        .write_all(b"POST /containers/idle/wait HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
}

#[tokio::test]
async fn what_has_two_paths_has_one_answer() {
    let bed = Bed::new().await;
    for (one, other) in [
        ("/containers/one/stats?stream=false", "/libpod/containers/one/stats?stream=false"),
        ("/libpod/networks/n/json", "/libpod/networks/n"),
    ] {
        let (answer, same) = (bed.json("GET", one, "").await, bed.json("GET", other, "").await);
        assert_eq!(answer.0, 200, "{one}");
        assert_eq!(answer, same, "{other}");
    }
    assert_eq!(bed.json("GET", "/plugins", "").await, (200, serde_json::json!([])));
}

#[tokio::test]
async fn logs_are_framed_but_a_terminals() {
    let frames = "\u{1}\0\0\0\0\0\0\u{4}one\n\u{2}\0\0\0\0\0\0\u{4}two \u{2}\0\0\0\0\0\0\u{1}\n";
    for (terminal, expected) in [(false, frames), (true, "one\ntwo \n")] {
        let bed = Bed::with(FakeEngine::default().with_terminal(terminal), None).await;
        let (_, body) = bed.request("GET", "/containers/one/logs?stdout=1&stderr=1&tail=all", "").await;
        assert_eq!(body, expected);
    }
    let bed = Bed::new().await;
    let (_, body) = bed.request("GET", "/containers/one/logs?stdout=1&timestamps=1", "").await;
    assert!(body.contains("2023-11-14T22:13:20.123Z one\n"), "{body}");
    assert_eq!(bed.request("GET", "/containers/one/logs", "").await.0, 400);
}

/// What is the caller's with an engine in its own process would be the service's here.
#[tokio::test]
async fn nothing_of_the_service_goes_into_containers() {
    let bed = Bed::new().await;
    for (path, body) in [
        ("/libpod/containers/create", r#"{"image": "i", "groups": ["keep-groups"]}"#),
        ("/libpod/containers/create", r#"{"image": "i", "groups": ["wheel,keep-groups"]}"#),
        ("/containers/create", r#"{"Image": "i", "HostConfig": {"GroupAdd": ["keep-groups"]}}"#),
    ] {
        let (status, answer) = bed.request("POST", path, body).await;
        assert!(status == 501 && answer.contains("keep-groups"), "{path}: {status} {answer}");
    }
    assert_eq!(bed.engine.calls(), [""; 0]);
}

#[tokio::test]
async fn hijacked_streams() {
    let bed = Bed::new().await;
    for path in ["/containers/one/attach?stream=1&stdin=1&stdout=1&stderr=1", "/exec/session/start"] {
        let mut stream = bed.connect().await;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.write_all(b"hi").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        assert!(
            answer.to_ascii_lowercase().contains("application/vnd.docker.multiplexed-stream"),
            "{answer}"
        );
        assert!(answer.ends_with("\r\n\r\n\u{1}\0\0\0\0\0\0\u{2}HI\u{2}\0\0\0\0\0\0\u{3}end"), "{answer:?}");
    }
}

#[tokio::test]
async fn without_a_stream_attach_gives_the_log() {
    let bed = Bed::new().await;
    let frames = "\u{1}\0\0\0\0\0\0\u{4}one\n\u{2}\0\0\0\0\0\0\u{4}two \u{2}\0\0\0\0\0\0\u{1}\n";
    for flavour in ["", "/libpod"] {
        let path = format!("{flavour}/containers/one/attach?stream=0&logs=1&stdout=1&stderr=1");
        assert_eq!(bed.request("POST", &path, "").await, (200, frames.to_owned()), "{path}");
        assert!(!bed.engine.calls().iter().any(|call| call.starts_with("attach")), "{path}");
    }
}

/// As Podman 4's clients do it.
#[tokio::test]
async fn plain_requests_are_taken_over_too() {
    let bed = Bed::new().await;
    for path in ["/v4.3.1/libpod/exec/session/start", "/containers/one/attach?stdin=1&stdout=1&stderr=1"] {
        let mut stream = bed.connect().await;
        let request = format!("POST {path} HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{{}}");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.write_all(b"hi").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("upgrade"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n\u{1}\0\0\0\0\0\0\u{2}HI\u{2}\0\0\0\0\0\0\u{3}end"), "{answer:?}");
    }
}

#[tokio::test]
async fn without_an_upgrade_the_body_is_the_input() {
    let bed = Bed::new().await;
    let (status, body) =
        bed.request("POST", "/containers/one/attach?stream=1&stdin=1&stdout=1&stderr=1", "hi").await;
    assert_eq!((status, body.as_str()), (200, "\u{1}\0\0\0\0\0\0\u{2}HI\u{2}\0\0\0\0\0\0\u{3}end"));
}

#[tokio::test]
async fn a_command_that_is_missing_is_told_in_the_stream() {
    let bed = Bed::new().await;
    let (status, body) = bed.request("POST", "/exec/missing/start", "{}").await;
    assert_eq!(status, 200);
    assert!(body.contains("executable file not found in $PATH"), "{body}");
    let (status, session) = bed.json("GET", "/exec/session/json", "").await;
    assert_eq!(status, 200);
    has(
        &session,
        json!({"ID": "session", "Running": false, "ExitCode": 4, "ProcessConfig": {"entrypoint": "sh"}}),
    );
}

#[tokio::test]
async fn images() {
    let bed = Bed::new().await;
    let id = format!("sha256:{}", "a".repeat(64));
    let (_, list) = bed.json("GET", "/v1.44/images/json", "").await;
    has(&list[0], json!({"Id": id, "RepoTags": ["localhost/image:1"], "Size": 42, "Created": 1_700_000_000}));
    let (_, inspect) = bed.json("GET", "/v1.44/images/quay.io/a/b:1/json", "").await;
    has(&inspect, json!({"Id": id, "Os": "linux", "Config": {"Cmd": ["sh"]}}));
    assert!(bed.engine.calls().contains(&"image inspect quay.io/a/b:1".to_owned()));
    let (_, removed) = bed.json("DELETE", "/v1.44/images/localhost/image:1", "").await;
    assert_eq!(removed, json!([{"Untagged": "localhost/image:1"}, {"Deleted": id}]));
    assert_eq!(bed.request("DELETE", "/v1.44/images/broken", "").await.0, 409);
    let (status, body) = bed.request("POST", "/v1.44/images/create?fromImage=quay.io/a&tag=1", "").await;
    assert_eq!(status, 200);
    let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({"status": "Trying to pull image..."}));
    assert_eq!(
        lines[1],
        json!({"status": "Downloading", "id": "d".repeat(12), "progressDetail": {"current": 5, "total": 10}})
    );
    let (_, body) = bed.request("POST", "/v1.44/images/create?fromImage=half", "").await;
    let last: Value = serde_json::from_str(body.lines().last().unwrap()).unwrap();
    assert_eq!(last["errorDetail"], json!({"message": "denied"}));
    let (_, loaded) = bed.request("POST", "/v1.44/images/load?quiet=1", "tar").await;
    assert!(loaded.contains("Loaded image: localhost/image:1"), "{loaded}");
}

#[tokio::test]
async fn volumes_and_networks() {
    let bed = Bed::new().await;
    let (_, list) = bed.json("GET", "/v1.44/volumes", "").await;
    has(&list["Volumes"][0], json!({"Name": "v", "Driver": "local", "Mountpoint": "/v", "Scope": "local"}));
    let (status, made) =
        bed.json("POST", "/v1.44/volumes/create", r#"{"Name":"w","DriverOpts":null,"Labels":{}}"#).await;
    assert_eq!((status, made["Name"].as_str()), (201, Some("w")));
    let (_, list) = bed.json("GET", "/v1.44/networks", "").await;
    has(&list[0], json!({"Name": "bridge", "Driver": "bridge", "Scope": "local"}));
    let (_, inspect) = bed.json("GET", "/v1.44/networks/n", "").await;
    assert_eq!(inspect["IPAM"]["Config"], json!([{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]));
    assert_eq!(inspect["Containers"]["c".repeat(64)]["Name"], "one");
    let body = r#"{"Name":"m","Driver":"","IPAM":{"Driver":"default","Config":[{"Subnet":"10.8.0.0/16","IPRange":"10.8.1.0/24"}]}}"#;
    assert_eq!(bed.json("POST", "/v1.44/networks/create", body).await.0, 201);
    assert!(bed.engine.calls().iter().any(|call| call.contains("10.8.1.255")));
    assert_eq!(bed.request("DELETE", "/v1.44/networks/n", "").await.0, 204);
}

#[tokio::test]
async fn filters_of_events_are_dockers_words() {
    let bed = Bed::new().await;
    for (word, own) in
        [("destroy", "remove"), ("delete", "remove"), ("load", "loadfromarchive"), ("pull", "pull")]
    {
        let path = format!("/events?stream=0&filters={{\"event\":[\"{word}\"]}}");
        assert_eq!(bed.request("GET", &path, "").await.0, 200);
        assert!(bed.engine.calls()[0].contains(&format!("\"event\": [\"{own}\"]")), "{word}");
    }
}

#[tokio::test]
async fn events_in_dockers_words() {
    let bed = Bed::new().await;
    let mut stream = bed.connect().await;
    let filters = "%7B%22event%22%3A%5B%22die%22%5D%7D";
    stream
        .write_all(format!("GET /events?filters={filters} HTTP/1.1\r\nHost: d\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("destroy") {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "{text}");
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    let line = text.lines().find(|line| line.contains("\"die\"")).expect("an event");
    let event: Value = serde_json::from_str(line).unwrap();
    has(
        &event,
        json!({"Type": "container", "Action": "die", "status": "die", "scope": "local",
               "Actor": {"Attributes": {"exitCode": "3", "name": "one"}}}),
    );
    assert!(bed.engine.calls()[0].contains("\"event\": [\"died\"]"));
}
