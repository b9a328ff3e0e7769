//! Output: results on stdout, as text or JSON, and everything else on stderr or in the log.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

use crate::error::{Error, Result};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// Target of the program's log lines.
pub(crate) const LOG: &str = "serve";

/// Prints text for people, or JSON for programs: one object per line, on stderr too. Or it writes to the log,
/// and then prints no results, which may be secrets.
///
/// Styles reach terminals only, and not when `NO_COLOR` is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer(Form);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Log,
}

impl Printer {
    pub(crate) fn new(json: bool) -> Self {
        Self(if json { Form::Json } else { Form::Text })
    }

    /// Creates a printer that writes to the log.
    pub(crate) fn log() -> Self {
        Self(Form::Log)
    }

    /// Whether results are printed as JSON.
    pub(crate) fn is_json(self) -> bool {
        self.0 == Form::Json
    }

    /// Whether it writes to the log.
    pub(crate) fn is_log(self) -> bool {
        self.0 == Form::Log
    }

    /// Prints a result: a line for people, or an object for programs.
    pub(crate) fn result(self, line: impl Display, value: &impl Serialize) -> Result<()> {
        if self.is_json() { self.json(value) } else { self.line(line) }
    }

    /// Prints a result with the store it belongs to.
    pub(crate) fn result_at(self, line: impl Display, value: &impl Serialize, target: &str) -> Result<()> {
        self.result(format_args!("{line}  {DIM}({}){DIM:#}", Key(target)), &At { value, target })
    }

    /// Prints an object for programs, with the store it belongs to.
    pub(crate) fn json_at(self, value: &impl Serialize, target: &str) -> Result<()> {
        self.json(&At { value, target })
    }

    /// Prints a summary with the store it belongs to, on stderr.
    pub(crate) fn summary(self, summary: impl Display, target: &str) {
        match self.0 {
            Form::Json => to_stderr(json!({ "summary": summary.to_string(), "target": target })),
            Form::Text => to_stderr(format_args!("{DIM}{summary}  ({}){DIM:#}", Key(target))),
            Form::Log => tracing::info!(target: LOG, "{summary} ({})", Key(target)),
        }
    }

    /// Prints a line on stdout, for people only.
    pub(crate) fn line(self, line: impl Display) -> Result<()> {
        if self.0 != Form::Text {
            return Ok(());
        }
        writeln!(anstream::stdout().lock(), "{line}").map_err(Error::Output)
    }

    /// A text on stdout as it is, or an object for programs.
    pub(crate) fn text(self, text: &str, value: &impl Serialize) -> Result<()> {
        if self.0 != Form::Text {
            return self.json(value);
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Output)
    }

    /// An object on stdout, for programs only.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<()> {
        if self.is_json() { json_line(value) } else { Ok(()) }
    }

    /// What people may want to know, on stderr.
    pub(crate) fn note(self, note: impl Display) {
        match self.0 {
            Form::Json => to_stderr(json!({ "note": note.to_string() })),
            Form::Text => to_stderr(format_args!("{DIM}{note}{DIM:#}")),
            Form::Log => tracing::info!(target: LOG, "{note}"),
        }
    }

    /// Prints a warning on stderr.
    pub(crate) fn warning(self, warning: impl Display) {
        match self.0 {
            Form::Json => to_stderr(json!({ "warning": warning.to_string() })),
            Form::Text => to_stderr(format_args!("{YELLOW}warning:{YELLOW:#} {warning}")),
            Form::Log => tracing::warn!(target: LOG, "{warning}"),
        }
    }

    /// Prints an error with its causes and hint, on stderr.
    pub(crate) fn error(self, error: &Error) {
        if self.is_log() {
            tracing::error!(target: LOG, causes = ?error.causes(), hint = error.hint().as_deref(), "{error}");
            return;
        }
        if self.is_json() {
            let service = error.service();
            to_stderr(json!({
                "error": error.to_string(),
                "causes": error.causes(),
                "hint": error.hint(),
                "code": service.and_then(|error| error.code()),
                "status": service.and_then(cloudflare_clients::Error::status).map(|status| status.as_u16()),
                "exitCode": error.exit_status().code(),
            }));
            return;
        }
        to_stderr(format_args!("{RED}error:{RED:#} {error}"));
        for cause in error.causes() {
            to_stderr(format_args!("{BOLD}cause:{BOLD:#} {cause}"));
        }
        if let Some(hint) = error.hint() {
            to_stderr(format_args!(" {BOLD}hint:{BOLD:#} {hint}"));
        }
    }
}

/// A result with the store it belongs to.
#[derive(Serialize)]
struct At<'a, T> {
    #[serde(flatten)]
    value: &'a T,
    target: &'a str,
}

/// Prints an object as one line of JSON on stdout, for people and programs alike.
pub(crate) fn json_line(value: &impl Serialize) -> Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, value).map_err(|error| Error::Output(error.into()))?;
    stdout.write_all(b"\n").map_err(Error::Output)
}

/// Writes bytes unchanged to stdout, for people and programs alike.
pub(crate) fn raw(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Error::Output)
}

fn to_stderr(line: impl Display) {
    // If stderr is closed, the message is lost.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Text for a terminal: control characters, which could change the terminal, are escaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a>(pub(crate) &'a str);

impl Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(key) = self;
        key.chars().try_for_each(|c| {
            if c.is_control() || turns_text(c) {
                write!(f, "{}", c.escape_default())
            } else {
                f.write_char(c)
            }
        })
    }
}

/// Whether a character changes the direction of text, which can disguise it.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns `, n what`, or nothing if `n` is 0.
pub(crate) fn also(n: usize, what: &str) -> String {
    if n == 0 { String::new() } else { format!(", {} {what}", indicatif::HumanCount(n as u64)) }
}

/// Returns `1 object` or `n objects`, with separators for thousands.
pub(crate) fn count(n: u64, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {what}{plural}", indicatif::HumanCount(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_drive_a_terminal() {
        assert_eq!(Key("a\u{1b}[2J\nb é 😀").to_string(), "a\\u{1b}[2J\\nb é 😀");
        assert_eq!(Key("a\u{202e}4pm.exe").to_string(), "a\\u{202e}4pm.exe");
    }

    #[test]
    fn counts_have_a_plural() {
        assert_eq!(count(1, "object"), "1 object");
        assert_eq!(count(1234, "object"), "1,234 objects");
    }
}
