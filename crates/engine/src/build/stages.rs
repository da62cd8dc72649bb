//! The stages of a build: each is built once, those that do not need each other at the same time.
//!
//! A stage begins when the one that it is made from has ended; for those that it takes something of, its steps wait. As
//! a stage needs those before it alone, nobody waits in a circle.

use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use cove_api::{Error, ErrorKind};
use cove_build::{BuildFile, Plan, Scope, StageBase};
use tokio_util::sync::CancellationToken;

use super::start::{Build, Stepped, Stop};
use super::state::ImageState;

/// Most stages that are built at a time, whatever is asked for.
const MAX_JOBS: usize = 64;

/// The stages of a build, and how far they are.
pub(super) struct Stages {
    all: Mutex<Vec<Standing>>,
    changed: Condvar,
    /// What each needs before it can begin.
    bases: Vec<Option<usize>>,
    /// What each needs before its end.
    taken: Vec<Vec<usize>>,
    needed: Vec<bool>,
    /// Threads that build them.
    pub(super) workers: usize,
    /// Cancelled when one fails, which ends the others.
    stop: CancellationToken,
}

/// How far a stage is.
enum Standing {
    Waiting,
    UnderWay,
    Done(Box<ImageState>),
    Failed,
}

/// A stage that this thread builds; one that is dropped without a result has failed, so that nobody waits for a thread
/// that is no more.
struct Claim<'a> {
    stages: &'a Stages,
    index: usize,
    state: Option<ImageState>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let standing = match self.state.take() {
            Some(state) => Standing::Done(Box::new(state)),
            None => {
                self.stages.stop.cancel();
                Standing::Failed
            }
        };
        self.stages.lock()[self.index] = standing;
        self.stages.changed.notify_all();
    }
}

impl Stages {
    /// None of them is begun. At most `jobs` are built at a time, 0 is as many as there are, and without a number as many
    /// as there are processors, but two where there is one: a command often waits for something else. `stop` is
    /// cancelled when one fails.
    pub(super) fn new(
        file: &BuildFile,
        plan: &Plan,
        scope: &Scope,
        jobs: Option<u32>,
        stop: CancellationToken,
    ) -> Self {
        let bases: Vec<Option<usize>> = plan
            .stages
            .iter()
            .map(|stage| match stage.base {
                StageBase::Stage(base) => Some(base),
                StageBase::Scratch | StageBase::Other(_) | StageBase::Image(_) => None,
            })
            .collect();
        let taken = file.stages.iter().enumerate();
        let taken = taken.map(|(index, stage)| plan.taken(&stage.steps, index, scope)).collect();
        let needed: Vec<bool> = plan.stages.iter().map(|stage| stage.needed).collect();
        let wanted = match jobs {
            None => std::thread::available_parallelism().map_or(2, NonZero::get).max(2),
            Some(0) => MAX_JOBS,
            Some(jobs) => usize::try_from(jobs).unwrap_or(MAX_JOBS),
        };
        Self {
            all: Mutex::new(plan.stages.iter().map(|_| Standing::Waiting).collect()),
            changed: Condvar::new(),
            workers: wanted.min(MAX_JOBS).min(widest(&bases, &needed)),
            bases,
            taken,
            needed,
            stop,
        }
    }

    /// What is kept is true at any moment, also where a thread has panicked.
    fn lock(&self) -> MutexGuard<'_, Vec<Standing>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, all: MutexGuard<'g, Vec<Standing>>) -> MutexGuard<'g, Vec<Standing>> {
        self.changed.wait(all).unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, all: &mut [Standing], index: usize) -> Claim<'_> {
        all[index] = Standing::UnderWay;
        Claim { stages: self, index, state: None }
    }

    /// The next that can begin, waiting for it; [`None`] when nothing is left to begin.
    fn next(&self) -> Option<Claim<'_>> {
        let mut all = self.lock();
        loop {
            if all.iter().any(|one| matches!(one, Standing::Failed)) {
                return None;
            }
            let is_done = |index: usize| matches!(all[index], Standing::Done(_));
            let waits = |index: &usize| self.needed[*index] && matches!(all[*index], Standing::Waiting);
            let left: Vec<usize> = (0..all.len()).filter(waits).collect();
            if left.is_empty() {
                return None;
            }
            let can_begin = |index: &&usize| self.bases[**index].is_none_or(is_done);
            // One that has all that it takes does not wait in the midst of its steps.
            let has_all = |index: &&usize| self.taken[**index].iter().all(|other| is_done(*other));
            let found = left.iter().filter(can_begin).find(has_all);
            match found.or_else(|| left.iter().find(can_begin)).copied() {
                Some(index) => return Some(self.claim(&mut all, index)),
                None => all = self.wait(all),
            }
        }
    }
}

