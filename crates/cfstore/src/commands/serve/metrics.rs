//! Metrics other than requests: the build, the process, the store and the events.

use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cloudflare_clients::LocalStore;
use cloudflare_emulator::Metrics;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::sleep;

use crate::events::EventCounts;

/// Minimum time between two measurements of the store.
const MEASURE_EVERY: Duration = Duration::from_secs(15);
/// Measuring reads every row, so it uses at most 1 / `MEASURE_SHARE` of the time.
const MEASURE_SHARE: u32 = 100;

/// All metrics of the server.
#[derive(Debug)]
pub(super) struct ServeMetrics {
    requests: Metrics,
    registry: Registry,
    process: Process,
}

impl ServeMetrics {
    pub(super) fn new(requests: Metrics, store: &StoreGauges, events: Option<&EventCounts>) -> Self {
        let mut registry = Registry::default();
        let process = Process::register(&mut registry);
        let own = registry.sub_registry_with_prefix("cfstore");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        own.register("build", "Version of cfstore", build);
        store.register(own);
        if let Some(events) = events {
            events.register(own);
        }
        Self { requests, registry, process }
    }

    /// Renders all metrics in Prometheus' text format.
    pub(super) fn render(&self) -> Result<String, fmt::Error> {
        self.process.read();
        let mut text = self.requests.render()?;
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Size of the store at the last measurement.
#[derive(Debug, Clone, Default)]
pub(super) struct StoreGauges {
    objects: Gauge<u64, AtomicU64>,
    object_bytes: Gauge<u64, AtomicU64>,
    pairs: Gauge<u64, AtomicU64>,
    pair_bytes: Gauge<u64, AtomicU64>,
    uploads: Gauge<u64, AtomicU64>,
    measured: Gauge<f64, AtomicU64>,
    is_read_only: Gauge,
    free: Gauge<u64, AtomicU64>,
}

impl StoreGauges {
    fn register(&self, registry: &mut Registry) {
        let store = registry.sub_registry_with_prefix("store");
        store.register("objects", "Objects in all buckets", self.objects.clone());
        let help = "Bytes of the objects in all buckets";
        store.register_with_unit("object", help, Unit::Bytes, self.object_bytes.clone());
        let help = "Keys in all KV namespaces, including expired ones that are not removed yet";
        store.register("pairs", help, self.pairs.clone());
        let help = "Bytes of the values of these keys";
        store.register_with_unit("pair", help, Unit::Bytes, self.pair_bytes.clone());
        store.register("uploads", "Unfinished multipart uploads", self.uploads.clone());
        let help = "Time of the last count of objects, keys and uploads, in seconds since 1970";
        store.register_with_unit("measured_timestamp", help, Unit::Seconds, self.measured.clone());
        let help = "1 if the store was opened read-only";
        store.register("read_only", help, self.is_read_only.clone());
        if cfg!(unix) {
            let help = "Bytes that are free on the store's disk";
            store.register_with_unit("free", help, Unit::Bytes, self.free.clone());
        }
    }

    /// Measures the store repeatedly, without end.
    pub(super) async fn measure(self, store: LocalStore) {
        self.is_read_only.set(store.read_only_reason().is_some().into());
        loop {
            let began = Instant::now();
            if let Some(free) = free_bytes(store.path()) {
                self.free.set(free);
            }
            match store.usage().await {
                Ok(usage) => {
                    self.objects.set(usage.objects);
                    self.object_bytes.set(usage.object_bytes);
                    self.pairs.set(usage.pairs);
                    self.pair_bytes.set(usage.pair_bytes);
                    self.uploads.set(usage.uploads);
                    self.measured.set(seconds_since_1970());
                }
                Err(error) => tracing::warn!(%error, "cannot measure the store"),
            }
            sleep(MEASURE_EVERY.max(began.elapsed() * MEASURE_SHARE)).await;
        }
    }
}

/// Metrics of the process, with the names of Prometheus' own clients. Memory and files are known only on
/// Linux.
#[derive(Debug, Default)]
struct Process {
    resident_memory: Gauge<u64, AtomicU64>,
    open_fds: Gauge<u64, AtomicU64>,
    max_fds: Gauge<u64, AtomicU64>,
}

impl Process {
    fn register(registry: &mut Registry) -> Self {
        let process = Self::default();
        let registry = registry.sub_registry_with_prefix("process");
        let start: Gauge<f64, AtomicU64> = Gauge::default();
        start.set(seconds_since_1970());
        let help = "Start time of the server, in seconds since 1970";
        registry.register_with_unit("start_time", help, Unit::Seconds, start);
        if resident_bytes().is_some() {
            let help = "Resident memory of the process";
            registry.register_with_unit(
                "resident_memory",
                help,
                Unit::Bytes,
                process.resident_memory.clone(),
            );
        }
        if open_files().is_some() {
            registry.register("open_fds", "Open file descriptors", process.open_fds.clone());
        }
        if let Some(most) = most_open_files() {
            process.max_fds.set(most);
            registry.register("max_fds", "Maximum number of open file descriptors", process.max_fds.clone());
        }
        process
    }

    fn read(&self) {
        self.resident_memory.set(resident_bytes().unwrap_or_default());
        self.open_fds.set(open_files().unwrap_or_default());
    }
}

fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Reads the line `VmRSS:   12345 kB`.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = resident.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn open_files() -> Option<u64> {
    // Subtracts the folder itself, which is open while it is read.
    std::fs::read_dir("/proc/self/fd").ok().map(|files| (files.count() as u64).saturating_sub(1))
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(unix)]
fn most_open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn most_open_files() -> Option<u64> {
    None
}
