//! Faults that the simulation has to find: each is a line of the code done wrong, switched on at run time.
//!
//! Without the feature `simulation` none can be, and the compiler removes what asks.

/// What is done wrong.
#[cfg_attr(
    not(feature = "simulation"),
    allow(dead_code, unreachable_pub, reason = "the simulation names them")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mutation {
    /// A file is renamed into place before its bytes are synced.
    FileNotSynced,
    /// The folder of a file that was renamed is not synced.
    FolderNotSynced,
    /// SQLite's log of a killed process is not synced when the store is opened.
    LogNotSynced,
    /// The file of an instance is not synced before its first file is made.
    InstanceNotSynced,
    /// The file of an object that was replaced is not noted as garbage.
    GarbageForgotten,
    /// A put goes by no condition.
    ConditionDropped,
    /// A page of a listing leaves out the first key after its beginning.
    ListingSkipsKey,
    /// A multipart upload can be completed again.
    UploadNotEnded,
    /// A read begins a byte early.
    RangeBeginsEarly,
    /// A transaction that could not be committed is acknowledged.
    CommitFailureAcknowledged,
    /// A value of KV is given out after its expiration.
    ExpiredValueServed,
    /// A conditional put whose first answer was lost reports that the condition refused it.
    LostAnswerIsRefusal,
    /// A put that was not answered is taken for done.
    LostAnswerIsSuccess,
    /// A download that was cut off continues a byte early.
    ResumedAtWrongPlace,
    /// The answer to a put names other bytes than were sent, and nobody minds.
    DamageAccepted,
    /// A lock that is held is not renewed.
    LeaseNotRenewed,
    /// A lock is taken over as soon as it has expired by the taker's clock.
    LockTakenEarly,
    /// A lock that is taken over keeps its token.
    TokenRepeated,
    /// A session is remembered for ever.
    StaleSessionServed,
    /// Ending all sessions of a user ends none.
    LogOutForgotten,
    /// A rate limit goes by what its own place has counted.
    CountsOfOthersIgnored,
    /// Events that could not be stored are let go of.
    UnstoredEventsForgotten,
}

/// Has the code do it wrong from now on, in this thread.
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

/// Never.
#[cfg(not(feature = "simulation"))]
pub(crate) const fn is_mutated(_: Mutation) -> bool {
    false
}
