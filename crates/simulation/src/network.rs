//! A network in memory. The bytes of a connection arrive late but in order. Connections are refused, cut and
//! stalled, and bits of their bytes are flipped.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cloudflare_clients::simulation::{Dial, Stream};
use fastrand::Rng;
use futures_util::future::BoxFuture;
use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, Sleep};

use crate::trace;

/// Maximum number of bytes in transit in one direction of a connection. Beyond that the writer waits.
const WINDOW: usize = 256 * 1024;
/// Maximum number of bytes that travel together.
const SEGMENT: usize = 64 * 1024;

/// How often faults occur, as a share of the connections (flips: of the segments).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weather {
    /// The usual maximum time that a segment takes.
    pub(crate) latency: Duration,
    /// The connection is refused.
    pub(crate) refused: f64,
    /// The connection ends after some of the bytes of the request or of the answer.
    pub(crate) cut: f64,
    /// The connection is silent for up to minutes: the bytes arrive after the client has given up.
    pub(crate) stalled: f64,
    /// A bit of a segment is flipped.
    pub(crate) flipped: f64,
}

impl Weather {
    /// Without faults.
    pub(crate) const FINE: Self =
        Self { latency: Duration::from_millis(20), refused: 0.0, cut: 0.0, stalled: 0.0, flipped: 0.0 };
    /// Connections end and stall.
    pub(crate) const STORMY: Self =
        Self { latency: Duration::from_millis(200), refused: 0.03, cut: 0.12, stalled: 0.03, flipped: 0.0 };
}

/// All connections between all processes.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<State>>);

struct State {
    rng: Rng,
    weather: Arc<Mutex<Weather>>,
    listeners: BTreeMap<String, UnboundedSender<Box<dyn Stream>>>,
    /// By the names of both ends.
    connections: Vec<(String, String, Arc<Mutex<Wires>>)>,
    made: u64,
}

/// Both directions of a connection.
struct Wires {
    number: u64,
    /// From the client, and to it.
    pipes: [Pipe; 2],
    /// When bytes move again.
    stalled_until: Option<Instant>,
    weather: Arc<Mutex<Weather>>,
    rng: Rng,
}

#[derive(Default)]
struct Pipe {
    segments: VecDeque<(Instant, Vec<u8>)>,
    under_way: usize,
    written: u64,
    /// The number of bytes after which the connection is cut.
    cut_after: Option<u64>,
    last: Option<Instant>,
    ended: bool,
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Network {
    /// Creates a network without faults.
    pub(crate) fn new(rng: Rng) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng,
            weather: Arc::new(Mutex::new(Weather::FINE)),
            listeners: BTreeMap::new(),
            connections: Vec::new(),
            made: 0,
        })))
    }

    /// Sets the faults from now on.
    pub(crate) fn set_weather(&self, weather: Weather) {
        *locked(&self.state().weather) = weather;
    }

    /// Returns the connections to a host from now on.
    pub(crate) fn listen(&self, host: &str) -> UnboundedReceiver<Box<dyn Stream>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().listeners.insert(host.to_owned(), sender);
        receiver
    }

    /// Ends all connections of a process immediately. It stops listening.
    pub(crate) fn cut_off(&self, process: &str) {
        let mut state = self.state();
        state.listeners.remove(process);
        state.connections.retain(|(from, to, wires)| {
            let is_of_it = from == process || to == process;
            if is_of_it {
                locked(wires).reset();
            }
            !is_of_it
        });
    }

    /// Returns the dialer with which a process connects to others.
    pub(crate) fn dialer(&self, process: &str) -> Dialer {
        Dialer { network: self.clone(), process: process.to_owned() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.0)
    }

    /// Connects one process to another. Returns the connection or the error, and how long that takes.
    fn connect(&self, from: &str, to: &str) -> (Duration, io::Result<End>) {
        let mut state = self.state();
        let state = &mut *state;
        let weather = *locked(&state.weather);
        let takes = weather.latency.mul_f64(state.rng.f64());
        if state.rng.f64() < weather.refused {
            trace::count("connections refused");
            let waits = if state.rng.bool() { Duration::from_secs(60) } else { takes };
            return (waits, Err(io::ErrorKind::ConnectionRefused.into()));
        }
        let Some(listener) = state.listeners.get(to) else {
            return (takes, Err(io::ErrorKind::ConnectionRefused.into()));
        };
        state.made += 1;
        let mut pipes = [Pipe::default(), Pipe::default()];
        if state.rng.f64() < weather.cut {
            let most = [100, 2000, 20_000, 200_000, 2_000_000][state.rng.usize(..5)];
            pipes[state.rng.usize(..2)].cut_after = Some(state.rng.u64(..most));
        }
        let rng = state.rng.fork();
        let wires = Wires {
            number: state.made,
            pipes,
            stalled_until: None,
            weather: Arc::clone(&state.weather),
            rng,
        };
        let wires = Arc::new(Mutex::new(wires));
        state.connections.retain(|(_, _, wires)| !locked(wires).is_over());
        state.connections.push((from.to_owned(), to.to_owned(), Arc::clone(&wires)));
        let ends = [0, 1].map(|side| End { wires: Arc::clone(&wires), side, sleep: None });
        let [client, server] = ends;
        if listener.send(Box::new(server)).is_err() {
            return (takes, Err(io::ErrorKind::ConnectionRefused.into()));
        }
        (takes, Ok(client))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

/// Connects one process to others.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    network: Network,
    process: String,
}

