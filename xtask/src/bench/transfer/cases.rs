//! The cases that are measured.

use std::path::Path;

use super::super::table::{Measurement, OURS};
use super::folder::{check_same, remove};
use super::race::{Contender, EACH, REQUESTS, Race, Track, WHOLE, Words};
use super::servers::{On, Running};
use crate::report::Stop;

#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) run: fn(&Track<'_>) -> Result<Vec<Measurement>, Stop>,
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    Case { name: "up", about: "a file of 1 GiB, in parts", run: |track| up(track, On::Ours) },
    Case { name: "up-s3s-fs", about: "the same, to a third-party server", run: |track| up(track, On::S3sFs) },
    Case { name: "down", about: "an object of 1 GiB into a file, in ranges", run: |track| down(track, On::Ours, "download") },
    Case { name: "down-s3s-fs", about: "the same, from a slow third-party server", run: |track| down(track, On::S3sFs, "download") },
    Case { name: "down-whole", about: "the same in one request", run: |track| down(track, On::S3sFs, "download-whole") },
    Case { name: "put", about: "a file of 1 GiB, by command lines", run: put },
    Case { name: "get", about: "an object of 1 GiB, by command lines, from the slow server", run: get },
    Case { name: "parts", about: "64 parts that are generated in memory", run: parts },
    Case { name: "requests", about: "5,000 small objects, one after another", run: |track| requests(track, "1") },
    Case { name: "requests-32", about: "5,000 small objects, 32 concurrently", run: |track| requests(track, "32") },
    Case { name: "server", about: "the server's cost for small objects and 1 GiB, and the memory that it keeps", run: server },
    Case { name: "folder", about: "a folder of 20,000 small files, by command lines", run: folder },
    Case { name: "sync", about: "100,000 unchanged files and keys, by command lines", run: sync },
];

/// Number of parts that [`parts`] creates.
const PARTS: &str = "64";

/// The key of the large object.
const LARGE: &str = "large";

/// Size of the small objects, in bytes.
const SMALL: usize = 4096;

const UNPROVED: &str = "cloudflare-clients unproved";

/// The libraries that transfer files.
const LIBRARIES: [&str; 5] = [OURS, UNPROVED, "object_store", "opendal", "aws-sdk-s3"];

impl Running {
    fn race<'a>(&'a self, track: &'a Track<'a>, contenders: Vec<Contender<'a>>) -> Race<'a> {
        Race { track, environment: &self.environment, contenders, after: Box::new(|| Ok(())) }
    }
}

/// Uploads by the libraries.
fn up(track: &Track<'_>, on: On) -> Result<Vec<Measurement>, Stop> {
    let (file, server) = (text(&track.folder.large_file()?), on.start(track)?);
    let contenders = libraries(track, &LIBRARIES, |_| words(["upload", &file, LARGE]));
    server.race(track, contenders).run(&on.case("upload 1 GiB"), WHOLE)
}

/// Uploads by the command lines.
fn put(track: &Track<'_>) -> Result<Vec<Measurement>, Stop> {
    let (file, server) = (text(&track.folder.large_file()?), On::Ours.start(track)?);
    let contenders = command_lines(
        track,
        |_| words(["r2", "put", &file, LARGE]),
        |_| words(["cp", "--part-size", "16", "--concurrency", "8", &file, "s3://media/large"]),
        |_| {
            words([
                "copyto",
                "--s3-chunk-size",
                "16M",
                "--s3-upload-cutoff",
                "64M",
                "--s3-upload-concurrency",
                "8",
                "--s3-disable-checksum",
                &file,
                "r2:media/large",
            ])
        },
    );
    server.race(track, contenders).run("put 1 GiB", WHOLE)
}

/// Downloads by the libraries.
fn down(track: &Track<'_>, on: On, job: &str) -> Result<Vec<Measurement>, Stop> {
    let (file, server) = (track.folder.large_file()?, on.start(track)?);
    let copy = track.folder.path("copy");
    let (source, target) = (text(&file), text(&copy));
    let contenders = libraries(track, &LIBRARIES, |_| words([job, LARGE, &target]));
    let mut race = server.race(track, contenders);
    race.measure(&library(track, OURS, words(["upload", &source, LARGE])))?;
    race.after = Box::new(|| check_same(&file, &copy).and_then(|()| remove(&copy)));
    race.run(&on.case(&format!("{job} 1 GiB")), WHOLE)
}

/// Downloads by the command lines, from the slow server.
fn get(track: &Track<'_>) -> Result<Vec<Measurement>, Stop> {
    let (file, server) = (track.folder.large_file()?, On::S3sFs.start(track)?);
    let copy = track.folder.path("copy");
    let (source, target) = (text(&file), text(&copy));
    let contenders = command_lines(
        track,
        |_| words(["r2", "get", LARGE, &target]),
        |_| words(["cp", "--part-size", "16", "--concurrency", "8", "s3://media/large", &target]),
        |_| {
            words([
                "copyto",
                "--multi-thread-streams",
                "8",
                "--multi-thread-cutoff",
                "64M",
                "--ignore-checksum",
                "r2:media/large",
                &target,
            ])
        },
    );
    let mut race = server.race(track, contenders);
    race.measure(&library(track, OURS, words(["upload", &source, LARGE])))?;
    race.after = Box::new(|| check_same(&file, &copy).and_then(|()| remove(&copy)));
    race.run(&On::S3sFs.case("get 1 GiB"), WHOLE)
}

fn parts(track: &Track<'_>) -> Result<Vec<Measurement>, Stop> {
    let server = On::Ours.start(track)?;
    let contenders = libraries(track, &LIBRARIES, |_| words(["parts", PARTS, LARGE]));
    server.race(track, contenders).run("parts in memory", WHOLE)
}

