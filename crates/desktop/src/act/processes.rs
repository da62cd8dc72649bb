//! The processes of a container, again and again while somebody looks.

use std::sync::Arc;
use std::time::Duration;

use cove_api::Engine;

use crate::act::flows::{self, Sink};
use crate::core::Core;
use crate::view::ProcessRow;
use crate::{Event, Failure};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// Follows a container's processes and answers the subscription's number.
pub(crate) fn open(core: &Arc<Core>, id: String) -> Result<u32, Failure> {
    let engine = core.engine()?;
    Ok(flows::open(core, |_, sink| follow(engine, id, sink)))
}

async fn follow(engine: Arc<dyn Engine>, id: String, sink: Sink) -> cove_api::Result<Option<i32>> {
    let columns = ProcessRow::COLUMNS.map(str::to_owned).to_vec();
    loop {
        let report = engine.containers().top(&id, columns.clone()).await?;
        let processes = report.processes.iter().map(|cells| ProcessRow::of(cells)).collect();
        sink.send(Event::Processes { subscription: sink.subscription, processes });
        sink.room().await;
        tokio::time::sleep(INTERVAL).await;
    }
}
