//! Templates of URLs, such as `chunk-$RepresentationID$-$Number%05d$.m4s`.

use std::borrow::Cow;

use super::quoted::quoted;
use crate::{Error, Result};

/// A template in which only the numbers and times of segments are not filled in yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Number { width: usize },
    Time { width: usize },
}

/// The values that all segments of a representation share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) bandwidth: Option<u64>,
}

/// Maximum length of a template with all values except numbers, in bytes. An encoded key and a query, which
/// is dropped, fit.
const MAX_LEN: usize = 4096;

/// The number of digits of `u64::MAX`.
const MAX_WIDTH: usize = 20;

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// The template is malformed, has an unknown identifier or one without a value, or is too long.
    pub(super) fn parse(text: &str, values: Values<'_>) -> Result<Self> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut pieces = text.split('$');
        plain.push_str(pieces.next().unwrap_or_default());
        while let Some(identifier) = pieces.next() {
            let behind = pieces.next().ok_or_else(|| {
                Error::invalid_input(format!("the template {} has a $ that is not closed", quoted(text)))
            })?;
            let (name, width) = match identifier.split_once('%') {
                Some((name, format)) => (name, Some(width(format)?)),
                None => (identifier, None),
            };
            let part = match (name, width) {
                ("", None) => Ok(Cow::Borrowed("$")),
                ("RepresentationID", None) => {
                    Ok(Cow::Borrowed(values.id.ok_or_else(|| missing("id", text))?))
                }
                ("Bandwidth", _) => {
                    let bandwidth = values.bandwidth.ok_or_else(|| missing("bandwidth", text))?;
                    Ok(Cow::Owned(format!("{bandwidth:0width$}", width = width.unwrap_or(1))))
                }
                ("Number", _) => Err(Part::Number { width: width.unwrap_or(1) }),
                ("Time", _) => Err(Part::Time { width: width.unwrap_or(1) }),
                _ => {
                    return Err(Error::invalid_input(format!(
                        "the template {} has ${identifier:.40}$, which cannot be expanded: use \
                         $RepresentationID$, $Bandwidth$, $Number$ and $Time$, the last three optionally with a format such as %05d",
                        quoted(text)
                    )));
                }
            };
            match part {
                Ok(text) => plain.push_str(&text),
                Err(field) => parts.extend([Part::Text(std::mem::take(&mut plain)), field]),
            }
            plain.push_str(behind);
            if plain.len() > MAX_LEN {
                break;
            }
        }
        parts.push(Part::Text(plain));
        let template = Self { parts };
        if template.len() > MAX_LEN {
            return Err(Error::invalid_input(format!(
                "the template {} is longer than {MAX_LEN} bytes",
                quoted(text)
            )));
        }
        Ok(template)
    }

    /// Whether segments have different URLs.
    pub(super) fn is_numbered(&self) -> bool {
        self.parts.len() > 1
    }

    /// Returns the maximum length of an expanded URL.
    fn len(&self) -> usize {
        let len = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Number { .. } | Part::Time { .. } => MAX_WIDTH,
        };
        self.parts.iter().map(len).sum()
    }

    /// Appends the URL of a segment.
    #[inline]
    pub(super) fn write(&self, number: u64, time: u64, out: &mut String) {
        for part in &self.parts {
            match *part {
                Part::Text(ref text) => out.push_str(text),
                Part::Number { width } => push_digits(number, width, out),
                Part::Time { width } => push_digits(time, width, out),
            }
        }
    }
}

fn width(format: &str) -> Result<usize> {
    let width = format.strip_prefix('0').and_then(|format| format.strip_suffix('d'));
    let digits = width
        .filter(|width| (1..=2).contains(&width.len()) && width.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(width) if width <= MAX_WIDTH => Ok(width),
        _ => Err(Error::invalid_input(format!(
            "the format %{format:.40} of a template is not supported: use %0Nd with N up to {MAX_WIDTH}"
        ))),
    }
}

fn missing(attribute: &str, template: &str) -> Error {
    Error::invalid_input(format!(
        "the template {} needs the Representation's {attribute}, which it does not have",
        quoted(template)
    ))
}

