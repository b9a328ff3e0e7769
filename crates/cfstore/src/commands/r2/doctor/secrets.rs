//! Removes secrets from the output: servers may repeat what they were sent.

use super::finding::Finding;

const HIDDEN: &str = "[hidden]";

/// Names of parameters whose values are secrets.
const PARAMETERS: [&str; 4] = ["X-Amz-Signature=", "X-Amz-Security-Token=", "Signature=", "Bearer "];
/// Number of hex digits from which a text counts as a signature or a secret key. An MD5 and the ids of
/// accounts and keys have 32.
const DIGITS: usize = 64;

/// The secrets of one examination. Without `Debug`, to keep them out of logs.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn add(&mut self, secret: &str) {
        // A shorter text would occur in normal words.
        if secret.len() >= 4 {
            self.0.push(secret.to_owned());
        }
    }

    pub(super) fn hide_in(&self, finding: &mut Finding) {
        finding.seen = self.hidden(&finding.seen);
        finding.means = self.hidden(&finding.means);
        finding.mend = finding.mend.take().map(|mend| self.hidden(&mend));
    }

    fn hidden(&self, text: &str) -> String {
        let mut text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN));
        for parameter in PARAMETERS {
            text = without_values(&text, parameter);
        }
        without_long_hex(&text)
    }
}

fn without_values(text: &str, parameter: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find(&parameter.to_ascii_lowercase()) {
        let (before, value) = rest.split_at(at + parameter.len());
        shown.push_str(before);
        shown.push_str(HIDDEN);
        let end = value.find(|c: char| c.is_whitespace() || "&\"'<>,;".contains(c)).unwrap_or(value.len());
        rest = &value[end..];
    }
    shown + rest
}

fn without_long_hex(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut run = String::new();
    let end = |run: &mut String, shown: &mut String| {
        shown.push_str(if run.len() < DIGITS { run } else { HIDDEN });
        run.clear();
    };
    for c in text.chars() {
        if c.is_ascii_hexdigit() {
            run.push(c);
        } else {
            end(&mut run, &mut shown);
            shown.push(c);
        }
    }
    end(&mut run, &mut shown);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_repeat_is_hidden() {
        let mut secrets = Secrets::default();
        secrets.add("s3cret/key");
        let hex = "ab".repeat(32);
        for (text, shown) in [
            ("no route for s3cret/key here", "no route for [hidden] here".to_owned()),
            (
                "GET /a?X-Amz-Date=1&x-amz-signature=0a1b&x=1 failed",
                "GET /a?X-Amz-Date=1&x-amz-signature=[hidden]&x=1 failed".to_owned(),
            ),
            ("X-Amz-Security-Token=and%2Fso", "X-Amz-Security-Token=[hidden]".to_owned()),
            (&format!("it is {hex}."), "it is [hidden].".to_owned()),
            (&hex[..32], hex[..32].to_owned()),
            ("nothing at all: é", "nothing at all: é".to_owned()),
        ] {
            assert_eq!(secrets.hidden(text), shown);
        }
    }
}
