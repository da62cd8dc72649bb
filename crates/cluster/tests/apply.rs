//! Applying, against an API server of our own that checks as a real one does, and against ones that misbehave.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cove_api::{Error, ErrorKind};
use cove_cluster::{Access, Applied, ApplyOptions, Authority, Choice, Cluster, Objects};
use cove_sys::fs;
use cove_test_support::{ApiServer, Certificates, TOKEN};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, creationTimestamp: x}\nspec: {containers: []}\nstatus: {}\n";

/// A server, its certificates, and a folder for kubeconfigs.
struct Desk {
    server: ApiServer,
    certificates: Certificates,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Option<Self> {
        let certificates = Certificates::make()?;
        let server = ApiServer::start(&certificates);
        Some(Self { server, certificates, folder: tempfile::tempdir().unwrap() })
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The kubeconfig of a user with these lines.
    fn config(&self, user: &str) -> PathBuf {
        self.file("config", &self.server.kubeconfig(&self.certificates, user))
    }

    fn cluster(&self) -> Cluster {
        Cluster::new(read(&self.config(&format!("token: {TOKEN}"))).unwrap())
    }
}

fn read(path: &Path) -> Result<Access, Error> {
    let choice = Choice { files: vec![path.to_owned()], ..Choice::default() };
    Access::read(&choice).map_err(Error::from)
}

async fn apply(cluster: &Cluster, text: &str, options: &ApplyOptions) -> Result<Vec<Applied>, Error> {
    let objects = Objects::parse(text).map_err(Error::from)?;
    cluster.apply(&objects, options, &mut |_| {}).await.map_err(Error::from)
}

#[tokio::test]
async fn objects_are_applied_in_order_and_by_their_rules() {
    let Some(desk) = Desk::new() else { return };
    let cluster = desk.cluster();
    let text = format!(
        "{POD}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d, namespace: own}}\nspec: {{replicas: 2}}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata: {{a: \"1\"}}\n---\napiVersion: v1\nkind: Namespace\n\
         metadata: {{name: own}}\n"
    );
    let options = ApplyOptions::default();
    let applied = apply(&cluster, &text, &options).await.unwrap();
    let shown: Vec<String> = applied.iter().map(|one| format!("{one} {}", one.created)).collect();
    assert_eq!(
        shown,
        ["Namespace own true", "ConfigMap default/m true", "Pod default/p true", "Deployment own/d true"]
    );
    assert_eq!(
        desk.server.requests(),
        [
            "GET /api/v1",
            "GET /apis/apps/v1",
            "PATCH /api/v1/namespaces/own fieldManager=cove&force=false",
            "PATCH /api/v1/namespaces/default/configmaps/m fieldManager=cove&force=false",
            "PATCH /api/v1/namespaces/default/pods/p fieldManager=cove&force=false",
            "PATCH /apis/apps/v1/namespaces/own/deployments/d fieldManager=cove&force=false",
        ]
    );
    let kept = desk.server.object("/api/v1/namespaces/default/pods/p").unwrap();
    assert!(kept.get("status").is_none() && kept["metadata"].get("creationTimestamp").is_none(), "{kept}");
    assert!(!apply(&cluster, POD, &options).await.unwrap()[0].created);

    // The namespace of the options, and what only is checked.
    let shop = ApplyOptions { namespace: Some("shop".into()), dry_run: true, force: false };
    let applied = apply(&cluster, POD, &shop).await.unwrap();
    assert_eq!(applied[0].to_string(), "Pod shop/p");
    assert!(desk.server.object("/api/v1/namespaces/shop/pods/p").is_none());
    assert!(desk.server.requests().last().unwrap().contains("dryRun=All&fieldManager=cove&force=false"));
}

#[tokio::test]
async fn what_a_cluster_refuses_is_told() {
    let Some(desk) = Desk::new() else { return };
    let cluster = desk.cluster();
    let options = ApplyOptions::default();
    let pod = |metadata: &str, spec: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec: {spec}\n")
    };
    for (text, kind, expected) in [
        (
            pod("{name: p}", "{}"),
            ErrorKind::InvalidArgument,
            "applying Pod default/p: Pod \"p\" is invalid: spec.containers: Required value (Invalid)",
        ),
        (
            pod("{name: p, namespace: none}", "{containers: []}"),
            ErrorKind::NotFound,
            "applying Pod none/p: namespaces \"none\" not found (NotFound)",
        ),
        (
            "apiVersion: example.org/v1\nkind: Odd\nmetadata: {name: o}\n".into(),
            ErrorKind::InvalidArgument,
            "the cluster knows no Odd of example.org/v1",
        ),
        (
            "apiVersion: v1\nkind: Odd\nmetadata: {name: o}\n".into(),
            ErrorKind::InvalidArgument,
            "the cluster knows no Odd of v1",
        ),
    ] {
        // What is before it is applied only where the cluster alone can know.
        let error = apply(&cluster, &text, &options).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(expected), "{error}");
    }
    let both = format!("{POD}---\napiVersion: v1\nkind: Odd\nmetadata: {{name: o}}\n");
    apply(&cluster, &both, &options).await.unwrap_err();
    assert!(desk.server.object("/api/v1/namespaces/default/pods/p").is_none());
    let contradiction = ApplyOptions { namespace: Some("shop".into()), ..ApplyOptions::default() };
    let error =
        apply(&cluster, &pod("{name: p, namespace: default}", "{}"), &contradiction).await.unwrap_err();
    assert!(error.message.contains("\"default\" by its metadata, and in \"shop\" by --ns"), "{error}");
    let hostile = ApplyOptions { namespace: Some("../x".into()), ..ApplyOptions::default() };
    assert!(apply(&cluster, POD, &hostile).await.unwrap_err().message.contains("no name of a namespace"));

    // Fields of others are taken over by request alone.
    let owned = pod("{name: o, labels: {owner: other}}", "{containers: []}");
    apply(&cluster, &owned, &options).await.unwrap();
    let error = apply(&cluster, &owned, &options).await.unwrap_err();
    assert!(error.kind == ErrorKind::InUse && error.message.contains("1 conflict"), "{error}");
    apply(&cluster, &owned, &ApplyOptions { force: true, ..ApplyOptions::default() }).await.unwrap();
}

