//! What who signed a request may do: by the scope and buckets of the key, and by the session token, if there
//! is one.

use cloudflare_clients::r2::{AccessScope, S3Action};
use cloudflare_clients::s3::session_token::SessionToken;

/// What may be done.
#[derive(Debug)]
pub(crate) struct Access {
    /// Of the permanent key.
    scope: AccessScope,
    /// Of the permanent key: `None` for all.
    buckets: Option<Vec<String>>,
    /// Temporary credentials allow less than their key.
    session: Option<SessionToken>,
}

impl Access {
    pub(crate) fn new(
        scope: AccessScope,
        buckets: Option<Vec<String>>,
        session: Option<SessionToken>,
    ) -> Self {
        Self { scope, buckets, session }
    }

    /// Whether the buckets of the account may be listed.
    pub(super) fn lists_buckets(&self) -> bool {
        self.scope.is_admin() && self.buckets.is_none() && self.session.is_none()
    }

    /// Whether anything may be done to a bucket.
    pub(super) fn reaches_bucket(&self, name: &str) -> bool {
        self.buckets.as_ref().is_none_or(|buckets| buckets.iter().any(|bucket| bucket == name))
            && self.session.as_ref().is_none_or(|session| session.bucket() == name)
    }

    /// Whether anything may be done to an object of a bucket that is reached.
    pub(super) fn reaches_object(&self, key: &str) -> bool {
        self.session.as_ref().is_none_or(|session| session.allows_key(key))
    }

    /// Whether all objects with a prefix may be listed, in a bucket that is reached.
    pub(super) fn lists(&self, prefix: &str) -> bool {
        self.session.as_ref().is_none_or(|session| session.allows_listing(prefix))
    }

    /// Whether an action may be done at all.
    pub(super) fn allows(&self, action: S3Action) -> bool {
        self.scope.allows(action) && self.session.as_ref().is_none_or(|session| session.allows_action(action))
    }

    /// Whether the configuration of a bucket that is reached may be read, and if `write`, changed.
    pub(super) fn administers(&self, write: bool) -> bool {
        self.scope.is_admin()
            && (self.scope.can_write() || !write)
            && self.session.as_ref().is_none_or(|session| session.allows_administration(write))
    }
}
