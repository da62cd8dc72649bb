//! Parameters of queries: those that the OpenAPI document declares, and those of Docker's routes.

use cove_test_support::{HttpRoute, docker_routes, documented_routes};
use serde_json::Value;

use super::{Case, HOSTILE, Right, judge};

/// What a schema says that a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Truth,
    Whole,
    Natural,
    Filters,
    /// Text by text, as JSON.
    Map,
    /// One word of a few.
    Word,
    Other,
}

/// Whether a schema is of that type, or of that one among others.
fn is_of(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|found| found == name),
        found => found == name,
    }
}

fn kind(parameter: &Value, schemas: &Value) -> Kind {
    if let Some(content) = parameter.get("content") {
        let values = &content["application/json"]["schema"]["additionalProperties"];
        return if is_of(values, "string") { Kind::Map } else { Kind::Filters };
    }
    let schema = &parameter["schema"];
    let schema = match schema["$ref"].as_str() {
        Some(path) => &schemas[path.rsplit('/').next().unwrap_or_default()],
        None => schema,
    };
    if schema.get("enum").is_some() || schema.get("oneOf").is_some() {
        return Kind::Word;
    }
    let is = |name: &str| is_of(schema, name);
    match schema.get("minimum").and_then(Value::as_i64) {
        _ if is("boolean") => Kind::Truth,
        Some(0) if is("integer") => Kind::Natural,
        _ if is("integer") => Kind::Whole,
        _ => Kind::Other,
    }
}

/// Values that are none of that kind, in the encoding of a URL.
fn wrong(kind: Kind) -> Vec<String> {
    let deep = format!("{}{}", "%5B".repeat(5_000), "%5D".repeat(5_000));
    let long = "x".repeat(50_000);
    let mut values: Vec<String> = match kind {
        Kind::Truth => vec!["garb1age", "2", "-1", "truee", "%5Btrue%5D", "%7B%7D", "%00", "tr%20ue", "%FF"],
        Kind::Whole => vec![
            "x",
            "1.5",
            "1e3",
            "0x10",
            "99999999999999999999999",
            "1%200",
            "%C2%B2",
            "%7B%7D",
            "--1",
            "%00",
        ],
        Kind::Natural => {
            vec!["x", "-1", "1.5", "0x10", "4294967296000000000000", "-2147483648", "%7B%7D", "%00"]
        }
        Kind::Filters => vec![
            "%7B",
            "5",
            "%22x%22",
            "%5B%5D",
            "x",
            "%7B%22label%22:5%7D",
            "%7B%22label%22:%22x%22%7D",
            "%7B%22label%22:%5B5%5D%7D",
            "%7B%22label%22:%7B%22a%22:%7B%7D%7D%7D",
            "%7B%22label%22:%5B%5B%22x%22%5D%5D%7D",
            "%7Blabel:%5B%5D%7D",
            "%00",
            "%FF",
            "%7B%22label%22:%5B%22x%22%5D,%7D",
            &deep,
        ],
        Kind::Map => {
            vec!["%7B", "5", "%5B%5D", "x", "%7B%22label%22:5%7D", "%7B%22label%22:%5B%22x%22%5D%7D", "%00"]
        }
        Kind::Word => vec!["zork", "%00", "%FF"],
        Kind::Other => Vec::new(),
    }
    .into_iter()
    .map(str::to_owned)
    .collect();
    if kind != Kind::Other {
        values.extend([HOSTILE.to_owned(), long]);
    }
    values
}

fn parameters(route: &HttpRoute) -> Vec<(String, Kind, bool)> {
    let Some(operation) = &route.operation else { return Vec::new() };
    let all = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let all = all.iter().filter(|parameter| parameter["in"] == "query");
    all.map(|parameter| {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let is_refused = parameter["schema"]["x-cove-not-supported"] == true;
        (name, kind(parameter, &operation["schemas"]), is_refused)
    })
    .collect()
}

