//! The findings of a run.

use std::fmt;

/// A violation of what must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// A description, in one sentence.
    pub(crate) what: String,
    /// The events that led to it, one per line.
    pub(crate) history: Vec<String>,
}

impl Finding {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), history: Vec::new() }
    }

    pub(crate) fn with_history(mut self, history: impl IntoIterator<Item = String>) -> Self {
        self.history = history.into_iter().collect();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.history.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// An error where none is expected.
impl From<cloudflare_clients::Error> for Finding {
    fn from(error: cloudflare_clients::Error) -> Self {
        Self::new(format!("it fails with {error}"))
    }
}

/// The result of a scenario.
pub(crate) type Outcome = Result<(), Finding>;

/// Without faults, every request is answered.
pub(crate) fn check_answered(is_answered: bool) -> Outcome {
    if is_answered { Ok(()) } else { Err(Finding::new("no answer although there are no faults")) }
}
