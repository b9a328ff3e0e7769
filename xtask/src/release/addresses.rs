//! The addresses of the project.

/// The addresses that go into the packages, where known.
#[derive(Debug, Default, Clone)]
pub(super) struct Addresses {
    pub(super) repository: Option<String>,
    pub(super) homepage: Option<String>,
}

impl Addresses {
    /// The fields of a manifest.
    pub(super) fn lines(&self) -> String {
        let line = |name: &str, url: &Option<String>| {
            url.as_ref().map(|url| format!("{name} = {url:?}\n")).unwrap_or_default()
        };
        line("repository", &self.repository) + &line("homepage", &self.homepage)
    }

    /// Checks the addresses. An error names the option.
    pub(super) fn check(&self) -> Result<(), String> {
        for (option, url) in [("--repository", &self.repository), ("--homepage", &self.homepage)] {
            let is_url = |url: &String| {
                url.strip_prefix("https://").is_some_and(|rest| rest.contains('.'))
                    && !url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '\\')
            };
            if let Some(url) = url.as_ref().filter(|url| !is_url(url)) {
                return Err(format!("{option} {url}: give an address that begins with https://"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lines_of_a_manifest() {
        let mut addresses = Addresses { repository: Some("https://git.example/a".into()), homepage: None };
        assert_eq!(addresses.lines(), "repository = \"https://git.example/a\"\n");
        assert_eq!(addresses.check(), Ok(()));
        for wrong in ["git.example/a", "http://git.example", "https://x", "https://a.example/\"\n[x]"] {
            addresses.homepage = Some(wrong.into());
            assert!(addresses.check().is_err_and(|error| error.starts_with("--homepage")), "{wrong}");
        }
    }
}
