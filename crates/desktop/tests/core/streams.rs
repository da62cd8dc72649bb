//! Logs, terminals and what containers use.

use std::time::Duration;

use cove_api::ErrorKind;
use cove_desktop::{Call, Event, Reply, TerminalOptions};
use cove_test_support::{BROKEN, FakeEngine, sample};

use crate::{Screen, desktop, living, subscription};

#[tokio::test]
async fn logs_come_whole_and_in_order() {
    let engine = living(&[("a", "running")]);
    engine.contents().log = (0..20_000).map(sample::log_line).collect();
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    desktop.call(Call::OpenLog { id: "a".into(), tail: 100 }).await.unwrap();
    screen.until("the end", |screen| screen.log_ended).await;
    assert_eq!(screen.log.len(), 20_000);
    assert!(screen.log.iter().enumerate().all(|(number, line)| *line == format!("line {number}")));
}

#[tokio::test]
async fn an_endless_log_does_not_fill_the_memory() {
    let engine = living(&[("endless", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let Reply::Subscription { subscription } =
        desktop.call(Call::OpenLog { id: "endless".into(), tail: 1 }).await.unwrap()
    else {
        panic!("no subscription")
    };
    screen.until("lines", |screen| screen.log.len() > 10_000).await;
    desktop.call(Call::Close { subscription }).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    // What was on its way may still come, then there is silence.
    while let Ok(batch) = screen.batches.try_recv() {
        assert!(batch.iter().all(|event| !matches!(event, Event::Log { lines, .. } if lines.len() > 6000)));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(screen.batches.try_recv().is_err());
}

#[tokio::test]
async fn a_terminal_takes_what_is_typed_and_ends_with_its_screen() {
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let options = TerminalOptions { id: "a".into(), columns: 80, rows: 24, ..TerminalOptions::default() };
    let call = Call::OpenTerminal { options: options.clone() };
    let number = subscription(&desktop.call(call.clone()).await.unwrap());
    engine.calls();
    desktop.call(Call::Type { subscription: number, data: "ls".into() }).await.unwrap();
    // The session echoes in upper case.
    screen.until("the echo", |screen| screen.shown == ["TFM="]).await;
    desktop.call(Call::Resize { subscription: number, columns: 100, rows: 30 }).await.unwrap();
    desktop.call(Call::Shown { subscription: number, bytes: 2 }).await.unwrap();
    desktop.call(Call::Close { subscription: number }).await.unwrap();
    wait_for(&engine, "exec remove session true").await;
    let failure = desktop.call(Call::Type { subscription: number, data: "x".into() }).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::WrongState);
    let broken = TerminalOptions { id: BROKEN.into(), ..options };
    desktop.call(Call::OpenTerminal { options: broken }).await.unwrap();
    screen.until("why it did not start", |screen| screen.ends.iter().any(|(_, why)| why.is_some())).await;
}

/// Waits until the engine was asked for something.
async fn wait_for(engine: &FakeEngine, wanted: &str) {
    let wait = async {
        while !engine.calls().iter().any(|call| call == wanted) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("never: {wanted}"));
}

#[tokio::test]
async fn what_a_container_uses_is_told_until_there_is_no_more() {
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    desktop.call(Call::OpenStats { id: "a".into() }).await.unwrap();
    screen.until("samples and their end", |screen| screen.samples > 0 && screen.ends == [(None, None)]).await;
}

#[tokio::test]
async fn processes_come_while_somebody_looks_and_a_container_that_does_not_run_says_so() {
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let reply = desktop.call(Call::OpenProcesses { id: "a".into() }).await.unwrap();
    screen.until("a process", |screen| screen.processes == [1]).await;
    desktop.call(Call::Close { subscription: subscription(&reply) }).await.unwrap();
    assert!(engine.calls().iter().any(|call| call.starts_with("top a ") && call.contains("\"rss\"")));
    desktop.call(Call::OpenProcesses { id: BROKEN.into() }).await.unwrap();
    screen.until("the failure", |screen| !screen.ends.is_empty()).await;
    assert!(screen.ends[0].1.is_some());
}

#[tokio::test]
async fn logs_of_several_are_in_one_by_their_time_and_none_is_missing_for_another() {
    let engine = living(&[("a", "running"), ("b", "running")]);
    engine.contents().log = (0..300).map(sample::log_line).collect();
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let ids = ["a", BROKEN, "b"].map(str::to_owned).to_vec();
    desktop.call(Call::OpenLogs { ids, tail: 1000 }).await.unwrap();
    screen.until("the end", |screen| screen.log_ended).await;
    let of = |text: &str| screen.log.iter().filter(|line| line.as_str() == text).count();
    assert_eq!((of("line 0"), of("line 299")), (2, 2));
    assert_eq!(screen.log.iter().filter(|line| line.contains("broken")).count(), 1, "{:?}", &screen.log[..3]);
}

#[tokio::test]
async fn a_volume_is_looked_into_folder_by_folder() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    desktop.call(Call::OpenVolume { name: "v".into() }).await.unwrap();
    screen.until("the end", |screen| !screen.ends.is_empty()).await;
    assert_eq!(screen.ends, [(None, None)]);
    assert_eq!(screen.files, ["etc", "ä b", "more", "etc/more"]);
    // Nothing that is in the files was sent for that.
    assert!(!engine.calls().iter().any(|call| call.starts_with("volume export")));
    desktop.call(Call::OpenVolume { name: BROKEN.into() }).await.unwrap();
    screen.until("the failure", |screen| screen.ends.len() == 2).await;
    assert!(screen.ends[1].1.is_some());
}
