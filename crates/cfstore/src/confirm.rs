//! Questions on the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::error::{Error, Result};

/// Refuses what would have to be asked where nobody can answer.
pub(crate) fn possible(what: &str) -> Result<()> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Error::usage(
        format!("{what} needs a confirmation, and stdin is no terminal"),
        "give --yes to do it without being asked",
    ))
}

/// Whether the answer is yes.
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
        .map_err(|error| Error::Local(format!("there was no answer: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
