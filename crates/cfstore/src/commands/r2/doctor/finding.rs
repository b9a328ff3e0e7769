//! What a check has found.

use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Outcome {
    #[serde(rename = "ok")]
    Ok,
    /// It works, and will not always.
    #[serde(rename = "warning")]
    Warning,
    #[serde(rename = "broken")]
    Broken,
    /// It could not be tried: for want of a permission, of an option, or of something that is broken.
    #[serde(rename = "not possible")]
    NotPossible,
}

/// What a check has seen, what that means, and the command that mends it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) result: Outcome,
    pub(super) seen: String,
    pub(super) means: String,
    pub(super) mend: Option<String>,
}

impl Finding {
    fn new(check: &'static str, result: Outcome, seen: impl Into<String>, means: impl Into<String>) -> Self {
        Self { check, result, seen: seen.into(), means: means.into(), mend: None }
    }

    pub(super) fn ok(check: &'static str, seen: impl Into<String>, means: impl Into<String>) -> Self {
        Self::new(check, Outcome::Ok, seen, means)
    }

    pub(super) fn warning(check: &'static str, seen: impl Into<String>, means: impl Into<String>) -> Self {
        Self::new(check, Outcome::Warning, seen, means)
    }

    pub(super) fn broken(check: &'static str, seen: impl Into<String>, means: impl Into<String>) -> Self {
        Self::new(check, Outcome::Broken, seen, means)
    }

    pub(super) fn not_possible(
        check: &'static str,
        seen: impl Into<String>,
        means: impl Into<String>,
    ) -> Self {
        Self::new(check, Outcome::NotPossible, seen, means)
    }

    /// With the command, or what else is to be done where that is no command.
    pub(super) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }
}