/// Most of the needed stages that could be under way at a time: those that are not one made from the other.
fn widest(bases: &[Option<usize>], needed: &[bool]) -> usize {
    let is_needed = |index: &usize| needed[*index];
    let made_from: std::collections::BTreeSet<usize> =
        (0..bases.len()).filter(is_needed).filter_map(|index| bases[index]).collect();
    // As many as there are ends of the chains.
    (0..bases.len()).filter(is_needed).filter(|index| !made_from.contains(index)).count().max(1)
}

impl Build<'_> {
    /// Builds what the target needs.
    pub(super) fn build_stages(&self) -> Stepped<()> {
        if self.stages.workers == 1 {
            return self.work();
        }
        let handle = tokio::runtime::Handle::current();
        let results: Vec<Stepped<()>> = std::thread::scope(|scope| {
            let work = || {
                let _entered = handle.enter();
                self.work()
            };
            let threads: Vec<_> = (0..self.stages.workers).map(|_| scope.spawn(work)).collect();
            let ended = |result: std::thread::Result<_>| {
                result.unwrap_or_else(|_| Err(Error::internal("the thread of a stage panicked").into()))
            };
            threads.into_iter().map(|thread| ended(thread.join())).collect()
        });
        // What the others say is but that one has ended them.
        let mut stops: Vec<Stop> = results.into_iter().filter_map(std::result::Result::err).collect();
        let is_cause = |stop: &Stop| !matches!(stop, Stop::Error(Error { kind: ErrorKind::Cancelled, .. }));
        match stops.iter().position(is_cause) {
            Some(index) => Err(stops.swap_remove(index)),
            None => stops.pop().map_or(Ok(()), Err),
        }
    }

    /// Builds stages as long as one is left to begin.
    fn work(&self) -> Stepped<()> {
        while let Some(claim) = self.stages.next() {
            self.build_claimed(claim)?;
        }
        Ok(())
    }

    fn build_claimed(&self, mut claim: Claim<'_>) -> Stepped<ImageState> {
        let state = self.stage(claim.index)?;
        claim.state = Some(state.clone());
        Ok(state)
    }

    /// What a stage has come to; it is waited for, or built where nobody does yet.
    pub(super) fn ensure(&self, index: usize) -> Stepped<ImageState> {
        let mut all = self.stages.lock();
        loop {
            match &all[index] {
                Standing::Done(state) => return Ok(ImageState::clone(state)),
                Standing::Failed => {
                    return Err(Error::new(ErrorKind::Cancelled, "a stage that is needed has failed").into());
                }
                Standing::UnderWay => all = self.stages.wait(all),
                Standing::Waiting => {
                    let claim = self.stages.claim(&mut all, index);
                    drop(all);
                    return self.build_claimed(claim);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::widest;

    #[test]
    fn chains_are_one_after_another() {
        for (bases, needed, expected) in [
            (&[None][..], &[true][..], 1),
            (&[None, Some(0), Some(1)], &[true; 3], 1),
            (&[None, None, None], &[true; 3], 3),
            (&[None, None, None], &[true, false, true], 2),
            (&[None, Some(0), Some(0)], &[true; 3], 2),
            (&[None, Some(0), None, Some(2)], &[true; 4], 2),
        ] {
            assert_eq!(widest(bases, needed), expected, "{bases:?} {needed:?}");
        }
    }
}
