//! The scenarios: in each one, clients act at random, and the scenario checks what must hold.

mod analytics;
mod locks;
mod objects;
mod processes;
mod rate_limits;
mod sessions;
mod transfers;
mod uploads;
mod values;

use std::future::Future;
use std::pin::Pin;

use crate::finding::Outcome;
use crate::power_loss;
use crate::world::World;

/// A scenario.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// A description in one line.
    pub(crate) about: &'static str,
    pub(crate) run: fn(World) -> Pin<Box<dyn Future<Output = Outcome>>>,
}

/// All scenarios.
pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "objects",
        about: "Puts, gets, deletes, copies and listings of a few keys: each answer is one of R2's",
        run: |world| Box::pin(objects::run(world)),
    },
    Scenario {
        name: "uploads",
        about: "Multipart uploads that several clients add to, complete and abort",
        run: |world| Box::pin(uploads::run(world)),
    },
    Scenario {
        name: "transfers",
        about: "Files and streams up and down, interrupted and continued, while bits are flipped",
        run: |world| Box::pin(transfers::run(world)),
    },
    Scenario {
        name: "processes",
        about: "Processes with one store on a disk that fails, killed at any moment, and the power lost",
        run: |world| Box::pin(processes::run(world)),
    },
    Scenario {
        name: "values",
        about: "Values of KV, with expirations, metadata and caches: each answer is one of KV's",
        run: |world| Box::pin(values::run(world)),
    },
    Scenario {
        name: "locks",
        about: "Locks over the server's bucket: one holder at a time, and tokens that grow",
        run: |world| Box::pin(locks::run(world)),
    },
    Scenario {
        name: "sessions",
        about: "Sessions in KV: found while they are good, and refused once it can be known that they have ended",
        run: |world| Box::pin(sessions::run(world)),
    },
    Scenario {
        name: "rate-limits",
        about: "Rate limits in KV: what was counted and is known decides, and no check waits for longer than it may",
        run: |world| Box::pin(rate_limits::run(world)),
    },
    Scenario {
        name: "analytics",
        about: "Events in R2 and KV: what a flush acknowledged is read back, each event once, and nothing else",
        run: |world| Box::pin(analytics::run(world)),
    },
    Scenario {
        name: "power-loss",
        about: "A power loss behind any change of the disk: what was acknowledged is there, and nothing is left over",
        run: |world| Box::pin(power_loss::run(world)),
    },
];

/// Returns the scenario with this name.
pub(crate) fn named(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
