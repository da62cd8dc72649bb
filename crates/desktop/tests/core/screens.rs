//! What a screen is told of engines and what happens there.

use cove_api::ErrorKind;
use cove_desktop::view::LinkState;
use cove_desktop::{Call, Failure, Target};

use crate::{Screen, desktop, living, start};

#[tokio::test]
async fn shows_what_happens_elsewhere() {
    let engine = living(&[("a", "running"), ("b", "exited")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    assert_eq!((screen.state("a"), screen.state("b")), (Some("running"), Some("exited")));
    assert_eq!(screen.seen.health.version, "0.1.0");
    engine.set("c", "running");
    engine.set("a", "exited");
    engine.set("b", "removed");
    screen
        .until("changes", |screen| {
            screen.state("c") == Some("running")
                && screen.state("a") == Some("exited")
                && screen.state("b").is_none()
        })
        .await;
}

#[tokio::test]
async fn a_storm_of_events_is_few_batches() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    for number in 0..2000 {
        engine.set(&format!("c{}", number % 500), if number % 2 == 0 { "running" } else { "exited" });
    }
    let mut batches = 0;
    while screen.seen.rows.containers.len() < 500 {
        let batch = screen.batches.recv().await.unwrap();
        batches += 1;
        for event in batch.iter().cloned() {
            screen.apply(event);
        }
    }
    assert!(batches < 60, "{batches} batches");
}

#[tokio::test]
async fn a_broken_connection_is_made_again() {
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    engine.contents().containers.clear();
    engine.hang_up();
    screen.until("lost", |screen| screen.seen.health.state == LinkState::Lost).await;
    screen.ready().await;
    screen.until("the missed change", |screen| screen.seen.rows.containers.is_empty()).await;
}

#[tokio::test]
async fn another_engine_brings_its_own_objects() {
    let other = living(&[("z", "running")]);
    let remote = Target::Remote("unix:///x".into());
    let desktop = start(vec![(Target::Native, Some(living(&[("a", "running")]))), (remote, Some(other))]);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    desktop.call(Call::Connect { connection: "remote".into() }).await.unwrap();
    screen.until("the other", |screen| screen.state("z").is_some()).await;
    assert_eq!(screen.state("a"), None);
    assert_eq!(screen.seen.health.connection, "remote");
    let failure = desktop.call(Call::Connect { connection: "machine:none".into() }).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn without_an_engine_it_says_so() {
    let desktop = start(vec![(Target::Native, None)]);
    let mut screen = Screen::new(&desktop);
    screen.until("lost", |screen| screen.seen.health.state == LinkState::Lost).await;
    assert_eq!(screen.seen.health.message.as_deref(), Some("nobody there"));
    let failure = desktop.call(Call::Pull { image: "x".into() }).await.unwrap_err();
    assert_eq!(failure, Failure::new(ErrorKind::Unavailable, "nobody there"));
}

#[tokio::test]
async fn a_slow_screen_gets_a_snapshot_for_what_it_missed() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut slow = Screen::new(&desktop);
    let mut quick = Screen::new(&desktop);
    quick.ready().await;
    // More batches than a listener may owe; each waits for its own flush.
    for number in 0..280 {
        let state = if number % 2 == 0 { "running" } else { "paused" };
        engine.set("a", state);
        quick.until("change", |screen| screen.state("a") == Some(state)).await;
    }
    engine.set("last", "running");
    quick.until("last", |screen| screen.state("last").is_some()).await;
    // The slow one reads now, and is told at once what it missed: no change has to come first.
    while slow.batches.try_recv().is_ok() {}
    slow.until("all", |screen| screen.state("a").is_some() && screen.state("last").is_some()).await;
}

#[tokio::test]
async fn what_happens_is_kept_to_be_read() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    for number in 0..310 {
        engine.tell("volume", "create", &format!("v{number}"));
    }
    screen
        .until("the last one", |screen| {
            screen.seen.rows.happenings.last().is_some_and(|row| row.object == "v309")
        })
        .await;
    assert_eq!(screen.seen.rows.happenings.len(), 300);
}
