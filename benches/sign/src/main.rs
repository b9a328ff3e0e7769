//! The cost of a presigned GET URL, with this library and with others.
//!
//! `sign-bench time` prints nanoseconds of CPU per URL as JSON, `[{ "impl", "case", "samples": [..] }]`: all
//! implementations take turns in one process, and each signs the same keys in its turn.
//! `sign-bench run IMPL CASE TIMES` only signs them, that many times, for a tool that counts instructions.
//! `sign-bench list` prints all cases, `IMPL CASE` a line. `sign-bench manifest`
//! prints nanoseconds of CPU per DASH manifest.

mod check;
mod implementations;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod manifest;
mod offline;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::implementations::{Implementation, Result};

const ACCOUNT_ID: &str = "0123456789abcdef0123456789abcdef";
const HOST: &str = "media.0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com";
const ACCESS_KEY_ID: &str = "fedcba9876543210fedcba9876543210";
const SECRET_ACCESS_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const EXPIRES_IN: Duration = Duration::from_secs(3600);

const ROUNDS: usize = 101;

/// The segments of a film of two hours.
const KEYS: usize = 1200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["time"] => time(),
        ["run", name, case, times] => run(name, case, times),
        ["list"] => list(),
        ["manifest"] => manifest::time().map(|results| println!("{results}")),
        _ => Err("usage: sign-bench time | run IMPL CASE TIMES | list | manifest".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sign-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn time() -> Result<()> {
    let keys = keys();
    let mut implementations = implementations::all()?;
    for implementation in &mut implementations {
        check::urls_work(implementation, &keys)?;
    }
    let mut samples = vec![Vec::with_capacity(ROUNDS); implementations.len()];
    for _ in 0..ROUNDS {
        for (implementation, samples) in implementations.iter_mut().zip(&mut samples) {
            // The caches are full of what the one before needed.
            sign(implementation, &keys)?;
            let before = cpu_time();
            sign(implementation, &keys)?;
            samples.push((cpu_time() - before).as_nanos() / KEYS as u128);
        }
    }
    let results: Vec<_> = implementations
        .iter()
        .zip(samples)
        .map(|(implementation, samples)| json!({ "impl": implementation.name, "case": implementation.case, "samples": samples }))
        .collect();
    println!("{}", json!(results));
    Ok(())
}

fn run(name: &str, case: &str, times: &str) -> Result<()> {
    let keys = keys();
    let mut implementation = implementations::all()?
        .into_iter()
        .find(|known| known.name == name && known.case == case)
        .ok_or_else(|| format!("there is no {name} {case}"))?;
    for _ in 0..times.parse()? {
        sign(&mut implementation, &keys)?;
    }
    Ok(())
}

fn list() -> Result<()> {
    for Implementation { name, case, .. } in implementations::all()? {
        println!("{name} {case}");
    }
    Ok(())
}

fn sign(implementation: &mut Implementation, keys: &[String]) -> Result<()> {
    (implementation.sign)(keys, &mut |url| {
        black_box(url);
    })
}

/// Of the whole process, since some libraries have threads of their own.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap_or_default())
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|segment| format!("creator-123/hls/media-456/720p/segment_{segment:05}.ts")).collect()
}
