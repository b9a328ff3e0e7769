//! Faults that the simulation has to find. Each breaks one line of the code, and is switched on at run time.
//!
//! Without the feature `simulation` none can be switched on, and the compiler removes the checks.

/// A fault in the code.
#[cfg_attr(
    not(feature = "simulation"),
    allow(dead_code, unreachable_pub, reason = "the simulation names them")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mutation {
    /// A file is renamed into place before its bytes are synced.
    FileNotSynced,
    /// The folder is not synced after a file in it was renamed.
    FolderNotSynced,
    /// SQLite's log is not synced when the store is opened after its process was killed.
    LogNotSynced,
    /// The file of an instance is not synced before the instance's first file is created.
    InstanceNotSynced,
    /// The file of a replaced object is not recorded as garbage.
    GarbageForgotten,
    /// A put ignores its condition.
    ConditionDropped,
    /// A page of a listing omits its first key.
    ListingSkipsKey,
    /// A completed multipart upload can be completed again.
    UploadNotEnded,
    /// A read starts one byte early.
    RangeBeginsEarly,
    /// A transaction is acknowledged although it could not be committed.
    CommitFailureAcknowledged,
    /// A KV value is returned after its expiration.
    ExpiredValueServed,
    /// A conditional put whose first response was lost reports that its condition failed.
    LostAnswerIsRefusal,
    /// A put without a response is reported as done.
    LostAnswerIsSuccess,
    /// An interrupted download resumes one byte early.
    ResumedAtWrongPlace,
    /// A put is accepted although the response describes other bytes than those sent.
    DamageAccepted,
    /// A held lock is not renewed.
    LeaseNotRenewed,
    /// A lock is taken over as soon as it has expired by the new holder's clock.
    LockTakenEarly,
    /// A lock keeps its token when it is taken over.
    TokenRepeated,
    /// A session is cached forever.
    StaleSessionServed,
    /// Ending all sessions of a user ends none.
    LogOutForgotten,
    /// A rate limit counts only the requests of its own instance.
    CountsOfOthersIgnored,
    /// Events that could not be stored are dropped.
    UnstoredEventsForgotten,
}

/// Switches a fault on or off in this thread.
#[cfg(feature = "simulation")]
pub fn mutate(mutation: Option<Mutation>) {
    ACTIVE.set(mutation);
}

#[cfg(feature = "simulation")]
thread_local! {
    static ACTIVE: std::cell::Cell<Option<Mutation>> = const { std::cell::Cell::new(None) };
}

#[cfg(feature = "simulation")]
pub(crate) fn is_mutated(mutation: Mutation) -> bool {
    ACTIVE.get() == Some(mutation)
}

/// Always false without the feature `simulation`.
#[cfg(not(feature = "simulation"))]
pub(crate) const fn is_mutated(_: Mutation) -> bool {
    false
}
