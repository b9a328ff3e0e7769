//! Report of deleted keys, for `r2 rm` and `kv rm`.

use std::collections::HashSet;

use cloudflare_clients::r2::Outcomes;
use serde_json::json;

use crate::confirm;
use crate::error::{Error, ExitStatus, Result};
use crate::misreading;
use crate::printer::{Key, Printer, also, count};

pub(super) struct Deletion {
    /// "object" or "key".
    what: &'static str,
    target: String,
    printer: Printer,
    missing: HashSet<String>,
    deleted: u64,
    failed: u64,
    is_dry_run: bool,
}

impl Deletion {
    pub(super) fn new(what: &'static str, target: String, printer: Printer) -> Self {
        Self { what, target, printer, missing: HashSet::new(), deleted: 0, failed: 0, is_dry_run: false }
    }

    /// Sets whether it only reports what would be deleted.
    pub(super) fn dry(mut self, is_dry_run: bool) -> Self {
        self.is_dry_run = is_dry_run;
        self
    }

    /// Reports a key that would be deleted.
    pub(super) fn tell(&mut self, key: &str) -> Result<()> {
        let missing = self.missing.contains(key);
        let value =
            json!({ "key": key, "deleted": false, "missing": missing, "error": null, "dryRun": true });
        self.printer.json_at(&value, &self.target)?;
        if missing {
            return Ok(());
        }
        self.deleted += 1;
        self.printer.line(format_args!("{}  would be deleted", Key(key)))
    }

    /// Records the missing keys. Fails if one of them looks like a pattern or a folder.
    pub(super) fn note_missing<'k>(
        &mut self,
        keys: impl Iterator<Item = (&'k String, bool)>,
        command: &str,
        not_found: fn(String) -> Error,
    ) -> Result<()> {
        for (key, _) in keys.filter(|(_, is_there)| !is_there) {
            if misreading::missing_hint(key, command).is_some() {
                return Err(not_found(key.clone()));
            }
            self.missing.insert(key.clone());
        }
        Ok(())
    }

    /// Asks for confirmation.
    pub(super) async fn confirmed(&self, what: &str) -> Result<bool> {
        let answer = confirm::ask(format!("delete {what}, in {}?", Key(&self.target))).await?;
        if !answer {
            self.printer.note("nothing was deleted");
        }
        Ok(answer)
    }

    pub(super) fn add(&mut self, outcomes: &Outcomes<()>) -> Result<()> {
        for (key, result) in &outcomes.results {
            let missing = self.missing.contains(key);
            match result {
                Ok(()) => self.deleted += u64::from(!missing),
                Err(error) => {
                    self.failed += 1;
                    self.printer.warning(error);
                }
            }
            let error = result.as_ref().err().map(ToString::to_string);
            let deleted = result.is_ok() && !missing;
            let value = json!({ "key": key, "deleted": deleted, "missing": missing, "error": error });
            self.printer.json_at(&value, &self.target)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<ExitStatus> {
        let line = format_args!(
            "{} {}{}  ({})",
            if self.is_dry_run { "would delete" } else { "deleted" },
            count(self.deleted, self.what),
            also(self.missing.len(), "missing"),
            Key(&self.target)
        );
        self.printer.line(line)?;
        Ok(if self.failed == 0 { ExitStatus::Success } else { ExitStatus::Failed })
    }
}
