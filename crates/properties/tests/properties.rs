//! Tests every property with the seeds of its fuzz target and with changed seeds. `PROPTEST_CASES=100000`
//! tries that many, where libFuzzer is not available.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::{env, fs};

use properties::ALL;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

#[derive(Debug, Clone)]
enum Change {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let text = "[ -~]{1,3}|%[0-9A-F]{2}|\"|,|=\\?|\\?=|&#x[0-9a-f]{1,5};|[0-9]{1,20}|\\PC";
        prop_oneof![
            any::<(Index, u8)>().prop_map(|(at, byte)| Self::Replace(at, byte)),
            (any::<Index>(), text).prop_map(|(at, text)| Self::Insert(at, text.into_bytes())),
            any::<(Index, Index)>().prop_map(|(from, to)| Self::Remove(from, to)),
            any::<(Index, Index)>().prop_map(|(from, to)| Self::Repeat(from, to)),
        ]
    }

    fn apply(&self, input: &mut Vec<u8>) {
        /// Maximum length of a removal or repetition, so that a part of the seed remains.
        const MOST: usize = 16;
        let range = |from: &Index, to: &Index| {
            let from = from.index(input.len() + 1);
            from..(from + to.index(MOST)).min(input.len())
        };
        match self {
            Self::Replace(at, byte) if !input.is_empty() => {
                let at = at.index(input.len());
                input[at] = *byte;
            }
            Self::Replace(..) => {}
            Self::Insert(at, text) => {
                let at = at.index(input.len() + 1);
                input.splice(at..at, text.iter().copied());
            }
            Self::Remove(from, to) => drop(input.drain(range(from, to))),
            Self::Repeat(from, to) => {
                let range = range(from, to);
                let again = input[range.clone()].to_vec();
                input.splice(range.end..range.end, again);
            }
        }
    }
}

fn check(name: &str, cases: u32) {
    let (_, property) = ALL.iter().find(|(known, _)| *known == name).unwrap();
    let seeds = seeds(name);
    for seed in &seeds {
        property(seed);
    }
    let wanted = Config::default().cases;
    let cases = if env::var_os("PROPTEST_CASES").is_some() { wanted } else { cases };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let input = (any::<Index>(), prop::collection::vec(Change::any(), 1..6)).prop_map(|(seed, changes)| {
        let mut input = seeds[seed.index(seeds.len())].clone();
        for change in &changes {
            change.apply(&mut input);
        }
        input
    });
    runner
        .run(&input, |input| {
            property(&input);
            Ok(())
        })
        .unwrap();
}

macro_rules! properties {
    ($($name:ident: $cases:literal),* $(,)?) => {
        $(#[test] fn $name() { check(stringify!($name), $cases); })*

        #[test]
        fn every_property_is_tested() {
            let tested = [$(stringify!($name)),*];
            assert!(ALL.iter().map(|(name, _)| *name).eq(tested));
        }
    };
}

properties! {
    dash_manifest: 1000,
    headers: 2000,
    hls_json: 1000,
    hls_playlist: 1000,
    key_encoding: 2000,
    kv_json: 2000,
    kv_request: 1000,
    object_key: 100,
    raw_request: 500,
    rfc2047: 2000,
    s3_request: 1000,
    sigv4: 500,
    xml: 1000,
}
