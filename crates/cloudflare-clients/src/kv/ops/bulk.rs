//! The shared part of `put_many` and `delete_many`.

use std::sync::Mutex;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::client::operation::Operation;
use crate::client::outcomes::one_for_each;
use crate::error::Result;
use crate::kv::client::KvClient;
use crate::sync::{into_inner, lock};

/// Runs an operation on `count` items. Each attempt covers the items that earlier attempts did not finish.
/// Items left at the end fail with the operation's error.
pub(super) async fn each<'a>(
    client: &KvClient,
    name: &'static str,
    count: usize,
    mut attempt: impl FnMut(&[usize]) -> BoxFuture<'a, Result<Vec<Result<()>>>> + Send,
) -> Vec<Result<()>> {
    let outcomes: Mutex<Vec<Option<Result<()>>>> = Mutex::new((0..count).map(|_| None).collect());
    let done = client
        .attempts()
        .run(&Operation::without_key(name), || {
            let pending: Vec<usize> = lock(&outcomes)
                .iter()
                .enumerate()
                .filter_map(|(index, outcome)| outcome.is_none().then_some(index))
                .collect();
            let answer = attempt(&pending);
            let outcomes = &outcomes;
            Some(
                async move {
                    let answered = one_for_each(pending.len(), answer.await?)?;
                    let mut failure = None;
                    let mut outcomes = lock(outcomes);
                    for (index, outcome) in pending.into_iter().zip(answered) {
                        match outcome {
                            Err(error) if error.is_retryable() => failure = failure.or(Some(error)),
                            outcome => outcomes[index] = Some(outcome),
                        }
                    }
                    failure.map_or(Ok(()), Err)
                }
                .boxed(),
            )
        })
        .await;
    let failure = done.err();
    let left = || failure.as_ref().map_or(Ok(()), |error| Err(error.clone()));
    let outcomes = into_inner(outcomes);
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(left)).collect()
}
