//! What was measured.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

/// Samples by implementation, case and number of keys.
#[derive(Default)]
pub(crate) struct Measured(BTreeMap<(&'static str, &'static str, usize), Vec<u64>>);

/// The samples of a case.
pub(crate) struct Line<'a> {
    pub(crate) implementation: &'a str,
    pub(crate) case: &'a str,
    /// The number of keys, and the median.
    pub(crate) points: Vec<(usize, u64)>,
}

impl Measured {
    pub(crate) fn add(&mut self, implementation: &'static str, case: &'static str, keys: usize, sample: u64) {
        self.0.entry((implementation, case, keys)).or_default().push(sample);
    }

    /// Adds what each of `count` operations took since `begun`, in nanoseconds.
    pub(crate) fn add_time(
        &mut self,
        (implementation, case): (&'static str, &'static str),
        keys: usize,
        begun: Instant,
        count: usize,
    ) {
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.add(implementation, case, keys, took / count.max(1) as u64);
    }

    pub(crate) fn lines(&self) -> Vec<Line<'_>> {
        let mut lines: Vec<Line<'_>> = Vec::new();
        for ((implementation, case, keys), samples) in &self.0 {
            let mut samples = samples.clone();
            samples.sort_unstable();
            let point = (*keys, samples[samples.len() / 2]);
            match lines.last_mut() {
                Some(line) if line.implementation == *implementation && line.case == *case => {
                    line.points.push(point);
                }
                _ => lines.push(Line { implementation, case, points: vec![point] }),
            }
        }
        lines
    }

    pub(crate) fn to_json(&self) -> Value {
        let entry = |((implementation, case, keys), samples): (&(&str, &str, usize), &Vec<u64>)| json!({ "impl": implementation, "case": format!("{case}, {keys} keys"), "samples": samples });
        self.0.iter().map(entry).collect()
    }
}
