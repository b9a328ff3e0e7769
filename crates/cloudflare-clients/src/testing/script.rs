//! The scripted answers of one operation of a mock.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::error::{Error, Result};
use crate::runtime::Runtime;
use crate::sync::lock;

type Answer<Q, A> = Arc<dyn Fn(Q) -> BoxFuture<'static, Result<A>> + Send + Sync>;

/// The scripted answers of one operation of a mock, and the number of its calls.
///
/// Answers for a limited number of calls are used first, in the order in which they were added. After them
/// every call gets the answer of the last call of [`answers`](Self::answers) or [`fails`](Self::fails).
/// Without any answer, a mock over another bucket or namespace passes the call on, and any other mock fails
/// it with [`ErrorKind::Unsupported`](crate::ErrorKind).
pub struct Script<Q, A>(Mutex<State<Q, A>>);

struct State<Q, A> {
    next: VecDeque<Answer<Q, A>>,
    always: Option<Answer<Q, A>>,
    delay: Duration,
    calls: usize,
    failures: usize,
}

impl<Q, A> Default for Script<Q, A> {
    fn default() -> Self {
        Self(Mutex::new(State {
            next: VecDeque::new(),
            always: None,
            delay: Duration::ZERO,
            calls: 0,
            failures: 0,
        }))
    }
}

impl<Q: Send + 'static, A: Send + 'static> Script<Q, A> {
    /// Answers every call from now on.
    pub fn answers<F, R>(&self, answer: F)
    where
        F: Fn(Q) -> R + Send + Sync + 'static,
        R: Future<Output = Result<A>> + Send + 'static,
    {
        lock(&self.0).always = Some(boxed(answer));
    }

    /// Answers one call: the next one without a separate answer.
    pub fn answers_once<F, R>(&self, answer: F)
    where
        F: Fn(Q) -> R + Send + Sync + 'static,
        R: Future<Output = Result<A>> + Send + 'static,
    {
        lock(&self.0).next.push_back(boxed(answer));
    }

    /// Fails every call from now on.
    pub fn fails(&self, error: Error) {
        lock(&self.0).always = Some(failing(error));
    }

    /// Fails `times` calls: the next ones without separate answers.
    pub fn fails_times(&self, times: usize, error: Error) {
        let answer = failing(error);
        lock(&self.0).next.extend(std::iter::repeat_n(answer, times));
    }

    /// Delays every answer, using the mock's [`Runtime`]. Default: no delay.
    pub fn delays(&self, delay: Duration) {
        lock(&self.0).delay = delay;
    }

    /// Returns how often the operation was called.
    pub fn calls(&self) -> usize {
        lock(&self.0).calls
    }

    /// Returns how many calls have failed.
    pub fn failures(&self) -> usize {
        lock(&self.0).failures
    }

    /// Answers a call of the operation `name`. Without a scripted answer it uses `otherwise`.
    pub(super) async fn call<'a>(
        &self,
        name: &'static str,
        request: Q,
        runtime: &dyn Runtime,
        otherwise: Option<impl FnOnce(Q) -> BoxFuture<'a, Result<A>> + Send>,
    ) -> Result<A> {
        let (answer, delay) = {
            let mut state = lock(&self.0);
            state.calls += 1;
            (state.next.pop_front().or_else(|| state.always.clone()), state.delay)
        };
        if !delay.is_zero() {
            runtime.sleep(delay).await;
        }
        let answered = match (answer, otherwise) {
            (Some(answer), _) => answer(request).await,
            (None, Some(otherwise)) => otherwise(request).await,
            (None, None) => Err(Error::unsupported(format!(
                "the mock has no answer to `{name}`: give it one with `{name}.answers(..)`"
            ))),
        };
        if answered.is_err() {
            lock(&self.0).failures += 1;
        }
        answered
    }
}

fn boxed<Q, A, F, R>(answer: F) -> Answer<Q, A>
where
    F: Fn(Q) -> R + Send + Sync + 'static,
    R: Future<Output = Result<A>> + Send + 'static,
{
    Arc::new(move |request| answer(request).boxed())
}

fn failing<Q, A: Send + 'static>(error: Error) -> Answer<Q, A> {
    Arc::new(move |_| futures_util::future::ready(Err(error.clone())).boxed())
}

impl<Q, A> fmt::Debug for Script<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0);
        f.debug_struct("Script")
            .field("calls", &state.calls)
            .field("failures", &state.failures)
            .finish_non_exhaustive()
    }
}
