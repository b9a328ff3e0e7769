//! Plans of failing requests.

use std::str::FromStr;
use std::time::Duration;

use http::StatusCode;

/// Plan of the share of requests that fail, and how, for [`Faults::follow`](crate::Faults::follow).
///
/// It can be parsed from text, as for `cfstore serve --fault`: `503=5%,429=1%,reset=0.5%,slow=200ms`. A fault
/// without a share happens to every request.
///
/// | text | fault |
/// |---|---|
/// | `503=5%` | the request gets the status, from 400 to 599, and has no effect |
/// | `reset=5%` | the connection is closed, and the request has no effect |
/// | `lost=5%` | the request is done, and the connection is closed before the answer |
/// | `cut=5%` | the request is done, and the connection is closed in the middle of the answer |
/// | `slow=200ms`, `slow=2s@10%` | the request is delayed, in addition to other faults |
///
/// ```
/// # use std::time::Duration;
/// use cloudflare_emulator::{Emulator, FaultPlan};
/// use http::StatusCode;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let emulator = Emulator::start().await?;
/// emulator.faults().follow("503=20%,lost=10%".parse()?);
/// # let other =
/// FaultPlan::default().status(StatusCode::SERVICE_UNAVAILABLE, 0.2).lost(0.1);
/// # assert_eq!(other, "503=20%,lost=10%".parse()?);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "it does nothing until a server follows it"]
pub struct FaultPlan {
    /// Each failure with its share of requests. The sum is at most 1.
    failures: Vec<(Failure, f64)>,
    slow: Option<(Duration, f64)>,
}

/// Fault of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fault {
    pub(crate) delay: Duration,
    pub(crate) failure: Option<Failure>,
}

/// Kind of failure of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Status(StatusCode),
    Reset,
    Lost,
    Cut,
}

impl FaultPlan {
    /// Answers a share of requests, from 0 to 1, with this status. They have no effect.
    pub fn status(self, status: StatusCode, share: f64) -> Self {
        self.with(Failure::Status(status), share)
    }

    /// Closes the connections of a share of requests, from 0 to 1. The requests have no effect.
    pub fn reset(self, share: f64) -> Self {
        self.with(Failure::Reset, share)
    }

    /// Executes a share of requests, from 0 to 1, but closes the connection before the answer.
    pub fn lost(self, share: f64) -> Self {
        self.with(Failure::Lost, share)
    }

    /// Executes a share of requests, from 0 to 1, but closes the connection in the middle of the answer.
    pub fn cut(self, share: f64) -> Self {
        self.with(Failure::Cut, share)
    }

    /// Delays a share of requests, from 0 to 1, by this time. Other faults apply in addition.
    pub fn slow(mut self, delay: Duration, share: f64) -> Self {
        self.slow = Some((delay, share.clamp(0.0, 1.0)));
        self
    }

    /// Whether there is no fault.
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty() && self.slow.is_none()
    }

    /// Limits the sum of all shares to 1.
    fn with(mut self, failure: Failure, share: f64) -> Self {
        self.failures.retain(|(known, _)| *known != failure);
        let left = (1.0 - self.share()).max(0.0);
        self.failures.push((failure, share.clamp(0.0, left)));
        self
    }

    fn share(&self) -> f64 {
        self.failures.iter().map(|(_, share)| share).sum()
    }

    /// Decides the fault of the next request. `random` returns numbers in `[0, 1)`.
    pub(crate) fn decide(&self, random: impl Fn() -> f64) -> Fault {
        let delay = match self.slow {
            Some((delay, share)) if random() < share => delay,
            _ => Duration::ZERO,
        };
        let mut drawn = if self.failures.is_empty() { 1.0 } else { random() };
        let failure = self.failures.iter().find_map(|(failure, share)| {
            let happens = drawn < *share;
            drawn -= share;
            happens.then_some(*failure)
        });
        Fault { delay, failure }
    }
}

