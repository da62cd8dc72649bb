//! Every route of the service, read from what declares it, so that a test over all of them holds a new one by itself.

use std::path::PathBuf;

use serde_json::Value;

/// One route of the service.
#[derive(Debug, Clone)]
pub struct HttpRoute {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The path with its variables in braces, such as `/libpod/containers/{name}/json`.
    pub path: String,
    /// What the OpenAPI document says of it; Docker's are not in there.
    pub operation: Option<Value>,
}

impl HttpRoute {
    /// Whether the path has a variable, which is an object's name or id.
    pub fn names_an_object(&self) -> bool {
        self.path.contains('{')
    }

    /// The path with `name`, already encoded, in place of its variables.
    pub fn path_of(&self, name: &str) -> String {
        let parts = self.path.split('/');
        let parts: Vec<_> = parts.map(|part| if part.starts_with('{') { name } else { part }).collect();
        parts.join("/")
    }
}

/// The routes of the OpenAPI document: libpod's and Cove's own.
///
/// # Panics
/// Where the document cannot be read.
pub fn documented_routes() -> Vec<HttpRoute> {
    let text = cove_sys::fs::read_to_string(in_project("docs/api/libpod.json")).expect("the document");
    let mut document: Value = serde_json::from_str(&text).expect("the document is JSON");
    let schemas = document["components"]["schemas"].take();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let mut operation = operation.clone();
            operation["schemas"] = schemas.clone();
            routes.push(HttpRoute {
                method: method.to_uppercase(),
                path: path.clone(),
                operation: Some(operation),
            });
        }
    }
    assert!(!routes.is_empty(), "the document has routes");
    routes
}

/// Docker's routes, which only the service's own sources name.
///
/// # Panics
/// Where the sources cannot be read.
pub fn docker_routes() -> Vec<HttpRoute> {
    let mut routes = Vec::new();
    let mut folders = vec![in_project("crates/server/src/docker")];
    while let Some(folder) = folders.pop() {
        for entry in cove_sys::fs::read_dir(&folder).expect("the service's sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            routes.extend(declared(&cove_sys::fs::read_to_string(&path).expect("a source")));
        }
    }
    assert!(routes.len() > 20, "{} routes are not all of Docker's", routes.len());
    routes.sort_by(|one, other| (&one.path, &one.method).cmp(&(&other.path, &other.method)));
    routes
}

fn in_project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The routes in calls such as `.route("/volumes/{name}", get(inspect).delete(remove))`.
fn declared(source: &str) -> Vec<HttpRoute> {
    let mut routes = Vec::new();
    for call in source.split(".route(").skip(1) {
        let mut parts = call.splitn(3, '"');
        let (Some(before), Some(path), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if !before.trim().is_empty() || !path.starts_with('/') {
            continue;
        }
        let handlers = arguments(rest);
        for method in ["get", "post", "put", "delete", "head"] {
            if handlers
                .split(|letter: char| !letter.is_alphanumeric() && letter != '(')
                .any(|word| word.starts_with(&format!("{method}(")))
            {
                routes.push(HttpRoute {
                    method: method.to_uppercase(),
                    path: path.to_owned(),
                    operation: None,
                });
            }
        }
    }
    routes
}

/// `text` up to the parenthesis that nobody in it has opened.
fn arguments(text: &str) -> &str {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => return &text[..at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    text
}
