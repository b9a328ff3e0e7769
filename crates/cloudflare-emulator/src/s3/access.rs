//! Permissions of a request: from the scope and buckets of its key, and from its session token, if any.

use cloudflare_clients::r2::{AccessScope, S3Action};
use cloudflare_clients::s3::session_token::SessionToken;

/// Permissions of a request.
#[derive(Debug)]
pub(crate) struct Access {
    /// Scope of the permanent key.
    scope: AccessScope,
    /// Buckets of the permanent key. `None` means all.
    buckets: Option<Vec<String>>,
    /// Restrictions of temporary credentials.
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

    /// Whether the request may list the buckets of the account.
    pub(super) fn lists_buckets(&self) -> bool {
        self.scope.is_admin() && self.buckets.is_none() && self.session.is_none()
    }

    /// Whether the request may access a bucket.
    pub(super) fn reaches_bucket(&self, name: &str) -> bool {
        self.buckets.as_ref().is_none_or(|buckets| buckets.iter().any(|bucket| bucket == name))
            && self.session.as_ref().is_none_or(|session| session.bucket() == name)
    }

    /// Whether the request may access an object of an accessible bucket.
    pub(super) fn reaches_object(&self, key: &str) -> bool {
        self.session.as_ref().is_none_or(|session| session.allows_key(key))
    }

    /// Whether the request may list all objects with a prefix in an accessible bucket.
    pub(super) fn lists(&self, prefix: &str) -> bool {
        self.session.as_ref().is_none_or(|session| session.allows_listing(prefix))
    }

    /// Whether the credentials allow an action.
    pub(super) fn allows(&self, action: S3Action) -> bool {
        self.scope.allows(action) && self.session.as_ref().is_none_or(|session| session.allows_action(action))
    }

    /// Whether the request may read, and if `write` change, the configuration of an accessible bucket.
    pub(super) fn administers(&self, write: bool) -> bool {
        self.scope.is_admin()
            && (self.scope.can_write() || !write)
            && self.session.as_ref().is_none_or(|session| session.allows_administration(write))
    }
}
