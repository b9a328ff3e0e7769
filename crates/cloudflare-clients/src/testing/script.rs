//! What a mock answers to one of its operations.

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

/// What a mock answers to one of its operations, and how often that was called.
///
/// Answers for a number of calls are used up first, in the order in which they were given. After them every call gets the
/// answer of [`answers`](Self::answers) or [`fails`](Self::fails), whichever was given last. Without one a mock over
/// another bucket or namespace passes the call on, and any other mock fails it as
/// [`ErrorKind::Unsupported`](crate::ErrorKind).
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

    /// Answers one call: the next one that has no answer of its own yet.
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

    /// Fails so many calls: the next ones that have no answer of their own yet.
    pub fn fails_times(&self, times: usize, error: Error) {
        let answer = failing(error);
        lock(&self.0).next.extend(std::iter::repeat_n(answer, times));
    }

    /// Lets every call wait before it is answered, by the mock's [`Runtime`].
    pub fn delays(&self, delay: Duration) {
        lock(&self.0).delay = delay;
    }

    /// How often the operation was called.
    pub fn calls(&self) -> usize {
        lock(&self.0).calls
    }

    /// How many calls have failed.
    pub fn failures(&self) -> usize {
        lock(&self.0).failures
    }

    /// Answers a call of the operation `name`; `otherwise` does where the script has no answer.
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
