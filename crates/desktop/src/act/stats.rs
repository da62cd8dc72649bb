//! What a container uses, second by second.

use std::sync::Arc;

use cove_api::{Engine, StatsOptions};
use futures_util::StreamExt as _;

use crate::act::flows::{self, Sink};
use crate::core::Core;
use crate::{Event, Failure};

/// Seconds between two samples.
const INTERVAL: u32 = 1;

/// Follows a container's use and answers the subscription's number.
pub(crate) fn open(core: &Arc<Core>, id: String) -> Result<u32, Failure> {
    let engine = core.engine()?;
    Ok(flows::open(core, |_, sink| follow(engine, id, sink)))
}

async fn follow(engine: Arc<dyn Engine>, id: String, sink: Sink) -> cove_api::Result<Option<i32>> {
    let options = StatsOptions { all: false, stream: true, interval: INTERVAL, containers: vec![id] };
    let mut samples = engine.containers().stats(options).await?;
    while let Some(sample) = samples.next().await {
        let Some(sample) = sample?.into_iter().next() else { continue };
        sink.send(Event::Stats { subscription: sink.subscription, sample: sample.into() });
        sink.room().await;
    }
    Ok(None)
}
