//! Variables in the syntax of a shell.

use std::borrow::Cow;

use crate::error::Result;
use crate::printer::Printer;

/// Prints lines that set variables, for a shell or a file of `--env-file`.
pub(crate) fn export<'a>(
    printer: Printer,
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<()> {
    variables
        .into_iter()
        .try_for_each(|(name, value)| printer.line(format_args!("export {name}={}", quoted(value))))
}

/// Quotes a value for a shell, if needed.
pub(crate) fn quoted(value: &str) -> Cow<'_, str> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte))
    {
        return value.into();
    }
    format!("'{}'", value.replace('\'', r"'\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_one_word_to_a_shell() {
        for (value, expected) in [
            ("https://127.0.0.1:9710", "https://127.0.0.1:9710"),
            ("/my store/a", "'/my store/a'"),
            ("/it's", r"'/it'\''s'"),
            ("$(x)", "'$(x)'"),
            ("us|sh", "'us|sh'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(value), expected);
        }
    }
}
