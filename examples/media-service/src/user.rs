//! Users and their keys: a user owns everything below `{user}/`.

use crate::error::ApiError;

/// A user whose name is valid.
#[derive(Debug)]
pub(crate) struct User(String);

impl User {
    pub(crate) fn new(name: String) -> Result<Self, ApiError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name))
        } else {
            Err(ApiError::bad_request("a user's name is 1 to 64 characters of a-z, 0-9 and -"))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefix of all keys of the user: `{user}/`.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/", self.0)
    }

    /// The key of a file of the user. The name may contain folders, as those of HLS packages do.
    pub(crate) fn key(&self, name: &str) -> Result<String, ApiError> {
        // Browsers fold dot segments in paths and would request another key.
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(ApiError::bad_request(format!("the name {name:?} has an empty or a dot segment")));
        }
        Ok(self.prefix() + name)
    }

    /// Returns an error for a key of another user.
    pub(crate) fn check_owns(&self, key: &str) -> Result<(), ApiError> {
        if key.starts_with(&self.prefix()) {
            Ok(())
        } else {
            Err(ApiError::forbidden("the key is not yours"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_own_the_keys_below_their_name() {
        let ada = User::new("ada".to_owned()).unwrap();
        assert_eq!(ada.key("film/720p.m3u8").unwrap(), "ada/film/720p.m3u8");
        assert!(ada.check_owns("ada/film").is_ok());
        for key in ["ada", "adam/film", "bob/film", "", "/ada/film"] {
            assert!(ada.check_owns(key).is_err(), "{key}");
        }
        for name in ["", "/film", "film/", "a//b", "../bob/film", "a/./b"] {
            assert!(ada.key(name).is_err(), "{name}");
        }
        for name in ["", "Ada", "ada/bob", "..", &"a".repeat(65)] {
            assert!(User::new(name.to_owned()).is_err(), "{name}");
        }
    }
}
