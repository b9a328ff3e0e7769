//! Findings of checks.

use std::path::Path;

use serde::Serialize;

use crate::shell::quoted;

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Outcome {
    #[serde(rename = "ok")]
    Ok,
    /// It works, but not in every case.
    #[serde(rename = "warning")]
    Warning,
    #[serde(rename = "broken")]
    Broken,
    /// It could not be run: a permission or an option is missing, or an earlier check is broken.
    #[serde(rename = "not possible")]
    NotPossible,
}

/// What a check saw, what that means, and the command that fixes it.
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

    /// Rewrites the command for variables that come from a file.
    pub(super) fn mend_in(&mut self, env_file: &Path) {
        let Some(mend) = &mut self.mend else { return };
        let path = env_file.display().to_string();
        if let Some(variable) = mend.strip_prefix("export ") {
            *mend = format!("# in {path}: {variable}");
        } else if let Some(variable) = mend.strip_prefix("unset ") {
            *mend = format!("# in {path}, remove {variable}");
        } else {
            let option = format!("cfstore --env-file {} ", quoted(&path));
            for command in ["r2 ", "kv ", "-vv "] {
                *mend = mend.replace(&format!("cfstore {command}"), &format!("{option}{command}"));
            }
        }
    }

    /// Sets the command that fixes it, or a description of what to do.
    pub(super) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mend_acts_on_the_file_that_the_variables_come_from() {
        for (mend, expected) in [
            ("export R2_REGION=auto", "# in my app.env: R2_REGION=auto"),
            ("unset R2_REGION", "# in my app.env, remove R2_REGION"),
            (
                "cfstore r2 rm a && cfstore r2 uploads clean",
                "cfstore --env-file 'my app.env' r2 rm a && cfstore --env-file 'my app.env' r2 uploads clean",
            ),
            ("cfstore keys ls", "cfstore keys ls"),
        ] {
            let mut finding = Finding::ok("list", "", "").mend(mend);
            finding.mend_in(Path::new("my app.env"));
            assert_eq!(finding.mend.as_deref(), Some(expected));
        }
    }
}
