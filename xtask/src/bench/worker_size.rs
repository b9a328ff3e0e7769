//! The size of a Worker without the library and with it, raw and as Cloudflare measures it for its limits:
//! everything that is uploaded, in one gzip stream.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::table::{Measurement, Table};
use crate::context::Context;
use crate::report::Stop;
use crate::worker;

const WORKERS: [(&str, &str); 3] = [
    ("bare", "benches/worker-size/bare"),
    ("cloudflare-clients", "examples/minimal-worker"),
    ("streaming-worker", "examples/streaming-worker"),
];

pub(super) fn run(context: &Context<'_>) -> Result<Vec<Table>, Stop> {
    let mut results = Vec::new();
    for (implementation, folder) in WORKERS {
        let built = worker::build(context, folder)?;
        let (raw, gzip) = sizes(&built).map_err(|error| Stop::failed(folder, &error))?;
        results.push(Measurement::exact(implementation, "raw", raw));
        results.push(Measurement::exact(implementation, "gzip", gzip));
    }
    Ok(vec![Table { name: "worker-size", unit: "bytes", results }])
}

fn sizes(built: &Path) -> io::Result<(u64, u64)> {
    let mut all = fs::read(built.join("index_bg.wasm"))?;
    all.append(&mut fs::read(built.join("index.js"))?);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&all)?;
    Ok((all.len() as u64, gzip.finish()?.len() as u64))
}