#[tokio::test]
async fn waiting() {
    let Some(desk) = Desk::new() else { return };
    let cluster = desk.cluster();
    let options = ApplyOptions::default();
    let pod = apply(&cluster, POD, &options).await.unwrap();
    cluster.wait(&pod, Duration::from_secs(30)).await.unwrap();
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n";
    let job = apply(&cluster, job, &options).await.unwrap();
    let error = cluster.wait(&job, Duration::from_secs(30)).await.unwrap_err().to_string();
    assert_eq!(error, "Job default/j has failed: it gave up");
    let never = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n";
    let never = apply(&cluster, never, &options).await.unwrap();
    let error = Error::from(cluster.wait(&never, Duration::from_secs(1)).await.unwrap_err());
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(error.message, "Deployment default/d is not ready within 1 seconds: updatedReplicas: 0 of 1");
}

#[tokio::test]
async fn who_asks_and_who_is_believed() {
    let Some(desk) = Desk::new() else { return };
    let text = |file: &str| desk.certificates.text(file);
    let base64 = |file: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(fs::read(desk.certificates.path(file)).unwrap())
    };
    let options = ApplyOptions::default();
    desk.file("token", &format!("{TOKEN}\n"));
    for user in [
        format!("token: {TOKEN}"),
        // From the folder of the kubeconfig.
        "tokenFile: token".into(),
        format!("client-certificate: {}, client-key: {}", text("client.pem"), text("client.key")),
        format!(
            "client-certificate-data: {}, client-key-data: {}",
            base64("client.pem"),
            base64("client.key")
        ),
    ] {
        let cluster = Cluster::new(read(&desk.config(&user)).unwrap());
        apply(&cluster, POD, &options).await.unwrap_or_else(|error| panic!("{user}: {error}"));
    }
    for (user, kind, expected) in [
        ("token: wrong".to_owned(), ErrorKind::Unauthorized, "Unauthorized"),
        (String::new(), ErrorKind::Unauthorized, "Unauthorized"),
        ("username: a, password: b".into(), ErrorKind::Unauthorized, "Unauthorized"),
        (
            format!("client-certificate: {}, client-key: {}", text("stranger.pem"), text("stranger.key")),
            ErrorKind::Unavailable,
            "the cluster at https://127.0.0.1",
        ),
    ] {
        let cluster = Cluster::new(read(&desk.config(&user)).unwrap());
        let error = apply(&cluster, POD, &options).await.unwrap_err();
        assert!(error.kind == kind && error.message.contains(expected), "{user}: {error}");
    }
    let config = desk.config(&format!("token: {TOKEN}"));
    let with = |authority: Option<Authority>, context: Option<&str>| {
        let choice = Choice { files: vec![config.clone()], context: context.map(str::to_owned), authority };
        Access::read(&choice).map(Cluster::new)
    };
    let applied = apply(&with(None, Some("two")).unwrap(), POD, &options).await.unwrap();
    assert_eq!(applied[0].namespace, "shop");
    apply(&with(Some(Authority::Insecure), None).unwrap(), POD, &options).await.unwrap();
    let stranger = Some(Authority::File(desk.certificates.path("stranger.pem")));
    let error = apply(&with(stranger, None).unwrap(), POD, &options).await.unwrap_err();
    assert!(error.kind == ErrorKind::Unavailable && error.message.contains("certificate"), "{error}");
    let error = with(None, Some("three")).unwrap_err().to_string();
    assert!(error.contains("no context \"three\"; there are: one, two"), "{error}");

    // Nobody sees the token in what is shown.
    assert!(!format!("{:?}", with(None, None).unwrap()).contains(TOKEN));

    // A name of the certificate that is not that of the address.
    let text = desk.server.kubeconfig(&desk.certificates, &format!("token: {TOKEN}"));
    let path = desk.file(
        "named",
        &text.replace("certificate-authority:", "tls-server-name: other\n    certificate-authority:"),
    );
    let error = apply(&Cluster::new(read(&path).unwrap()), POD, &options).await.unwrap_err();
    assert!(error.kind == ErrorKind::Unavailable, "{error}");
}

