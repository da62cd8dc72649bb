//! Every body of the Docker and libpod APIs in the spellings that clients of Go's services rely on, and in those that
//! must be refused by the name of the field.

use serde_json::{Map, Value, json};

use crate::service::Bed;

/// A route, a body that it takes, and the status then.
struct Route {
    path: &'static str,
    body: Value,
    status: u16,
}

fn routes() -> Vec<Route> {
    let route = |path, body, status| Route { path, body, status };
    vec![
        route(
            "/v1.44/containers/create?name=x",
            json!({
                "Image": "i", "Cmd": ["sh"], "Env": ["A=b"], "Labels": {"a": "b"}, "Tty": true, "StopTimeout": 3,
                "ExposedPorts": {"80/tcp": {}},
                "HostConfig": {
                    "Binds": ["/a:/b"], "Memory": 4096, "NetworkMode": "n", "AutoRemove": true,
                    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                    "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
                    "Mounts": [{"Type": "bind", "Source": "/a", "Target": "/c",
                                "BindOptions": {"Propagation": "rslave"}}],
                    "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}],
                    "Devices": [{"PathOnHost": "/dev/null"}],
                    "LogConfig": {"Type": "json-file", "Config": {}}
                },
                "NetworkingConfig": {"EndpointsConfig": {"n": {"Aliases": ["a"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}}}
            }),
            201,
        ),
        route(
            "/v1.44/containers/one/exec",
            json!({"Cmd": ["sh"], "AttachStdout": true, "Env": ["A=b"]}),
            201,
        ),
        route(
            "/v1.44/networks/create",
            json!({"Name": "n", "Internal": true, "Labels": {"a": "b"}, "Options": {},
                   "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]}}),
            201,
        ),
        route("/v1.44/volumes/create", json!({"Name": "v", "Labels": {"a": "b"}, "DriverOpts": {}}), 201),
        route(
            "/libpod/containers/create",
            json!({
                "image": "i", "command": ["sh"], "env": {"A": "b"}, "labels": {"a": "b"}, "terminal": true,
                "stop_timeout": 3, "netns": {"nsmode": "bridge"}, "Networks": {"n": {"aliases": ["a"]}},
                "mounts": [{"destination": "/c", "type": "bind", "source": "/a", "options": ["ro"]}],
                "volumes": [{"Name": "v", "Dest": "/d"}], "expose": {"80": "tcp"},
                "portmappings": [{"container_port": 80, "host_port": 8080}],
                "resource_limits": {"memory": {"limit": 4096}, "cpu": {"shares": 2}, "pids": {"limit": 5}},
                "log_configuration": {"driver": "k8s-file"}, "r_limits": [{"type": "nofile", "soft": 1, "hard": 2}]
            }),
            201,
        ),
        route("/libpod/containers/one/exec", json!({"Cmd": ["sh"], "AttachStdout": true}), 201),
        route(
            "/libpod/networks/create",
            json!({"name": "n", "internal": true, "subnets": [{"subnet": "10.9.0.0/24"}], "labels": {"a": "b"}}),
            200,
        ),
        route("/libpod/volumes/create", json!({"Name": "v", "Labels": {"a": "b"}, "Options": {}}), 201),
    ]
}

/// The path of every value in a body but the whole, as keys and places.
fn paths(value: &Value, before: &[String], all: &mut Vec<Vec<String>>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in members {
        let path = [before, &[key]].concat();
        all.push(path.clone());
        paths(value, &path, all);
    }
}

fn at<'a>(mut value: &'a mut Value, path: &[String]) -> &'a mut Value {
    for key in path {
        value = match value {
            Value::Array(list) => &mut list[key.parse::<usize>().unwrap()],
            other => &mut other[key.as_str()],
        };
    }
    value
}

fn changed(body: &Value, path: &[String], value: Value) -> Value {
    let mut body = body.clone();
    *at(&mut body, path) = value;
    body
}

/// The same with every key of a struct in other letters. The keys of maps are data and stay.
fn in_case(value: &Value, change: fn(&str) -> String, inside_map: bool) -> Value {
    const MAPS: &[&str] = &[
        "Labels",
        "labels",
        "env",
        "ExposedPorts",
        "PortBindings",
        "EndpointsConfig",
        "Networks",
        "Options",
        "DriverOpts",
        "Config",
        "expose",
    ];
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let is_map = MAPS.contains(&key.as_str()) && value.is_object();
                    let name = if inside_map { key.clone() } else { change(key) };
                    (name, in_case(value, change, is_map && !inside_map))
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(list) => list.iter().map(|value| in_case(value, change, false)).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn every_body_is_read_as_go_reads_it() {
    let bed = Bed::new().await;
    for Route { path, body, status } in routes() {
        let takes = async |what: &str, text: String| {
            let (found, answer) = bed.request("POST", path, &text).await;
            assert_eq!(found, status, "{path} with {what}: {text}: {answer}");
            bed.engine.calls().last().cloned()
        };
        let plain = takes("the plain body", body.to_string()).await;
        for (what, change) in [
            ("lower case", str::to_lowercase as fn(&str) -> String),
            ("upper case", str::to_uppercase as fn(&str) -> String),
        ] {
            let call = takes(what, in_case(&body, change, false).to_string()).await;
            assert_eq!(call, plain, "{path}: {what} means the same");
        }
        assert_eq!(takes("data behind it", format!("{body} {{\"x\": 1}} trailing")).await, plain);
        assert_eq!(takes("an unknown null", changed_root(&body, "Zork", Value::Null)).await, plain);
        let mut all = Vec::new();
        paths(&body, &[], &mut all);
        for place in all {
            // What must be said stays said.
            if matches!(
                place.last().map(String::as_str),
                Some("Image" | "Cmd" | "Name" | "Type" | "Dest" | "Source" | "Target")
            ) || place.last().is_some_and(|key| key.parse::<usize>().is_ok())
            {
                continue;
            }
            takes(&format!("null at {place:?}"), changed(&body, &place, Value::Null).to_string()).await;
        }
    }
}

fn changed_root(body: &Value, key: &str, value: Value) -> String {
    let mut body = body.clone();
    body[key] = value;
    body.to_string()
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_the_name_of_its_field() {
    let bed = Bed::new().await;
    for Route { path, body, .. } in routes() {
        let refuses = async |text: String, named: &str| {
            let (found, answer) = bed.request("POST", path, &text).await;
            assert_eq!(found, 400, "{path}: {text}: {answer}");
            assert!(answer.contains(named), "{path}: {text}: {named} is not in {answer}");
        };
        refuses(changed_root(&body, "Zork", 1.into()), "Zork").await;
        let mut all = Vec::new();
        paths(&body, &[], &mut all);
        for place in all {
            let key = place.last().cloned().unwrap_or_default();
            let mut copy = body.clone();
            let value = at(&mut copy, &place);
            let is_element = key.parse::<usize>().is_ok();
            match value {
                // Maps take every key.
                Value::Object(_) if is_struct(&key, is_element, &place) => {
                    value["Zork"] = 1.into();
                    refuses(copy.to_string(), "Zork").await;
                    refuses(changed(&body, &place, 5.into()).to_string(), &key).await;
                }
                Value::Object(_) => {}
                Value::Array(_) if key == "Cmd" => {}
                Value::Array(_) => refuses(changed(&body, &place, "x".into()).to_string(), &key).await,
                Value::String(_) => refuses(changed(&body, &place, json!([7])).to_string(), &key).await,
                Value::Number(_) | Value::Bool(_) => {
                    refuses(changed(&body, &place, "x".into()).to_string(), &key).await;
                }
                Value::Null => {}
            }
        }
    }
}

#[tokio::test]
async fn fields_that_docker_does_not_know_are_refused_at_every_depth() {
    let bed = Bed::new().await;
    let host = |config: Value| json!({"Image": "i", "HostConfig": config});
    let mount = |options: Value| host(json!({"Mounts": [options]}));
    let create = "/v1.44/containers/create";
    // What is not in `routes`, as it is not done or only in other bodies.
    for (path, body, named) in [
        (create, mount(json!({"VolumeOptions": {"Zork": 1}})), "HostConfig.Mounts[0].VolumeOptions.Zork"),
        (
            create,
            mount(json!({"VolumeOptions": {"DriverConfig": {"Zork": 1}}})),
            "HostConfig.Mounts[0].VolumeOptions.DriverConfig.Zork",
        ),
        (create, mount(json!({"TmpfsOptions": {"Zork": 1}})), "HostConfig.Mounts[0].TmpfsOptions.Zork"),
        (create, host(json!({"DeviceRequests": [{"Zork": 1}]})), "HostConfig.DeviceRequests[0].Zork"),
        (create, host(json!({"BlkioWeightDevice": [{"Zork": 1}]})), "HostConfig.BlkioWeightDevice[0].Zork"),
        (create, host(json!({"BlkioDeviceReadBps": [{"Zork": 1}]})), "HostConfig.BlkioDeviceReadBps[0].Zork"),
        (create, json!({"Image": "i", "Healthcheck": {"Zork": 1}}), "Healthcheck.Zork"),
        ("/v1.44/exec/session/start", json!({"Detach": true, "Zork": 1}), "Zork"),
    ] {
        let (found, answer) = bed.request("POST", path, &body.to_string()).await;
        assert_eq!(found, 400, "{path}: {body}: {answer}");
        assert!(answer.contains(named), "{path}: {body}: {named} is not in {answer}");
    }
}

/// Whether an object of [`routes`] has fields and not keys of its own.
fn is_struct(key: &str, is_element: bool, place: &[String]) -> bool {
    const STRUCTS: &[&str] = &[
        "HostConfig",
        "RestartPolicy",
        "BindOptions",
        "LogConfig",
        "NetworkingConfig",
        "IPAMConfig",
        "IPAM",
        "netns",
        "resource_limits",
        "memory",
        "cpu",
        "pids",
        "log_configuration",
    ];
    let in_networks =
        place.len() > 1 && matches!(place[place.len() - 2].as_str(), "EndpointsConfig" | "Networks");
    STRUCTS.contains(&key) || is_element || in_networks
}

#[tokio::test]
async fn queries_are_read_as_go_reads_them() {
    let bed = Bed::new().await;
    for (request, status, named) in [
        ("GET /v1.44/containers/json?ALL=T&Limit=-1&size=0", 200, ""),
        ("GET /v1.44/containers/json?filters={\"label\":{\"a\":true}}", 200, ""),
        ("GET /v1.44/containers/json?filters={\"label\":[\"a\"]}&all=", 200, ""),
        ("GET /v1.44/containers/json?filters=null", 200, ""),
        ("GET /v1.44/containers/json?unknown=1", 200, ""),
        ("GET /v1.44/containers/json?all=garb1age", 400, "parameter all"),
        ("GET /libpod/containers/json?all=garb1age", 400, "parameter all"),
        ("GET /v1.44/containers/json?limit=1x", 400, "parameter limit"),
        ("GET /v1.44/containers/json?filters={\"label\":{\"a\":{\"b\":true}}}", 400, "filters.label.a"),
        ("GET /v1.44/containers/json?filters={\"label\":{\"a\":\"b\"}}", 400, "filters.label.a"),
        ("GET /v1.44/images/json?filters={\"label\":\"a\"}", 400, "filters.label"),
        ("GET /v1.44/networks?filters={\"label\":{\"a\":[]}}", 400, "filters.label.a"),
        ("GET /v1.44/volumes?filters=[]", 400, "parameter filters"),
        ("GET /libpod/volumes/json?filters={\"label\":{\"a\":{}}}", 400, "filters.label.a"),
        ("GET /v1.44/containers/one/logs?stdout=1&tail=x", 400, "parameter tail"),
        ("GET /v1.44/containers/one/logs?stdout=1&since=x", 400, "parameter since"),
        ("GET /v1.44/events?stream=maybe", 400, "parameter stream"),
        ("POST /v1.44/containers/one/stop?t=x", 400, "parameter t"),
        ("POST /v1.44/containers/one/stop?signal=9", 501, "signal"),
        ("POST /v1.44/containers/one/wait?condition=never", 400, "parameter condition"),
        ("POST /v1.44/containers/one/resize?h=-1", 400, "parameter h"),
        ("DELETE /v1.44/containers/one?link=1", 501, "link"),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        let (found, answer) = bed.request(method, path, "").await;
        assert_eq!(found, status, "{request}: {answer}");
        assert!(answer.contains(named), "{request}: {answer}");
    }
}

#[tokio::test]
async fn events_without_a_stream_end() {
    let bed = Bed::new().await;
    for path in ["/v1.44/events?stream=false", "/libpod/events?stream=false"] {
        assert_eq!(bed.request("GET", path, "").await.0, 200, "{path}");
    }
}