impl FromStr for FaultPlan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut plan = Self::default();
        let mut together = 0.0;
        for item in text.split(',').map(str::trim) {
            let (name, value) = match item.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (item, None),
            };
            if name == "slow" {
                let (delay, share) = delay(value.unwrap_or_default())?;
                plan = plan.slow(delay, share);
                continue;
            }
            let failure = match name {
                "reset" => Failure::Reset,
                "lost" => Failure::Lost,
                "cut" => Failure::Cut,
                status => Failure::Status(error_status(status)?),
            };
            let share = value.map_or(Ok(1.0), share)?;
            together += share;
            plan = plan.with(failure, share);
        }
        // Tolerates rounding errors of the sum.
        if together > 1.0 + 1e-9 {
            return Err(format!("the shares add up to {}%, but the maximum is 100%", together * 100.0));
        }
        Ok(plan)
    }
}

fn error_status(text: &str) -> Result<StatusCode, String> {
    let status =
        text.parse().ok().filter(|status: &StatusCode| status.as_u16() >= 400 && status.as_u16() < 600);
    status.ok_or_else(|| {
        format!(
            "{text:?} is not a fault: write a status from 400 to 599, reset, lost, cut or slow, as in 503=5%"
        )
    })
}

/// Parses `5%` or `0.5%`.
fn share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!("{text:?} is not a share of requests: write it as 5% or 0.5%")),
    }
}

/// Parses `200ms` or `2s@10%`.
fn delay(text: &str) -> Result<(Duration, f64), String> {
    let (delay, part) = text.split_once('@').unwrap_or((text, "100%"));
    let delay = humantime::parse_duration(delay)
        .map_err(|_| format!("{delay:?} is not a delay: write it as slow=200ms or slow=2s@10%"))?;
    Ok((delay, share(part)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> FaultPlan {
        text.parse().unwrap()
    }

    #[test]
    fn plans_are_written_as_names_and_shares() {
        let status = |code: u16| StatusCode::from_u16(code).unwrap();
        assert_eq!(plan("503=5%"), FaultPlan::default().status(status(503), 0.05));
        assert_eq!(
            plan("429=1%, reset=0.5%,lost=2%,cut=3%"),
            FaultPlan::default().status(status(429), 0.01).reset(0.005).lost(0.02).cut(0.03)
        );
        assert_eq!(plan("slow=200ms"), FaultPlan::default().slow(Duration::from_millis(200), 1.0));
        assert_eq!(
            plan("slow=2s@10%,500"),
            FaultPlan::default().slow(Duration::from_secs(2), 0.1).status(status(500), 1.0)
        );
        for (text, why) in [
            ("", "\"\" is not a fault"),
            ("200=5%", "\"200\" is not a fault"),
            ("broken=5%", "\"broken\" is not a fault"),
            ("503=5", "\"5\" is not a share"),
            ("503=101%", "\"101%\" is not a share"),
            ("503=-1%", "\"-1%\" is not a share"),
            ("503=NaN%", "\"NaN%\" is not a share"),
            ("slow", "\"\" is not a delay"),
            ("slow=5%", "\"5%\" is not a delay"),
            ("503=60%,reset=41%", "the shares add up to 101%"),
        ] {
            let error = text.parse::<FaultPlan>().unwrap_err();
            assert!(error.starts_with(why), "{text}: {error}");
        }
    }

    #[test]
    fn each_failure_has_its_share() {
        let plan = plan("503=5%,reset=10%,slow=1s@50%");
        let decide = |drawn: f64| plan.decide(|| drawn);
        let slow = Duration::from_secs(1);
        for (drawn, delay, failure) in [
            (0.0, slow, Some(Failure::Status(StatusCode::SERVICE_UNAVAILABLE))),
            (0.049, slow, Some(Failure::Status(StatusCode::SERVICE_UNAVAILABLE))),
            (0.051, slow, Some(Failure::Reset)),
            (0.149, slow, Some(Failure::Reset)),
            (0.151, slow, None),
            (0.5, Duration::ZERO, None),
            (0.999, Duration::ZERO, None),
        ] {
            assert_eq!(decide(drawn), Fault { delay, failure }, "{drawn}");
        }
        assert_eq!(FaultPlan::default().decide(|| 0.0).failure, None);
        let certain: FaultPlan = "lost".parse().unwrap();
        assert_eq!(certain.decide(|| 0.999_999).failure, Some(Failure::Lost));
    }
}
