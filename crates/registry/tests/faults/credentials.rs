//! Who sees credentials and tokens, and who does not.

use std::sync::Arc;

use cove_config::Credentials;
use cove_config::registries::{Mirror, MirrorPull, Registries, Registry};
use cove_registry::Error;

use crate::common::TestImage;
use crate::common::fake::{Fake, Reply, Seen};
use crate::{faulty, good, options, pull, test_image, with_password};

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_bounded_and_keep_credentials_home() {
    let (fake, _) = faulty(|_, seen| {
        seen.path.contains("/blobs/").then(|| Reply::status(307).header("Location", &seen.path))
    })
    .await;
    let error = pull(&fake, options(), ":1").await.unwrap_err();
    assert!(error.to_string().contains("redirects"), "{error}");
    assert!(fake.count("/blobs/") <= 6 * 11);

    for target in ["file:///etc/passwd", "ftp://127.0.0.1/x", "javascript:1"] {
        let (fake, _) = faulty(move |_, seen| {
            seen.path.contains("/blobs/").then(|| Reply::status(302).header("Location", target))
        })
        .await;
        let error = pull(&fake, options(), ":1").await.unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{target}: {error}");
    }

    // A blob on another host comes, and that host sees no credentials.
    let image = test_image();
    let served = image.clone();
    let other = Fake::start(move |seen| good(&served, seen)).await;
    let (host, served) = (other.host(), image.clone());
    let fake = Fake::start(move |seen| {
        if seen.authorization.is_none() {
            return Reply::status(401).header("WWW-Authenticate", "Basic realm=\"x\"");
        }
        if seen.path.contains("/blobs/") {
            return Reply::status(307).header("Location", format!("http://{host}{}?secret=1", seen.path));
        }
        good(&served, seen)
    })
    .await;
    let report = pull(&fake, with_password(options()), ":1").await.unwrap();
    assert_eq!(report.config_digest, image.config.descriptor.digest);
    assert!(other.count("/blobs/") >= 4);
    assert!(other.log().iter().all(|seen| seen.authorization.is_none()));
}

fn bearer(seen: &Seen, host: &str, token: &str) -> Option<Reply> {
    if seen.authorization.as_deref() == Some(&format!("Bearer {token}")) {
        return None;
    }
    let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\",scope=\"x\"");
    Some(Reply::status(401).header("WWW-Authenticate", challenge))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_renewed_once() {
    let image = test_image();
    let served = image.clone();
    let port = Arc::new(std::sync::OnceLock::new());
    let known = port.clone();
    let fake = Fake::start(move |seen| {
        let host = format!("127.0.0.1:{}", known.get().copied().unwrap_or(0_u16));
        if seen.path.starts_with("/token") {
            let token = if seen.before == 0 { "first" } else { "second" };
            return Reply::ok(format!("{{\"token\":\"{token}\",\"expires_in\":1}}"));
        }
        if seen.path == "/v2/" {
            return Reply::ok("{}");
        }
        let wanted = if seen.path.contains("/manifests/") { "first" } else { "second" };
        bearer(seen, &host, wanted).unwrap_or_else(|| good(&served, seen))
    })
    .await;
    port.set(fake.port).unwrap();
    let report = pull(&fake, with_password(options()), ":1").await.unwrap();
    assert_eq!(report.config_digest, image.config.descriptor.digest);
    assert_eq!(fake.count("/token"), 2);
    let asked: Vec<_> = fake.log().into_iter().filter(|seen| seen.path.starts_with("/token")).collect();
    assert!(
        asked.iter().all(|seen| seen.authorization.as_deref().is_some_and(|text| text.starts_with("Basic ")))
    );
    assert!(asked[0].path.contains("scope=repository%3Ateam%2Fapp%3Apull"), "{}", asked[0].path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_token_server_sees_no_credentials() {
    let realm = Fake::start(|_| Reply::ok("{\"token\":\"anonymous\"}")).await;
    let host = realm.host();
    let image = test_image();
    let served = image.clone();
    let fake =
        Fake::start(move |seen| bearer(seen, &host, "anonymous").unwrap_or_else(|| good(&served, seen)))
            .await;
    let mut options = options();
    let own = fake.host();
    options.credentials = Arc::new(move |key: &str| {
        Ok(key.starts_with(&own).then(|| Credentials::new("user".into(), "pass-word".into(), None)))
    });
    pull(&fake, options, ":1").await.unwrap();
    assert!(realm.count("/token") >= 1);
    assert!(realm.log().iter().all(|seen| seen.authorization.is_none()), "{:?}", realm.log());
    assert!(realm.log().iter().all(|seen| !seen.path.contains("user")));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_explained_and_not_shown() {
    let fake = Fake::start(|seen| {
        if seen.path == "/v2/" {
            return Reply::ok("{}");
        }
        Reply::status(401).header("WWW-Authenticate", "Basic realm=\"x\"")
    })
    .await;
    let text = pull(&fake, with_password(options()), ":1").await.unwrap_err().to_string();
    assert!(text.contains("invalid username/password") && !text.contains("pass-word"), "{text}");
    let text = pull(&fake, options(), ":1").await.unwrap_err().to_string();
    assert!(text.contains("log in"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_for_one_place_reach_no_mirror() {
    for for_own_place in [true, false] {
        let image = test_image();
        let asks = |image: Arc<TestImage>| {
            move |seen: &Seen| match seen.authorization {
                Some(_) => good(&image, seen),
                None => Reply::status(401).header("WWW-Authenticate", "Basic realm=\"x\""),
            }
        };
        let mirror = Fake::start(asks(image.clone())).await;
        let own = Fake::start(asks(image.clone())).await;
        let mut options = with_password(options());
        options.for_own_place = for_own_place;
        options.registries = Registries {
            registries: vec![Registry {
                prefix: own.host(),
                mirrors: vec![Mirror { location: mirror.host(), insecure: true, pull: MirrorPull::All }],
                ..Registry::default()
            }],
            ..Registries::default()
        };
        let report = pull(&own, options, ":1").await.unwrap();
        assert_eq!(report.config_digest, image.config.descriptor.digest);
        assert!(!mirror.log().is_empty(), "the mirror is asked first");
        let is_told = mirror.log().iter().any(|seen| seen.authorization.is_some());
        assert_eq!(is_told, !for_own_place, "{:?}", mirror.log());
        assert_eq!(own.count("/blobs/") > 0, for_own_place);
    }
}