impl Dial for Dialer {
    fn dial(&self, uri: Uri) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let Self { network, process } = self.clone();
        Box::pin(async move {
            let (takes, connected) = network.connect(&process, uri.host().unwrap_or_default());
            tokio::time::sleep(takes).await;
            Ok(Box::new(connected?) as Box<dyn Stream>)
        })
    }
}

impl Wires {
    fn reset(&mut self) {
        for pipe in &mut self.pipes {
            pipe.reset = true;
            pipe.wake();
        }
    }

    fn is_over(&self) -> bool {
        self.pipes.iter().any(|pipe| pipe.reset) || self.pipes.iter().all(|pipe| pipe.ended)
    }
}

impl Pipe {
    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

/// One end of a connection.
struct End {
    wires: Arc<Mutex<Wires>>,
    /// The index of the pipe that it writes to.
    side: usize,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut wires = locked(&self.wires);
        let Wires { number, pipes, stalled_until, weather, rng } = &mut *wires;
        let weather = *locked(weather);
        let pipe = &mut pipes[self.side];
        if pipe.reset || pipe.ended {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let room = WINDOW.saturating_sub(pipe.under_way).min(SEGMENT);
        if room == 0 {
            pipe.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let mut taken = bytes[..room.min(bytes.len())].to_vec();
        let length = taken.len();
        let now = Instant::now();
        if rng.f64() < weather.stalled / 4.0 {
            trace::count("connections stalled");
            let longest = [1_000, 70_000, 300_000][rng.usize(..3)];
            *stalled_until = Some(now + Duration::from_millis(rng.u64(..longest)));
        }
        if rng.f64() < weather.flipped && !taken.is_empty() {
            trace::count("bits flipped");
            let at = rng.usize(..taken.len());
            taken[at] ^= 1 << rng.u8(..8);
        }
        let travels = weather.latency.mul_f64(rng.f64());
        let arrives = (now + travels).max(pipe.last.unwrap_or(now)).max(stalled_until.unwrap_or(now));
        pipe.last = Some(arrives);
        let cut = pipe.cut_after.is_some_and(|after| pipe.written + length as u64 > after);
        if cut {
            let left = pipe.cut_after.unwrap_or(0).saturating_sub(pipe.written);
            taken.truncate(usize::try_from(left).unwrap_or(length));
        }
        trace::line(format_args!(
            "connection {number} takes {length} bytes {:016x}{}",
            hash(&taken),
            if cut { ", cut" } else { "" }
        ));
        pipe.written += length as u64;
        pipe.under_way += taken.len();
        if !taken.is_empty() {
            pipe.segments.push_back((arrives, taken));
        }
        pipe.reader.take().into_iter().for_each(Waker::wake);
        if cut {
            trace::count("connections cut");
            wires.reset();
        }
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        locked(&self.wires).end(self.side);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wires = Arc::clone(&self.wires);
        loop {
            let arrives = {
                let mut wires = locked(&wires);
                let pipe = &mut wires.pipes[1 - self.side];
                match pipe.segments.front_mut() {
                    Some((arrives, _)) if *arrives > Instant::now() => *arrives,
                    Some((_, bytes)) => {
                        let length = bytes.len().min(buffer.remaining());
                        buffer.put_slice(&bytes[..length]);
                        if length == bytes.len() {
                            pipe.segments.pop_front();
                        } else {
                            bytes.drain(..length);
                        }
                        pipe.under_way -= length;
                        pipe.writer.take().into_iter().for_each(Waker::wake);
                        return Poll::Ready(Ok(()));
                    }
                    None if pipe.reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                    None if pipe.ended => return Poll::Ready(Ok(())),
                    None => {
                        pipe.reader = Some(context.waker().clone());
                        return Poll::Pending;
                    }
                }
            };
            let mut sleep = Box::pin(tokio::time::sleep_until(arrives));
            if sleep.as_mut().poll(context).is_pending() {
                self.sleep = Some(sleep);
                // A reset of the connection before then has to be noticed.
                locked(&wires).pipes[1 - self.side].reader = Some(context.waker().clone());
                return Poll::Pending;
            }
        }
    }
}

impl Wires {
    fn end(&mut self, side: usize) {
        let pipe = &mut self.pipes[side];
        pipe.ended = true;
        pipe.wake();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut wires = locked(&self.wires);
        wires.end(self.side);
        // The reader is gone.
        let pipe = &mut wires.pipes[1 - self.side];
        pipe.reset = true;
        pipe.segments.clear();
        pipe.under_way = 0;
        pipe.wake();
    }
}

/// Distinguishes bytes in a trace.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
