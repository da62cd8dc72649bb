//! Acts on objects, and their lists after them.

use cove_api::ErrorKind;
use cove_desktop::{Call, ContainerAct, Failure, Reply};
use cove_test_support::{BROKEN, sample};

use crate::{Screen, desktop, living};

#[tokio::test]
async fn acts_go_on_past_an_error() {
    let engine = living(&[("a", "created"), ("b", "created")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let ids = ["a", "missing", "b"].map(str::to_owned).to_vec();
    let failure = desktop.call(Call::Containers { act: ContainerAct::Start, ids }).await.unwrap_err();
    assert_eq!(failure, Failure::new(ErrorKind::NotFound, "no container missing"));
    screen.until("both run", |screen| ["a", "b"].iter().all(|id| screen.state(id) == Some("running"))).await;
    let remove = Call::Remove { kind: "image".into(), ids: vec![BROKEN.into()], force: false };
    let failure = desktop.call(remove).await.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::InUse, "broken: image is in use"));
}

#[tokio::test]
async fn networks_and_volumes_are_live_and_can_be_removed() {
    let engine = living(&[]);
    engine.contents().volumes.push(sample::volume("data"));
    engine.contents().networks.push(sample::network("shop"));
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let volumes =
        |screen: &Screen| screen.seen.rows.volumes.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    assert_eq!(volumes(&screen), ["data"]);
    assert_eq!(screen.seen.rows.networks[0].name, "shop");
    engine.contents().volumes.push(sample::volume("more"));
    engine.tell("volume", "create", "more");
    screen.until("the new volume", |screen| volumes(screen) == ["data", "more"]).await;
    let remove =
        |kind: &str, id: &str| Call::Remove { kind: kind.into(), ids: vec![id.into()], force: false };
    assert_eq!(desktop.call(remove("volume", "data")).await, Ok(Reply::Done));
    screen.until("one volume", |screen| volumes(screen) == ["more"]).await;
    assert_eq!(
        desktop.call(remove("network", &screen.seen.rows.networks[0].id.clone())).await,
        Ok(Reply::Done)
    );
    screen.until("no network", |screen| screen.seen.rows.networks.is_empty()).await;
    assert_eq!(desktop.call(remove("volume", BROKEN)).await.unwrap_err().kind, ErrorKind::NotFound);
    let unknown = desktop.call(remove("planet", "x")).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::InvalidArgument);
    assert_eq!(desktop.call(remove("container", "x")).await.unwrap_err().kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn pods_follow_their_containers() {
    let engine = living(&[("a", "running")]);
    engine.contents().pods.push(cove_api::PodSummary { id: "p".into(), ..cove_api::PodSummary::default() });
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    assert_eq!(screen.seen.rows.pods.len(), 1);
    engine.contents().pods[0].name = "renamed".into();
    engine.set("a", "exited");
    screen.until("the pod's change", |screen| screen.seen.rows.pods[0].name == "renamed").await;
    let act = |ids: &[&str]| Call::Pods {
        act: ContainerAct::Stop,
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
    };
    assert_eq!(desktop.call(act(&["whole"])).await, Ok(Reply::Done));
    let failure = desktop.call(act(&[BROKEN, "half"])).await.unwrap_err();
    assert!(failure.message.contains("broken"), "{failure:?}");
    assert!(engine.calls().iter().any(|call| call == "pod stop None half"), "the second one was tried");
    let remove = Call::Remove { kind: "pod".into(), ids: vec!["half".into()], force: true };
    assert_eq!(desktop.call(remove).await.unwrap_err().message, "c: it runs");
}
