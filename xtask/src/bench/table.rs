//! Measurements, as a table and as a file.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::report::Stop;
use crate::workspace::Workspace;

/// The name of our implementation in every bench.
pub(super) const OURS: &str = "cloudflare-clients";

/// The measurements of one run, in one unit.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    /// Name of the file.
    #[serde(rename = "bench")]
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) results: Vec<Measurement>,
}

/// The result of one implementation for one case.
#[derive(Debug, Serialize)]
pub(super) struct Measurement {
    #[serde(rename = "impl")]
    pub(super) implementation: String,
    pub(super) case: String,
    pub(super) median: u64,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) runs: usize,
}

/// The JSON that a measuring program prints: a list of these.
#[derive(Debug, Deserialize)]
struct Samples {
    #[serde(rename = "impl")]
    implementation: String,
    case: String,
    #[serde(rename = "samples")]
    values: Vec<u64>,
}

impl Measurement {
    /// A size or count that is the same in every run.
    pub(super) fn exact(implementation: impl Into<String>, case: impl Into<String>, value: u64) -> Self {
        let (implementation, case) = (implementation.into(), case.into());
        Self { implementation, case, median: value, min: value, max: value, runs: 1 }
    }

    /// The result of several runs.
    pub(super) fn of_samples(
        implementation: impl Into<String>,
        case: impl Into<String>,
        mut values: Vec<u64>,
    ) -> Result<Self, Stop> {
        let (implementation, case) = (implementation.into(), case.into());
        values.sort_unstable();
        match values[..] {
            [min, .., max] => {
                let (median, runs) = (values[values.len() / 2], values.len());
                Ok(Self { implementation, case, median, min, max, runs })
            }
            _ => Err(Stop::Failed(format!("{implementation} {case} has fewer than two samples"))),
        }
    }

    pub(super) fn all_from_json(json: &str) -> Result<Vec<Self>, Stop> {
        let all: Vec<Samples> = serde_json::from_str(json)
            .map_err(|error| Stop::Failed(format!("the measurements are not a list of samples: {error}")))?;
        let measurement = |Samples { implementation, case, values }| match values[..] {
            [value] => Ok(Self::exact(implementation, case, value)),
            _ => Self::of_samples(implementation, case, values),
        };
        all.into_iter().map(measurement).collect()
    }
}

impl Table {
    pub(super) fn text(&self) -> String {
        let width = self.results.iter().map(|row| row.case.len()).max().unwrap_or_default().max(12);
        let first = self.results.iter().map(|row| row.implementation.len()).max().unwrap_or_default().max(20);
        let head = format!(
            "{:first$} {:width$} {:>12} {:>12} {:>12} {:>5} {:>8}  ({})\n",
            self.name, "case", "median", "min", "max", "runs", "of ours", self.unit
        );
        let rows = self.results.iter().map(|row| {
            let Measurement { implementation, case, median, min, max, runs } = row;
            let ratio = self.of_ours(row).map(|ratio| format!("{ratio:.2}x")).unwrap_or_default();
            format!(
                "{implementation:first$} {case:width$} {median:>12} {min:>12} {max:>12} {runs:>5} {ratio:>8}\n"
            )
        });
        std::iter::once(head).chain(rows).collect()
    }

    /// The ratio to our median of the same case.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for readers")]
    fn of_ours(&self, row: &Measurement) -> Option<f64> {
        let mut ours =
            self.results.iter().filter(|ours| ours.implementation == OURS && ours.case == row.case);
        ours.next().map(|ours| row.median as f64 / ours.median as f64)
    }

    pub(super) fn write(&self, workspace: &Workspace) -> std::io::Result<PathBuf> {
        let folder = workspace.target.join("bench");
        fs::create_dir_all(&folder)?;
        let file = folder.join(self.name).with_extension("json");
        fs::write(&file, format!("{:#}\n", json!(self)))?;
        Ok(file)
    }
}
