//! An API server of Kubernetes, as far as objects are applied to it: over TLS, for who shows a token or a certificate.
//! It checks what a real one checks of such requests, and answers as that does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cove_sys::pem;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::Certificates;

/// The token that it takes.
pub const TOKEN: &str = "a-token.of-nobody";
/// What stands before its paths.
const BASE: &str = "/clusters/one";
/// The plural of a kind, the kind, and whether its objects are in namespaces.
type Kind = (&'static str, &'static str, bool);
/// Kinds by their versions.
const RESOURCES: [(&str, &[Kind]); 3] = [
    (
        "/api/v1",
        &[
            ("pods", "Pod", true),
            ("pods/status", "Pod", true),
            ("services", "Service", true),
            ("configmaps", "ConfigMap", true),
            ("secrets", "Secret", true),
            ("persistentvolumeclaims", "PersistentVolumeClaim", true),
            ("namespaces", "Namespace", false),
        ],
    ),
    ("/apis/apps/v1", &[("deployments", "Deployment", true), ("statefulsets", "StatefulSet", true)]),
    ("/apis/batch/v1", &[("jobs", "Job", true)]),
];

#[derive(Default)]
struct State {
    requests: Vec<String>,
    objects: BTreeMap<String, Value>,
    /// How often an object was looked at: the second time it is ready.
    looks: BTreeMap<String, u32>,
}

/// A running server.
pub struct ApiServer {
    address: String,
    state: Arc<Mutex<State>>,
    ended: Arc<AtomicBool>,
}

/// A request as it was read.
struct Request {
    method: String,
    path: String,
    query: BTreeSet<String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    has_certificate: bool,
}

impl ApiServer {
    /// Starts one, whose certificate is `service` of these, and who takes those that their authority has signed.
    ///
    /// # Panics
    /// Where there is no free port, or the certificates are none.
    pub fn start(certificates: &Certificates) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in pem::certificates(&certificates.path("ca.pem")).expect("the authority") {
            roots.add(certificate).expect("a certificate");
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .expect("a verifier");
        let chain = pem::certificates(&certificates.path("service.pem")).expect("a certificate");
        let key = pem::key(&certificates.path("service.key")).expect("a key");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = Self { address, state: Arc::default(), ended: Arc::new(AtomicBool::new(false)) };
        let (state, ended, config) = (Arc::clone(&server.state), Arc::clone(&server.ended), Arc::new(config));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), Ok(connection)) = (stream, ServerConnection::new(Arc::clone(&config)))
                else {
                    continue;
                };
                let mut stream = StreamOwned::new(connection, stream);
                // Who does not finish the handshake is told no more.
                let Some(mut request) = read(&mut stream) else { continue };
                request.has_certificate = stream.conn.peer_certificates().is_some();
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                let (status, body) = state.answer(&request);
                let body = body.to_string();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        server
    }

    /// Where its API is, as a kubeconfig says it.
    pub fn url(&self) -> String {
        format!("https://{}{BASE}", self.address)
    }

    /// What it was asked since it was last asked for this: methods, paths and queries.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).requests)
    }

    /// An object that it keeps, by its path.
    pub fn object(&self, path: &str) -> Option<Value> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).objects.get(path).cloned()
    }

    /// A kubeconfig for it: `user` are the lines of the user.
    pub fn kubeconfig(&self, certificates: &Certificates, user: &str) -> String {
        let ca = certificates.text("ca.pem");
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: one\ncontexts:\n- name: one\n  context: {{cluster: c, user: u}}\n\
             - name: two\n  context: {{cluster: c, user: u, namespace: shop}}\nclusters:\n- name: c\n  cluster:\n    \
             server: {}\n    certificate-authority: {ca}\nusers:\n- name: u\n  user: {{{user}}}\n",
            self.url()
        )
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = std::net::TcpStream::connect(&self.address);
    }
}

fn read(stream: &mut impl Read) -> Option<Request> {
    let mut text = Vec::new();
    let end = loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
        text.extend_from_slice(&piece[..length]);
        if let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let mut body = text.split_off(end + 4);
    let head = String::from_utf8(text).ok()?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while body.len() < length {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
        body.extend_from_slice(&piece[..read]);
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request {
        method,
        path: path.to_owned(),
        query: query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect(),
        headers,
        body,
        has_certificate: false,
    })
}

fn status(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code
    });
    (code, status)
}

