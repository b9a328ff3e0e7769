//! The mutations of the code, and the scenario that must find each of them.

use cloudflare_clients::simulation::Mutation;

/// A deliberate error in a line of the code.
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) mutation: Mutation,
    /// The scenario that must find it.
    pub(crate) scenario: &'static str,
}

const fn named(name: &'static str, mutation: Mutation, scenario: &'static str) -> Named {
    Named { name, mutation, scenario }
}

/// All mutations.
pub(crate) static MUTATIONS: &[Named] = &[
    named("file-not-synced", Mutation::FileNotSynced, "power-loss"),
    named("folder-not-synced", Mutation::FolderNotSynced, "power-loss"),
    named("log-not-synced", Mutation::LogNotSynced, "power-loss"),
    named("instance-not-synced", Mutation::InstanceNotSynced, "power-loss"),
    named("garbage-forgotten", Mutation::GarbageForgotten, "processes"),
    named("condition-dropped", Mutation::ConditionDropped, "objects"),
    named("listing-skips-key", Mutation::ListingSkipsKey, "objects"),
    named("upload-not-ended", Mutation::UploadNotEnded, "uploads"),
    named("range-begins-early", Mutation::RangeBeginsEarly, "objects"),
    named("commit-failure-acknowledged", Mutation::CommitFailureAcknowledged, "processes"),
    named("expired-value-served", Mutation::ExpiredValueServed, "values"),
    named("lost-answer-is-refusal", Mutation::LostAnswerIsRefusal, "objects"),
    named("lost-answer-is-success", Mutation::LostAnswerIsSuccess, "objects"),
    named("resumed-at-wrong-place", Mutation::ResumedAtWrongPlace, "objects"),
    named("damage-accepted", Mutation::DamageAccepted, "transfers"),
    named("lease-not-renewed", Mutation::LeaseNotRenewed, "locks"),
    named("lock-taken-early", Mutation::LockTakenEarly, "locks"),
    named("token-repeated", Mutation::TokenRepeated, "locks"),
    named("stale-session-served", Mutation::StaleSessionServed, "sessions"),
    named("log-out-forgotten", Mutation::LogOutForgotten, "sessions"),
    named("counts-of-others-ignored", Mutation::CountsOfOthersIgnored, "rate-limits"),
    named("unstored-events-forgotten", Mutation::UnstoredEventsForgotten, "analytics"),
];

/// Returns the mutation with this name.
pub(crate) fn find(name: &str) -> Option<&'static Named> {
    MUTATIONS.iter().find(|mutation| mutation.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios;

    #[test]
    fn each_names_a_scenario() {
        for mutation in MUTATIONS {
            assert!(scenarios::named(mutation.scenario).is_some(), "{}", mutation.name);
        }
    }
}
