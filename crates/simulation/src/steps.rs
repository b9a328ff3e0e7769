//! What the clients of a scenario do, one step after the other, and which steps are left out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;

use crate::entropy;

/// The number of a client, and that of a step of it.
pub(crate) type StepId = (usize, usize);

/// The steps of a run. What a step does follows from the seed and its numbers alone, so that leaving out others does not change it.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    seed: u64,
    left_out: Arc<BTreeSet<StepId>>,
    done: Arc<Mutex<Vec<StepId>>>,
}

impl Steps {
    pub(crate) fn new(seed: u64, left_out: BTreeSet<StepId>) -> Self {
        Self { seed, left_out: Arc::new(left_out), done: Arc::default() }
    }

    /// The steps of a client that are not left out, each with its randomness.
    pub(crate) fn of(&self, client: usize, count: usize) -> impl Iterator<Item = (usize, Rng)> + use<> {
        let steps = self.clone();
        (0..count).filter_map(move |index| {
            let id = (client, index);
            if steps.left_out.contains(&id) {
                return None;
            }
            steps.done.lock().unwrap_or_else(PoisonError::into_inner).push(id);
            Some((index, entropy::stream(steps.seed, &format!("step {client} {index}"))))
        })
    }

    /// Those that were taken.
    pub(crate) fn done(&self) -> Vec<StepId> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Which of the steps need to be left in, so that a run still fails: a short list, though not always the shortest.
///
/// `fails` runs with steps left out, and says whether that still fails; `None` ends the search.
pub(crate) fn shorten(
    steps: &[StepId],
    mut fails: impl FnMut(&BTreeSet<StepId>) -> Option<bool>,
) -> BTreeSet<StepId> {
    let mut left_out = BTreeSet::new();
    let mut size = steps.len().div_ceil(2);
    while size > 0 {
        let kept: Vec<StepId> = steps.iter().copied().filter(|step| !left_out.contains(step)).collect();
        for chunk in kept.chunks(size) {
            let mut more = left_out.clone();
            more.extend(chunk);
            match fails(&more) {
                Some(true) => left_out = more,
                Some(false) => {}
                None => return left_out,
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2).min(size - 1) };
    }
    left_out
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
        let left_out = shorten(&steps, |left_out| {
            runs += 1;
            Some(matter.iter().all(|step| !left_out.contains(step)))
        });
        let kept: Vec<_> = steps.iter().filter(|step| !left_out.contains(step)).copied().collect();
        assert_eq!(kept, matter);
        assert!(runs < 100, "{runs} runs");
    }

    #[test]
    fn a_step_does_not_depend_on_others() {
        let all: Vec<_> =
            Steps::new(1, BTreeSet::new()).of(0, 3).map(|(index, mut rng)| (index, rng.u64(..))).collect();
        let steps = Steps::new(1, BTreeSet::from([(0, 0)]));
        let some: Vec<_> = steps.of(0, 3).map(|(index, mut rng)| (index, rng.u64(..))).collect();
        assert_eq!(some, all[1..]);
        assert_eq!(steps.done(), [(0, 1), (0, 2)]);
    }
}
