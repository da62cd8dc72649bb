//! How long a client waits in all because registries ask it to.

use std::time::{Duration, Instant};

/// What is left of the time that may be waited; waits at the same time count once.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    spent: Duration,
    /// When the last wait that was granted is over.
    until: Option<Instant>,
}

/// A wait that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted {
    pub(super) limit: Duration,
    pub(super) spent: Duration,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, spent: Duration::ZERO, until: None }
    }

    /// Grants a wait of `asked` from `now` on, or says why not.
    pub(super) fn grant(&mut self, asked: Duration, now: Instant) -> Result<(), Exhausted> {
        let exhausted = Exhausted { limit: self.limit, spent: self.spent };
        let end = now.checked_add(asked).ok_or(exhausted)?;
        let start = self.until.map_or(now, |until| until.max(now));
        let spent = self.spent.saturating_add(end.saturating_duration_since(start));
        if spent > self.limit {
            return Err(exhausted);
        }
        self.spent = spent;
        self.until = Some(start.max(end));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_add_up_but_for_those_at_the_same_time() {
        let seconds = Duration::from_secs;
        let start = Instant::now();
        let mut patience = Patience::new(seconds(60));
        assert!(patience.grant(seconds(61), start).is_err());
        assert!(patience.grant(Duration::MAX, start).is_err());
        // Three at once.
        for _ in 0..3 {
            patience.grant(seconds(20), start).unwrap();
        }
        patience.grant(seconds(30), start + seconds(20)).unwrap();
        let exhausted = patience.grant(seconds(11), start + seconds(50)).unwrap_err();
        assert_eq!(exhausted, Exhausted { limit: seconds(60), spent: seconds(50) });
        patience.grant(seconds(10), start + seconds(50)).unwrap();
        assert!(patience.grant(seconds(1), start + seconds(100)).is_err());
        assert!(patience.grant(Duration::ZERO, start + seconds(100)).is_ok());
    }
}
