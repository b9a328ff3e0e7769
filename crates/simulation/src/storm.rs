//! The faults around the clients of a server, for a limited time.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::{self, Either};

use crate::disk::Faults;
use crate::finding::{Finding, Outcome};
use crate::network::Weather;
use crate::trace;
use crate::world::{Server, World};

/// The kinds of faults.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "the faults are independent")]
pub(crate) struct Storm {
    /// Connections are refused, cut and stalled.
    pub(crate) network: bool,
    /// Bits of transferred bytes are flipped.
    pub(crate) flips: bool,
    /// The server is killed and started again.
    pub(crate) kills: bool,
    /// The server's disk fails, and fills up.
    pub(crate) disk: bool,
    /// The server's machine loses power.
    pub(crate) power: bool,
}

impl Storm {
    /// Selects some or all of them.
    pub(crate) fn any(rng: &mut Rng) -> Self {
        let mut often = || rng.u8(..4) > 0;
        Self { network: often(), flips: false, kills: often(), disk: often(), power: often() }
    }
}

/// Runs the clients in a storm until they are done. Then the faults end, and the server runs.
pub(crate) async fn in_storm(
    world: &World,
    server: &mut Server,
    storm: Storm,
    clients: impl Future<Output = Outcome>,
) -> Outcome {
    let mut rng = world.rng("storm");
    {
        let blowing = pin!(blow(world, server, storm, &mut rng));
        match future::select(pin!(clients), blowing).await {
            Either::Left((outcome, _)) => outcome?,
            Either::Right((Err(finding), _)) => return Err(finding),
        }
    }
    world.network.set_weather(Weather::FINE);
    world.machine.set_faults(Faults::default());
    if !server.runs() {
        server.start().await?;
    }
    Ok(())
}

async fn blow(
    world: &World,
    server: &mut Server,
    storm: Storm,
    rng: &mut Rng,
) -> Result<Infallible, Finding> {
    loop {
        let mut weather = if storm.network && rng.bool() { Weather::STORMY } else { Weather::FINE };
        if storm.flips && rng.bool() {
            weather.flipped = 0.02;
        }
        world.network.set_weather(weather);
        if storm.disk && rng.u8(..3) == 0 {
            trace::count("times of disk faults");
            let share = [0.0, 0.000_5, 0.01][rng.usize(..3)];
            world.machine.set_faults(Faults::each(share));
            if rng.u8(..4) == 0 {
                world.machine.full_after(rng.u64(..2_000_000));
            }
        } else {
            world.machine.set_faults(Faults::default());
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(10..60_000))).await;
        if storm.kills && rng.u8(..3) == 0 {
            server.kill();
            if storm.power && rng.bool() {
                trace::count("power losses");
                world.machine.power_loss(rng);
            }
            tokio::time::sleep(Duration::from_millis(rng.u64(..20_000))).await;
            server.start().await?;
        }
    }
}
