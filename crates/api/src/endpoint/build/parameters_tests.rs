//! The spellings of a build's parameters.

use super::BuildParameters;
use crate::wire::query;
use crate::{BuildOptions, OtherContext, PullPolicy};

#[test]
fn every_spelling_is_read() {
    let read = |text: &str| query::decode::<BuildParameters>(text).unwrap();
    let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let json = escaped(r#"["a=b","c=d"]"#);
    let map = escaped(r#"{"a":"b","c":"d"}"#);
    let pairs = vec![("a".to_owned(), "b".to_owned()), ("c".to_owned(), "d".to_owned())];
    assert_eq!(read(&format!("labels={json}")).labels, pairs);
    assert_eq!(read(&format!("labels={map}")).labels, pairs);
    assert_eq!(read("dockerfile=Dockerfile").dockerfile, ["Dockerfile"]);
    assert_eq!(read(&format!("dockerfile={}", escaped(r#"["a","b"]"#))).dockerfile, ["a", "b"]);
    assert_eq!(read("extrahosts=a:1,b:2").extrahosts, ["a:1", "b:2"]);
    let args = read(&format!("buildargs={}", escaped(r#"{"a":"b","c":null}"#)));
    assert_eq!(args.options().unwrap().build_args, [("a".to_owned(), "b".to_owned())].into());
    let limits = read(&format!("ulimits={}", escaped(r#"[{"Name":"nofile","Hard":2,"Soft":1}]"#)));
    let wanted = crate::Rlimit { kind: "nofile".into(), hard: 2, soft: 1 };
    assert_eq!(limits.options().unwrap().run.r_limits, [wanted]);
    assert_eq!(read("pull=1").options().unwrap().pull, PullPolicy::Newer);
    assert_eq!(read("pull=alpine").options().unwrap().pull, PullPolicy::Newer);
    assert!(read("rm=0&forcerm=0").rm);
    assert_eq!(read("").options().unwrap().run.httpproxy, Some(true));
    assert!(read("isolation=chroot").options().unwrap().run.pidns.is_host());
    assert!(
        read("isolation=2&networkmode=none").options().unwrap().run.netns == crate::Namespace::new("none")
    );
    assert!(read("isolation=1").options().unwrap().run.pidns.is_default());
    assert!(read("isolation=vm").options().is_err());
    assert!(read("volume=a:b").options().is_err());
    let context = read(
        "remote=https://x/y.tar&secrets=%5B%22id%3Da%2Csrc%3Db%22%5D&additionalbuildcontexts=c%3Durl%3Ahttps%3A%2F%2Fd\
         &additionalbuildcontexts=e%3Dimage%3Adocker%3A%2F%2Ff&additionalbuildcontexts=g%3Dlocalpath%3A.cove-build-context-0",
    );
    let context = context.context(Box::pin(futures_util::stream::empty())).unwrap();
    assert_eq!(context.remote, "https://x/y.tar");
    assert_eq!(context.packed_secrets, [("a".to_owned(), "b".to_owned())]);
    let others = [
        ("c", OtherContext::Url("https://d".into())),
        ("e", OtherContext::Image("f".into())),
        ("g", OtherContext::Packed(".cove-build-context-0".into())),
    ];
    assert_eq!(context.others, others.map(|(name, other)| (name.to_owned(), other)));
    for wrong in
        ["secrets=id%3Da", "additionalbuildcontexts=a", "additionalbuildcontexts=a%3Dlocalpath%3A%2Fetc"]
    {
        let context = read(wrong).context(Box::pin(futures_util::stream::empty()));
        assert!(context.is_err(), "{wrong}");
    }
}

#[test]
fn what_a_client_asks_is_what_a_service_reads() {
    let mut options = BuildOptions {
        tags: vec!["a".into(), "b:1".into()],
        files: vec!["x y".into()],
        labels: vec![("a".into(), "b=c".into())],
        env: vec![("e".into(), "f".into())],
        no_cache: true,
        layers: false,
        squash: true,
        timestamp: Some(0),
        source_date_epoch: Some(1),
        rewrite_timestamp: true,
        compat_volumes: true,
        source_policy: "{}".into(),
        jobs: Some(3),
        cache_from: vec!["host/a".into()],
        cache_to: vec!["host/b".into(), "host/c".into()],
        cache_ttl: Some(std::time::Duration::from_millis(1500)),
        platforms: vec!["linux/amd64".into(), "linux/arm64/v8".into()],
        manifest: "list".into(),
        os_version: "1.2".into(),
        os_features: vec!["a".into(), "b-".into()],
        ..BuildOptions::default()
    };
    options.run.cap_add = vec!["CAP_SYS_ADMIN".into()];
    let written = query::encode(&BuildParameters::from(&options));
    assert_eq!(query::decode::<BuildParameters>(&written).unwrap().options().unwrap(), options);
}
