//! `machine stop`.

use std::time::Duration;

use super::machines::Machines;
use crate::error::Result;
use crate::name::MachineName;
use crate::progress::{ProgressSink, StepTime, Steps};
use crate::provider::Stop;

/// Time for the guest to end its containers after the power button, before it is switched off.
const ORDERLY: Duration = Duration::from_secs(30);

impl Machines {
    /// Stops a machine: the power button first, the switch where that does not help. A stopped one is no error.
    ///
    /// # Errors
    /// It does not exist, or its process does not go away.
    pub async fn stop(&self, name: &MachineName, sink: ProgressSink<'_>) -> Result<Vec<StepTime>> {
        let mut steps = Steps::new(sink);
        let (_, paths) = self.find(name)?;
        let _lock = self.lock(name, &paths).await?;
        let (mut record, paths) = self.load(name)?;
        let provider = self.provider(record.provider);
        let was_running = provider.is_alive(&paths);
        steps.begin("shutdown");
        provider.stop(&record, &paths, Stop::Orderly(ORDERLY)).await?;
        steps.begin("agent");
        self.end_agent(&paths).await;
        if was_running {
            record.last_up = Some(jiff::Timestamp::now().to_string());
            self.save(&record, &paths)?;
        }
        Ok(steps.finish())
    }
}
