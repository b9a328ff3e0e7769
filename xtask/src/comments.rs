//! Whether doc comments keep to their width.

use std::fs;
use std::path::Path;

use crate::command::read;
use crate::report::{Stop, Tally};
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "comments";

/// Columns of a line of a doc comment, indentation included.
const WIDTH: usize = 110;

/// A line with a longer word, such as an address, may exceed the width.
const LONGEST_WORD: usize = 60;

pub(crate) fn check(workspace: &Workspace) -> Result<Tally, Stop> {
    let files = read(workspace.command("git").args(["ls-files", "*.rs"]))?;
    let mut too_wide = 0;
    for file in files.lines() {
        let path = workspace.root.join(file);
        // A deleted file is listed until the deletion is committed.
        if !path.exists() {
            continue;
        }
        for (line, columns) in wide_lines(&path)? {
            println!("{file}:{line}: a doc comment of {columns} columns; {WIDTH} are the most");
            too_wide += 1;
        }
    }
    match too_wide {
        0 => Ok(Tally::ONE_PASSED),
        lines => Err(Stop::Failed(format!("{lines} lines of doc comments are too wide"))),
    }
}

fn wide_lines(path: &Path) -> Result<Vec<(usize, usize)>, Stop> {
    let text = fs::read_to_string(path).map_err(|error| Stop::failed(&path.display().to_string(), &error))?;
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    Ok(lines
        .filter(|(_, line)| is_too_wide(line))
        .map(|(index, line)| (index, line.chars().count()))
        .collect())
}

fn is_too_wide(line: &str) -> bool {
    let comment = line.trim_start();
    let Some(text) = comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!")) else {
        return false;
    };
    let is_table = text.trim_start().starts_with('|');
    let has_long_word = text.split_whitespace().any(|word| word.chars().count() > LONGEST_WORD);
    !is_table && !has_long_word && line.chars().count() > WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_addresses_may_be_wide() {
        let words = "word ".repeat(21);
        assert!(!is_too_wide(&format!("/// {words}")));
        assert!(is_too_wide(&format!("    /// {words}")));
        assert!(is_too_wide(&format!("//! {words}word")));
        assert!(!is_too_wide(&format!("// {words}word word")));
        assert!(!is_too_wide(&format!("/// | {words}word |")));
        assert!(!is_too_wide(&format!("/// {words}https://example.com/{}", "a".repeat(60))));
    }
}