/// The parameters that a request must have.
fn demanded(route: &HttpRoute) -> String {
    let all = route.operation.as_ref().and_then(|operation| operation["parameters"].as_array());
    let all = all.into_iter().flatten();
    let all = all.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    all.map(|parameter| format!("{}=x&", parameter["name"].as_str().unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_declared_parameter() {
    let mut cases = Vec::new();
    // It goes on for ever, whatever it is asked for that means something.
    let endless = |route: &HttpRoute| route.path_of("one") == "/cove/state";
    for route in documented_routes().into_iter().filter(|route| !endless(route)) {
        for (name, kind, is_refused) in parameters(&route) {
            let target = |value: &str| format!("{}?{}{name}={value}", route.path_of("one"), demanded(&route));
            for value in wrong(kind) {
                let right = Right::Refused(&[400, 501], name.clone());
                cases.push(Case::request(&route.method, &target(&value), b"{}", right));
            }
            if is_refused {
                let value = match kind {
                    Kind::Truth => "true",
                    Kind::Whole | Kind::Natural => "1",
                    _ => "x",
                };
                let right = Right::Refused(&[400, 501], name.clone());
                cases.push(Case::request(&route.method, &target(value), b"{}", right));
            } else if kind == Kind::Other {
                for value in [HOSTILE, "%00", "%FF", "%", "%zz", "..%2F..%2Fetc", &"x".repeat(50_000)] {
                    cases.push(Case::request(&route.method, &target(value), b"{}", Right::Answered));
                }
            }
            let both = format!("{}&{}=&{name}", target(""), name.to_uppercase());
            cases.push(Case::request(&route.method, &both, b"{}", Right::Answered));
        }
    }
    judge(cases, 800).await;
}

/// What some of Docker's routes read; their sources declare it in Rust alone.
const DOCKER: &[(&str, &str, &str, Kind)] = &[
    ("GET", "/containers/json", "all", Kind::Truth),
    ("GET", "/containers/json", "size", Kind::Truth),
    ("GET", "/containers/json", "limit", Kind::Whole),
    ("GET", "/containers/json", "filters", Kind::Filters),
    ("GET", "/containers/one/json", "size", Kind::Truth),
    ("POST", "/containers/one/stop", "t", Kind::Whole),
    ("POST", "/containers/one/restart", "t", Kind::Whole),
    ("POST", "/containers/one/kill", "signal", Kind::Word),
    ("POST", "/containers/one/wait", "condition", Kind::Word),
    ("POST", "/containers/one/resize", "h", Kind::Natural),
    ("POST", "/containers/one/resize", "w", Kind::Natural),
    ("POST", "/containers/one/attach", "stdout", Kind::Truth),
    ("POST", "/containers/prune", "filters", Kind::Filters),
    ("DELETE", "/containers/one", "force", Kind::Truth),
    ("DELETE", "/containers/one", "v", Kind::Truth),
    ("GET", "/containers/one/logs", "stdout", Kind::Truth),
    ("GET", "/containers/one/logs", "timestamps", Kind::Truth),
    ("POST", "/exec/one/resize", "h", Kind::Natural),
    ("GET", "/images/json", "all", Kind::Truth),
    ("GET", "/images/json", "filters", Kind::Filters),
    ("DELETE", "/images/one", "force", Kind::Truth),
    ("POST", "/images/prune", "filters", Kind::Filters),
    ("GET", "/networks", "filters", Kind::Filters),
    ("POST", "/networks/prune", "filters", Kind::Filters),
    ("GET", "/volumes", "filters", Kind::Filters),
    ("DELETE", "/volumes/one", "force", Kind::Truth),
    ("POST", "/volumes/prune", "filters", Kind::Filters),
    ("GET", "/events", "filters", Kind::Filters),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_dockers_routes() {
    let mut cases = Vec::new();
    for (method, path, name, kind) in DOCKER {
        for value in wrong(*kind) {
            let target = format!("{path}?{name}={value}");
            cases.push(Case::request(method, &target, b"{}", Right::Refused(&[400], (*name).to_owned())));
        }
    }
    // Whatever a route reads: a value that fits nothing is refused or passed over, and it says so in words.
    let mut names: Vec<String> =
        documented_routes().iter().flat_map(parameters).map(|(name, ..)| name).collect();
    names.extend(DOCKER.iter().map(|(_, _, name, _)| (*name).to_owned()));
    names.sort();
    names.dedup();
    for route in docker_routes() {
        for name in &names {
            let target = format!("{}?{name}={HOSTILE}", route.path_of("one"));
            cases.push(Case::request(&route.method, &target, b"{}", Right::Answered));
        }
    }
    judge(cases, 1000).await;
}
