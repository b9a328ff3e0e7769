//! Credentials of a server from its environment, in the variables that its clients read.

use std::ffi::OsString;

use cloudflare_emulator::Credentials;

use crate::error::{Error, Result};
use crate::variables::{
    CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN, R2_ACCESS_KEY_ID, R2_ACCOUNT_ID, R2_SECRET_ACCESS_KEY,
    Variables,
};

/// Reads the credentials of the environment. Errors name the variables, never their values.
pub(crate) fn read() -> Result<Credentials> {
    from(|name| Variables::Environment.get(name))
}

fn from(variable: impl Fn(&str) -> Option<OsString>) -> Result<Credentials> {
    let all =
        [R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN];
    if let Some(name) =
        all.into_iter().find(|name| variable(name).is_some_and(|value| value.to_str().is_none()))
    {
        return Err(refused(format!("{name} is not UTF-8")));
    }
    let text = |name: &str| {
        let value = variable(name).and_then(|value| value.into_string().ok()).unwrap_or_default();
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let required = [R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY];
    let missing: Vec<_> = required.into_iter().filter(|name| text(name).is_none()).collect();
    if !missing.is_empty() {
        return Err(refused(format!("--credentials-from-env needs {}", missing.join(", "))));
    }
    let [account_id, access_key_id, secret] = required.map(|name| text(name).unwrap_or_default());
    if text(CLOUDFLARE_ACCOUNT_ID).is_some_and(|other| other != account_id) {
        let message = format!(
            "{R2_ACCOUNT_ID} and {CLOUDFLARE_ACCOUNT_ID} differ, but the server has only one account"
        );
        return Err(refused(message));
    }
    let malformed = |error: cloudflare_clients::Error| {
        refused(format!("cannot use the credentials of the environment: {}", error.message()))
    };
    let credentials = Credentials::new(account_id, access_key_id, secret).map_err(malformed)?;
    match text(CLOUDFLARE_API_TOKEN) {
        Some(token) => credentials.with_api_token(token).map_err(malformed),
        None => Ok(credentials),
    }
}

fn refused(message: String) -> Error {
    Error::usage(
        message,
        format!(
            "generate values for this server: {R2_ACCOUNT_ID} and {R2_ACCESS_KEY_ID} with `openssl rand -hex 16`, \
             {R2_SECRET_ACCESS_KEY} with `openssl rand -hex 32`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Credentials, String> {
        let variable =
            |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.into());
        from(variable).map_err(|error| error.to_string())
    }

    #[test]
    fn the_variables_of_clients() {
        let (id, secret, token) = ("0a".repeat(16), "0b".repeat(32), "t".repeat(40));
        let all = [
            (R2_ACCOUNT_ID, id.as_str()),
            (R2_ACCESS_KEY_ID, &id),
            (R2_SECRET_ACCESS_KEY, &secret),
            (CLOUDFLARE_ACCOUNT_ID, &id),
            (CLOUDFLARE_API_TOKEN, &token),
        ];
        let given = read(&all).unwrap();
        assert_eq!((given.account_id(), given.secret_access_key()), (id.as_str(), secret.as_str()));
        assert_eq!(given.api_token(), token);
        assert_ne!(read(&all[..4]).unwrap().api_token(), token);

        let refused = read(&all[1..2]).unwrap_err();
        assert!(refused.contains("needs R2_ACCOUNT_ID, R2_SECRET_ACCESS_KEY"), "{refused}");
        let with = |name, value| {
            let changed = all.map(|(other, old)| (other, if other == name { value } else { old }));
            read(&changed).unwrap_err()
        };
        let wrong = with(R2_SECRET_ACCESS_KEY, "hush");
        assert!(wrong.contains("64 hex characters") && !wrong.contains("hush"), "{wrong}");
        assert!(with(CLOUDFLARE_ACCOUNT_ID, "other").contains("one account"));
        assert!(with(CLOUDFLARE_API_TOKEN, "hush").contains("API token"));
    }
}
