//! Confirmation on the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::error::{Error, Result};

/// Refuses an action that needs a confirmation if stdin is not a terminal.
pub(crate) fn possible(what: &str) -> Result<()> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Error::usage(
        format!("{what} needs a confirmation, but stdin is not a terminal"),
        "give --yes to skip the confirmation",
    ))
}

/// Asks the question, and returns whether the answer is yes.
pub(crate) async fn ask(question: String) -> Result<bool> {
    let asked = tokio::task::spawn_blocking(move || {
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question} [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok::<_, io::Error>(answer)
    });
    let answer = asked
        .await
        .unwrap_or_else(|error| Err(error.into()))
        .map_err(|error| Error::Local(format!("cannot read the answer from stdin: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
