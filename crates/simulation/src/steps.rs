//! The steps of a scenario's clients, and the selection of steps that run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;

use crate::entropy;

/// The number of a client, and the number of its step.
pub(crate) type StepId = (usize, usize);

/// The steps of a run. A step depends only on the seed and its numbers, so leaving out others does not change
/// it.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    seed: u64,
    /// `None`: all steps.
    only: Option<Arc<BTreeSet<StepId>>>,
    done: Arc<Mutex<Vec<StepId>>>,
}

impl Steps {
    /// Selects all steps, or only some.
    pub(crate) fn new(seed: u64, only: Option<BTreeSet<StepId>>) -> Self {
        Self { seed, only: only.map(Arc::new), done: Arc::default() }
    }

    /// Returns the steps of a client, each with its randomness.
    pub(crate) fn of(&self, client: usize, count: usize) -> impl Iterator<Item = (usize, Rng)> + use<> {
        let steps = self.clone();
        (0..count).filter_map(move |index| {
            let id = (client, index);
            if steps.only.as_ref().is_some_and(|only| !only.contains(&id)) {
                return None;
            }
            steps.done.lock().unwrap_or_else(PoisonError::into_inner).push(id);
            Some((index, entropy::stream(steps.seed, &format!("step {client} {index}"))))
        })
    }

    /// Returns the steps that have run.
    pub(crate) fn done(&self) -> Vec<StepId> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Removes steps that are not needed for a run to fail. The result is small, but not always minimal.
///
/// `fails` runs only the given steps, and returns whether the run still fails; `None` ends the search.
pub(crate) fn shorten(
    steps: &[StepId],
    mut fails: impl FnMut(&BTreeSet<StepId>) -> Option<bool>,
) -> BTreeSet<StepId> {
    let mut kept: BTreeSet<StepId> = steps.iter().copied().collect();
    let mut size = steps.len().div_ceil(2);
    while size > 0 {
        let looked_at: Vec<StepId> = kept.iter().copied().collect();
        for chunk in looked_at.chunks(size) {
            let fewer = kept.iter().copied().filter(|step| !chunk.contains(step)).collect();
            match fails(&fewer) {
                Some(true) => kept = fewer,
                Some(false) => {}
                None => return kept,
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2).min(size - 1) };
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_do_not_matter_are_left_out() {
        let steps: Vec<StepId> =
            (0..4).flat_map(|client| (0..25).map(move |index| (client, index))).collect();
        let matter = [(0, 7), (3, 24)];
        let mut runs = 0;
        let kept = shorten(&steps, |kept| {
            runs += 1;
            Some(matter.iter().all(|step| kept.contains(step)))
        });
        assert_eq!(kept, BTreeSet::from(matter));
        assert!(runs < 100, "{runs} runs");
    }

    #[test]
    fn a_step_does_not_depend_on_others() {
        let all: Vec<_> = Steps::new(1, None).of(0, 3).map(|(index, mut rng)| (index, rng.u64(..))).collect();
        let steps = Steps::new(1, Some(BTreeSet::from([(0, 1), (0, 2)])));
        let some: Vec<_> = steps.of(0, 3).map(|(index, mut rng)| (index, rng.u64(..))).collect();
        assert_eq!(some, all[1..]);
        assert_eq!(steps.done(), [(0, 1), (0, 2)]);
    }
}