fn requests(track: &Track<'_>, at_once: &str) -> Result<Vec<Measurement>, Stop> {
    let server = On::Ours.start(track)?;
    let names: Vec<_> = LIBRARIES.into_iter().chain(["hyper"]).collect();
    let count = REQUESTS.to_string();
    let puts = libraries(track, &names, |run| words(["put", &format!("put-{run}/"), &count, at_once]));
    let gets = libraries(track, &names, |_| words(["get", "put-0/", &count, at_once]));
    let mut measured = server.race(track, puts).run(&format!("PUT 4 KiB, {at_once} at once"), EACH)?;
    measured.extend(server.race(track, gets).run(&format!("GET 4 KiB, {at_once} at once"), EACH)?);
    Ok(measured)
}

/// The cost of servers for the same requests of the same client.
fn server(track: &Track<'_>) -> Result<Vec<Measurement>, Stop> {
    let (file, count) = (text(&track.folder.large_file()?), REQUESTS.to_string());
    let mut measured = Vec::new();
    for (name, on) in [(OURS, On::Ours), ("s3s-fs", On::S3sFs), ("hyper", On::Hyper)] {
        let server = match on.start(track) {
            Err(Stop::Skipped(why)) => {
                println!("  {name} is left out: {why}");
                continue;
            }
            started => started?,
        };
        let mut measure = |case: &str, client, job: Words, part: u64| {
            let words = library(track, client, job);
            let race = server.race(track, Vec::new());
            race.measure(&words)?;
            let run = |_| {
                let before = server.cpu_time()?;
                race.measure(&words)?;
                Ok((server.cpu_time()? - before) / part)
            };
            let samples = (0..track.runs).map(run).collect::<Result<_, Stop>>()?;
            measured.push(Measurement::of_samples(name, format!("server: {case}"), samples)?);
            Ok::<_, Stop>(())
        };
        measure("PUT 4 KiB, CPU ns", "hyper", words(["put", "", &count, "1"]), REQUESTS)?;
        measure("GET 4 KiB, CPU ns", "hyper", words(["get", "", &count, "1"]), REQUESTS)?;
        if !matches!(on, On::Hyper) {
            measure("upload 1 GiB, CPU ms", OURS, words(["upload", &file, LARGE]), 1_000_000)?;
            let memory = server.settled_memory()?;
            measured.push(Measurement::exact(name, "server: memory afterwards, KiB", memory));
        }
    }
    Ok(measured)
}

fn folder(track: &Track<'_>) -> Result<Vec<Measurement>, Stop> {
    let (tree, server) = (track.folder.tree("tree", 20_000, SMALL)?, On::Ours.start(track)?);
    let tree = format!("{}/", tree.display());
    let contenders = command_lines(
        track,
        |run| words(["r2", "put", "-r", "--concurrency", "32", &tree, &format!("r2://media/ours-{run}/")]),
        |run| words(["cp", &tree, &format!("s3://media/s5cmd-{run}/")]),
        |run| {
            words(["copy", "--transfers", "32", "--checkers", "32", &tree, &format!("r2:media/rclone-{run}")])
        },
    );
    server.race(track, contenders).run("folder of 20,000 up", WHOLE)
}

fn sync(track: &Track<'_>) -> Result<Vec<Measurement>, Stop> {
    let (tree, server) = (track.folder.tree("many", 100_000, 64)?, On::Ours.start(track)?);
    let tree = format!("{}/", tree.display());
    let contenders = command_lines(
        track,
        |_| words(["r2", "sync", &tree, "r2://media/many/"]),
        |_| words(["sync", &tree, "s3://media/many/"]),
        // Compares size and time from the listing; otherwise it would send a request for each key.
        |_| words(["sync", "--update", "--use-server-modtime", "--fast-list", &tree, "r2:media/many"]),
    );
    let race = server.race(track, contenders);
    // The first contender that succeeds makes both sides equal.
    race.warm_up();
    race.run("sync of 100,000, nothing to do", WHOLE)
}

/// The contenders for the libraries with these names.
fn libraries<'a>(
    track: &'a Track<'a>,
    names: &[&'static str],
    job: impl Fn(usize) -> Words + Copy + 'a,
) -> Vec<Contender<'a>> {
    let contender = |name| Contender { name, words: Box::new(move |run| library(track, name, job(run))) };
    names.iter().copied().map(contender).collect()
}

fn library(track: &Track<'_>, name: &str, job: Words) -> Words {
    [vec![text(&track.programs.bench), name.to_owned()], job].concat()
}

/// The contenders for the installed command lines.
fn command_lines<'a>(
    track: &'a Track<'a>,
    ours: impl Fn(usize) -> Words + 'a,
    s5cmd: impl Fn(usize) -> Words + 'a,
    rclone: impl Fn(usize) -> Words + 'a,
) -> Vec<Contender<'a>> {
    let programs = track.programs;
    let mut all = vec![command_line(OURS, &programs.cfstore, ours)];
    all.extend(programs.s5cmd.as_deref().map(|program| command_line("s5cmd", program, s5cmd)));
    all.extend(programs.rclone.as_deref().map(|program| command_line("rclone", program, rclone)));
    all
}

fn command_line<'a>(
    name: &'static str,
    program: &Path,
    arguments: impl Fn(usize) -> Words + 'a,
) -> Contender<'a> {
    let program = text(program);
    Contender { name, words: Box::new(move |run| [vec![program.clone()], arguments(run)].concat()) }
}

fn words<const N: usize>(words: [&str; N]) -> Words {
    words.map(str::to_owned).into()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