#[test]
fn kubeconfigs_that_say_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let config = |cluster: &str, user: &str| {
        format!(
            "contexts: [{{name: one, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {{{cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n"
        )
    };
    let https = "server: 'https://a'";
    for (text, kind, expected) in [
        (
            config(https, "exec: {command: aws}"),
            ErrorKind::Unsupported,
            "user \"u\": exec \"aws\" is not run",
        ),
        (
            config(https, "auth-provider: {name: gcp}"),
            ErrorKind::Unsupported,
            "auth-provider \"gcp\" is not run",
        ),
        (config(https, "as: admin"), ErrorKind::Unsupported, "another user"),
        (config("server: 'https://a', proxy-url: 'http://p'", ""), ErrorKind::Unsupported, "proxy-url"),
        (config("", ""), ErrorKind::InvalidArgument, "\"\" is no address of a server"),
        (config("server: 'ftp://a'", ""), ErrorKind::InvalidArgument, "must begin with https://"),
        (config("server: 'https://me:pw@a'", ""), ErrorKind::InvalidArgument, "no address of a server"),
        (config("server: 'http://a'", "token: t"), ErrorKind::InvalidArgument, "not sent over http"),
        (config("server: 'https://a', certificate-authority: none.pem", ""), ErrorKind::NotFound, "none.pem"),
        (
            config("server: 'https://a', certificate-authority-data: '?'", ""),
            ErrorKind::InvalidArgument,
            "no base64",
        ),
        (
            config("server: 'https://a', certificate-authority-data: YQ==", ""),
            ErrorKind::InvalidArgument,
            "no PEM certificate",
        ),
        (
            config(https, "client-key-data: YQ=="),
            ErrorKind::InvalidArgument,
            "client-key-data: there is no PEM key",
        ),
        (config(https, "tokenFile: none"), ErrorKind::InvalidArgument, "none: no such file"),
        (config(https, "token: \"a\\nb\""), ErrorKind::InvalidArgument, "characters that none may have"),
        (
            config(https, "").replace("cluster: c,", "cluster: d,"),
            ErrorKind::InvalidArgument,
            "no cluster \"d\"",
        ),
        (config(https, "").replace("user: u}", "user: v}"), ErrorKind::InvalidArgument, "no user \"v\""),
        ("contexts: []".into(), ErrorKind::InvalidArgument, "no current-context"),
        ("contexts: 5".into(), ErrorKind::InvalidArgument, "config: line 1: contexts"),
        ("a: 1\n---\nb: 1\n".into(), ErrorKind::InvalidArgument, "several documents"),
    ] {
        fs::write(&path, &text).unwrap();
        let error = read(&path).err().unwrap_or_else(|| panic!("{text} is taken"));
        assert!(error.kind == kind && error.message.contains(expected), "{text}: {:?} {error}", error.kind);
    }
    assert_eq!(read(&folder.path().join("none")).unwrap_err().kind, ErrorKind::NotFound);

    // Of several files the first that says something holds, and those that are missing are none.
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    let first =
        write("first", "current-context: one\nclusters: [{name: c, cluster: {server: 'https://first:1'}}]\n");
    let second = write("second", &config("server: 'https://second:2'", ""));
    let choice = Choice { files: vec![folder.path().join("none"), first, second], ..Choice::default() };
    assert!(format!("{:?}", Access::read(&choice).unwrap()).contains("https://first:1"));
}