impl State {
    fn answer(&mut self, request: &Request) -> (u16, Value) {
        let query: Vec<&str> = request.query.iter().map(String::as_str).collect();
        let Some(path) = request.path.strip_prefix(BASE) else {
            return status(404, "NotFound", "the server could not find the requested resource");
        };
        self.requests.push(format!("{} {path} {}", request.method, query.join("&")).trim_end().to_owned());
        let header = |name: &str| request.headers.get(name).map(String::as_str).unwrap_or_default();
        if !request.has_certificate && header("authorization") != format!("Bearer {TOKEN}") {
            return status(401, "Unauthorized", "Unauthorized");
        }
        if header("accept") != "application/json" {
            return status(
                406,
                "NotAcceptable",
                "only the following media types are accepted: application/json",
            );
        }
        match request.method.as_str() {
            "GET" => self.get(path),
            "PATCH" if header("content-type") == "application/apply-patch+yaml" => self.patch(path, request),
            "PATCH" => {
                status(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
            }
            _ => status(405, "MethodNotAllowed", "the server does not allow this method"),
        }
    }

    fn get(&mut self, path: &str) -> (u16, Value) {
        if let Some((_, kinds)) = RESOURCES.iter().find(|(group, _)| *group == path) {
            let resources: Vec<Value> = kinds
                .iter()
                .map(|(name, kind, namespaced)| json!({"name": name, "kind": kind, "namespaced": namespaced}))
                .collect();
            return (200, json!({"kind": "APIResourceList", "resources": resources}));
        }
        let Some(mut object) = self.objects.get(path).cloned() else {
            return status(404, "NotFound", "the server could not find the requested resource");
        };
        let looks = self.looks.entry(path.to_owned()).or_default();
        *looks += 1;
        object["status"] = match (object["kind"].as_str(), *looks) {
            (Some("Pod"), 1) => json!({"phase": "Pending", "containerStatuses": [
                {"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}]}),
            (Some("Pod"), _) => {
                json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
            }
            (Some("Job"), _) => {
                json!({"conditions": [{"type": "Failed", "status": "True", "message": "it gave up"}]})
            }
            // It never comes up.
            _ => json!({"observedGeneration": 1, "updatedReplicas": 0}),
        };
        (200, object)
    }

    fn patch(&mut self, path: &str, request: &Request) -> (u16, Value) {
        if !request.query.iter().any(|pair| pair.starts_with("fieldManager=") && pair.len() > 13) {
            return status(
                400,
                "BadRequest",
                "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value",
            );
        }
        let Ok(mut object) = serde_json::from_slice::<Value>(&request.body) else {
            return status(400, "BadRequest", "error decoding YAML");
        };
        let Some((resource, place)) = place(path) else {
            return status(404, "NotFound", "the server could not find the requested resource");
        };
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let version = format!("/{}", text("/apiVersion"));
        if !place.group.ends_with(&version)
            || text("/kind") != resource.1
            || text("/metadata/name") != place.name
        {
            return status(400, "BadRequest", "the object does not match the URL");
        }
        let own = text("/metadata/namespace");
        if !own.is_empty() && own != place.namespace {
            return status(
                400,
                "BadRequest",
                "the namespace of the provided object does not match the namespace sent on the request",
            );
        }
        if object.pointer("/metadata/managedFields").is_some() {
            return status(400, "BadRequest", "metadata.managedFields must be nil");
        }
        let known = matches!(place.namespace, "" | "default" | "shop")
            || self.objects.contains_key(&format!("/api/v1/namespaces/{}", place.namespace));
        if !known {
            return status(404, "NotFound", &format!("namespaces {:?} not found", place.namespace));
        }
        if resource.1 == "Pod" && !object["spec"]["containers"].is_array() {
            let message = format!("Pod {:?} is invalid: spec.containers: Required value", place.name);
            return status(422, "Invalid", &message);
        }
        if let Some(former) = self.objects.get(path)
            && former["metadata"]["labels"]["owner"] == "other"
            && !request.query.contains("force=true")
        {
            return status(
                409,
                "Conflict",
                "Apply failed with 1 conflict: conflict with \"other\": .metadata.labels.owner",
            );
        }
        let code = if self.objects.contains_key(path) { 200 } else { 201 };
        object["metadata"]["generation"] = json!(1);
        if !request.query.contains("dryRun=All") {
            self.objects.insert(path.to_owned(), object.clone());
        }
        (code, object)
    }
}

/// Where an object's path leads.
struct Place<'a> {
    group: &'a str,
    namespace: &'a str,
    name: &'a str,
}

fn place(path: &str) -> Option<(&'static Kind, Place<'_>)> {
    for (group, kinds) in &RESOURCES {
        let Some(rest) = path.strip_prefix(group) else { continue };
        let parts: Vec<&str> = rest.trim_start_matches('/').split('/').collect();
        let (namespace, plural, name) = match parts.as_slice() {
            ["namespaces", namespace, plural, name] => (*namespace, *plural, *name),
            [plural, name] => ("", *plural, *name),
            _ => return None,
        };
        let kind = kinds.iter().find(|kind| kind.0 == plural && kind.2 != namespace.is_empty())?;
        return Some((kind, Place { group: &path[..group.len()], namespace, name }));
    }
    None
}
