//! How the cost of the embedded store's operations grows with its keys, beside a plain table of SQLite.
//!
//! `growth-bench KEYS SVG` fills both with KEYS keys. At each power of ten from 10,000 on it stops to
//! measure. It draws the times, and prints two lists of `{ "impl", "case", "samples": [..] }` as JSON:
//! nanoseconds for each operation, then the bytes of the files. The folder for temporary files needs a
//! kilobyte for each key.

mod chart;
mod measured;
mod ours;
mod sqlite;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use crate::measured::Measured;
use crate::ours::Ours;
use crate::sqlite::Sqlite;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// How often each operation is measured.
const ROUNDS: usize = 5;

/// What is stored under each key.
const BODY: &[u8] = &[b'v'; 64];

/// The fewest keys that are measured.
const FEWEST: usize = 10_000;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let done = match &arguments[..] {
        [keys, svg] => match keys.parse() {
            Ok(keys) if keys >= FEWEST => run(keys, Path::new(svg)).await,
            _ => Err(format!("{keys:?} is not a number of keys: give at least {FEWEST}").into()),
        },
        _ => Err("usage: growth-bench KEYS SVG".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("growth-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(most: usize, svg: &Path) -> Result<()> {
    let (mut times, mut sizes) = (Measured::default(), Measured::default());
    let folder = tempfile::tempdir()?;
    let mut ours = Ours::open(folder.path()).await?;
    let sqlite_folder = tempfile::tempdir()?;
    let mut sqlite = Sqlite::open(sqlite_folder.path())?;
    let steps = std::iter::successors(Some(FEWEST), |keys| keys.checked_mul(10));
    for keys in steps.take_while(|keys| *keys < most).chain([most]) {
        eprintln!("{keys} keys");
        ours.fill(keys, &mut times).await?;
        ours.measure(keys, &mut times).await?;
        sizes.add(ours::NAME, "files", keys, ours.bytes()?);
        tokio::task::block_in_place(|| {
            sqlite.fill(keys)?;
            sqlite.measure(keys, &mut times)
        })?;
        sizes.add(sqlite::NAME, "files", keys, sqlite.bytes()?);
    }
    ours.delete_half(most).await?;
    sizes.add(ours::NAME, "files, half of the keys deleted", most, ours.bytes()?);
    chart::draw(&times, svg)?;
    println!("{}\n{}", times.to_json(), sizes.to_json());
    Ok(())
}

/// The name of an object. A video has a hundred segments, with consecutive numbers; videos come in no order.
fn key(number: usize) -> String {
    let (video, segment) = (number / 100, number % 100);
    // A multiplication by an odd number is a permutation.
    let video = (video as u32).wrapping_mul(2_654_435_761);
    format!("creators/{:05}/{:05}/segment_{segment:03}.ts", video >> 16, video & 0xffff)
}

/// Keys that neither store has yet.
fn new_keys(others: &mut usize) -> Vec<String> {
    let numbers = *others..*others + 200;
    *others = numbers.end;
    numbers.map(|number| format!("{}.part", key(number))).collect()
}

/// Numbers of some of the first `keys` keys, the same ones each time, in no order.
fn some_of(keys: usize, count: usize, round: usize) -> impl Iterator<Item = usize> {
    (round * count..(round + 1) * count)
        .map(move |at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) % keys)
}

/// The bytes of all files below a folder.
fn bytes_of(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_of(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
