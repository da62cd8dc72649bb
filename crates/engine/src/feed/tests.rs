//! Feeds over an engine in memory.

use std::sync::Arc;
use std::time::Duration;

use cove_api::{ErrorKind, FollowOptions, Result, SnapshotReason, StateLine, ValueStream};
use cove_test_support::FakeEngine;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::followers::{Feeds, follow_for};

struct Bed {
    feeds: Arc<Feeds>,
    engine: FakeEngine,
    linger: Duration,
}

impl Bed {
    fn new(linger: Duration) -> Self {
        let engine = FakeEngine::living(&[("a", "running"), ("b", "exited")]);
        Self { feeds: Arc::default(), engine, linger }
    }

    fn follow(&self, since: Option<&StateLine>) -> ValueStream<StateLine> {
        let options = since.map_or_else(FollowOptions::default, |line| FollowOptions {
            since: Some(line.sequence),
            feed: line.feed.clone(),
        });
        follow_for(&self.feeds, Arc::new(self.engine.clone()), &options, self.linger)
    }
}

async fn next(lines: &mut ValueStream<StateLine>) -> Result<StateLine> {
    timeout(Duration::from_secs(20), lines.next()).await.expect("a line in time").expect("a line")
}

fn ids(line: &StateLine) -> Vec<&str> {
    let rows = line.snapshot.as_deref().unwrap_or(&line.changed);
    rows.containers.iter().map(|row| row.id.as_str()).collect()
}

#[tokio::test]
async fn a_snapshot_then_changes_each_with_the_next_number() {
    let bed = Bed::new(Duration::from_secs(60));
    let mut lines = bed.follow(None);
    let first = next(&mut lines).await.unwrap();
    assert_eq!((first.reason, ids(&first)), (Some(SnapshotReason::First), vec!["a", "b"]));
    bed.engine.set("b", "running");
    let second = next(&mut lines).await.unwrap();
    assert_eq!((second.sequence, &second.feed), (first.sequence + 1, &first.feed));
    assert_eq!((ids(&second), second.snapshot.is_none()), (vec!["b"], true));
    // What happens at once is one line; what changes nothing is none.
    bed.engine.tell("container", "exec_create", "a");
    bed.engine.set("a", "removed");
    bed.engine.set("c", "created");
    let third = next(&mut lines).await.unwrap();
    assert_eq!((ids(&third), &third.removed.containers), (vec!["c"], &vec!["a".to_owned()]));
    assert_eq!(third.sequence, first.sequence + 2);
    bed.engine.tell("container", "start", "c");
    assert!(timeout(Duration::from_millis(400), lines.next()).await.is_err());
}

#[tokio::test]
async fn whoever_comes_back_goes_on_where_they_were() {
    let bed = Bed::new(Duration::from_secs(60));
    let mut lines = bed.follow(None);
    let first = next(&mut lines).await.unwrap();
    let mut other = bed.follow(None);
    next(&mut other).await.unwrap();
    drop(lines);
    bed.engine.set("b", "paused");
    next(&mut other).await.unwrap();
    drop(other);
    // Nobody follows now, and for a while that makes no difference.
    let mut again = bed.follow(Some(&first));
    let missed = next(&mut again).await.unwrap();
    assert_eq!((missed.sequence, ids(&missed)), (first.sequence + 1, vec!["b"]));
    let mut up_to_date = bed.follow(Some(&missed));
    assert!(timeout(Duration::from_millis(300), up_to_date.next()).await.is_err());
    // A number that nobody was told, and one of another feed.
    for known in [
        StateLine { sequence: missed.sequence + 1, ..missed.clone() },
        StateLine { sequence: 3, ..missed.clone() },
        StateLine { feed: "other".into(), ..missed.clone() },
    ] {
        let line = next(&mut bed.follow(Some(&known))).await.unwrap();
        assert_eq!((line.reason, ids(&line)), (Some(SnapshotReason::Gone), vec!["a", "b"]));
        assert_eq!(line.sequence, missed.sequence);
    }
    // One reader of events for all.
    let reading = bed.engine.calls().iter().filter(|call| call.starts_with("events")).count();
    assert_eq!(reading, 1);
}

#[tokio::test]
async fn whoever_is_slow_is_told_all_again() {
    let bed = Bed::new(Duration::from_secs(60));
    let mut slow = bed.follow(None);
    let first = next(&mut slow).await.unwrap();
    let mut quick = bed.follow(None);
    next(&mut quick).await.unwrap();
    // More rows than are kept, by one look at a time.
    let mut last = first.sequence;
    for round in 1..=3 {
        let row = |number: u32| cove_api::ContainerSummary {
            id: number.to_string(),
            restarts: round,
            ..cove_api::ContainerSummary::default()
        };
        bed.engine.contents().containers = (0..8000).map(row).collect();
        for number in 0..200 {
            bed.engine.tell("container", "restart", &number.to_string());
        }
        last = next(&mut quick).await.unwrap().sequence;
    }
    assert_eq!(last, first.sequence + 3);
    let line = next(&mut slow).await.unwrap();
    assert_eq!((line.reason, line.sequence), (Some(SnapshotReason::Behind), last));
    assert_eq!(ids(&line).len(), 8000);
}

#[tokio::test]
async fn a_feed_ends_after_the_last_follower() {
    let bed = Bed::new(Duration::from_millis(50));
    let mut lines = bed.follow(None);
    let first = next(&mut lines).await.unwrap();
    drop(lines);
    for _ in 0..500 {
        if bed.feeds.lock().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(bed.engine.live_streams(), 0);
    let line = next(&mut bed.follow(Some(&first))).await.unwrap();
    assert_eq!(line.reason, Some(SnapshotReason::Gone));
    assert!(line.feed != first.feed && line.sequence > first.sequence, "{line:?}");
}

#[tokio::test]
async fn when_the_events_end_everybody_is_told_so() {
    let bed = Bed::new(Duration::from_secs(60));
    let (mut one, mut other) = (bed.follow(None), bed.follow(None));
    next(&mut one).await.unwrap();
    next(&mut other).await.unwrap();
    bed.engine.hang_up();
    for lines in [&mut one, &mut other] {
        assert_eq!(next(lines).await.unwrap_err().kind, ErrorKind::Unavailable);
        assert!(lines.next().await.is_none());
    }
    // The next one begins anew.
    assert_eq!(next(&mut bed.follow(None)).await.unwrap().reason, Some(SnapshotReason::First));
}