/// One answer of bytes to whoever asks.
fn saying(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let answer = answer.clone();
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(&answer);
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn servers_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let head =
        |status: &str, headers: &str| format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n");
    let endless = head("200 OK", "") + &" ".repeat(17 << 20);
    let hostile = head("200 OK", "")
        + "{\"resources\": [{\"name\": \"../../x\", \"kind\": \"Pod\", \"namespaced\": true}]}";
    for (answer, expected) in [
        (String::new(), "the cluster at http://127.0.0.1"),
        ("no HTTP\r\n\r\n".into(), "the cluster at http://127.0.0.1"),
        (head("302 Found", "Location: http://elsewhere/\r\n"), "302 Found, which is not followed"),
        (head("200 OK", "") + "<html>", "its answer is no JSON"),
        (head("502 Bad Gateway", "") + "<html>gone</html>", "502 Bad Gateway: <html>gone</html>"),
        (
            head("500 Odd", "") + "{\"kind\": \"Status\", \"message\": \"full\", \"reason\": \"Odd\"}",
            "full (Odd)",
        ),
        (endless, "more than 16777216 bytes"),
        // A name that would lead elsewhere is none.
        (hostile, "the cluster knows no Pod of v1"),
    ] {
        let shown: String = answer.chars().take(80).collect();
        let server = saying(answer.into_bytes());
        fs::write(
            &path,
            format!("contexts: [{{name: a, context: {{cluster: c}}}}]\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n"),
        )
        .unwrap();
        let cluster = Cluster::new(read(&path).unwrap());
        let error = apply(&cluster, POD, &ApplyOptions::default()).await.unwrap_err();
        assert!(error.message.contains(expected), "{shown:?}: {error}");
    }
}