/// Appends `{number:0width$}`, several times faster than `format!`.
fn push_digits(mut number: u64, width: usize, out: &mut String) {
    let mut digits = [b'0'; MAX_WIDTH];
    let mut at = MAX_WIDTH;
    while number > 0 {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let start = at.min(MAX_WIDTH - width.clamp(1, MAX_WIDTH));
    out.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;

    const VALUES: Values<'_> = Values { id: Some("v/1"), bandwidth: Some(2000) };

    fn expanded(text: &str) -> String {
        let mut out = String::new();
        Template::parse(text, VALUES).unwrap().write(7, 90_000, &mut out);
        out
    }

    #[test]
    fn identifiers_are_replaced() {
        for (text, expected) in [
            ("", ""),
            ("a.mp4", "a.mp4"),
            ("$Number$", "7"),
            ("c-$RepresentationID$-$Number%05d$.m4s", "c-v/1-00007.m4s"),
            ("$Bandwidth$/$Time$", "2000/90000"),
            ("$Bandwidth%06d$/$Time%02d$$$Number", "002000/90000$Number"),
            ("$$$$", "$$"),
            ("$Number%00d$$Number$", "77"),
            ("$Number%020d$", "00000000000000000007"),
        ] {
            assert_eq!(expanded(text), expected, "{text}");
        }
        assert!(Template::parse("$Time$", VALUES).unwrap().is_numbered());
        assert!(!Template::parse("$Bandwidth$$$", VALUES).unwrap().is_numbered());
    }

    #[test]
    fn what_cannot_be_expanded_is_refused() {
        let long = "a".repeat(MAX_LEN + 1);
        let many = "$RepresentationID$".repeat(MAX_LEN);
        let nothing = Values { id: None, bandwidth: None };
        for (text, values, why) in [
            ("$", VALUES, "the template \"$\" has a $ that is not closed"),
            ("a$Number", VALUES, "the template \"a$Number\" has a $ that is not closed"),
            ("$Number%$", VALUES, "the format % of a template"),
            ("$Number%5d$", VALUES, "the format %5d of a template"),
            ("$Number%05x$", VALUES, "the format %05x of a template"),
            ("$Number%0-5d$", VALUES, "the format %0-5d of a template"),
            ("$Number%0d$", VALUES, "the format %0d of a template"),
            ("$Number%021d$", VALUES, "the format %021d of a template"),
            ("$Number%099999999d$", VALUES, "the format %099999999d of a template"),
            ("$RepresentationID%02d$", VALUES, "has $RepresentationID%02d$, which cannot be expanded"),
            ("$SubNumber$", VALUES, "has $SubNumber$, which cannot be expanded"),
            ("$number$", VALUES, "has $number$, which cannot be expanded"),
            ("$ Number$", VALUES, "has $ Number$, which cannot be expanded"),
            ("$%05d$", VALUES, "has $%05d$, which cannot be expanded"),
            (&long, VALUES, "is longer than 4096 bytes"),
            (&many, VALUES, "is longer than 4096 bytes"),
            ("$RepresentationID$", nothing, "needs the Representation's id, which"),
            ("$Bandwidth$", nothing, "needs the Representation's bandwidth, which"),
        ] {
            let error = Template::parse(text, values).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text:.40}");
            assert!(error.message().contains(why), "{text:.40}: {error}");
        }
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_formatter(number in any::<u64>(), shift in 0..64, width in 0..=MAX_WIDTH) {
            let number = number >> shift;
            let mut out = String::new();
            push_digits(number, width, &mut out);
            prop_assert_eq!(out, format!("{number:0width$}"));
        }

        #[test]
        fn nothing_panics(text in r"(\$|Number|Time|%0?[0-9]{0,3}d|[ -~]{0,3}){0,12}") {
            if let Ok(template) = Template::parse(&text, VALUES) {
                let mut out = String::new();
                template.write(u64::MAX, u64::MAX, &mut out);
                prop_assert!(out.len() <= MAX_LEN);
            }
        }
    }
}
