//! Sessions in the embedded store, with a manual clock and a namespace that counts calls and fails on demand.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::*;
use crate::ErrorKind;
use crate::kv::testing::Recording;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn fixed(kv: &Recording) -> SessionCache<Value> {
    SessionCache::new(kv.client(), SessionLifetime::fixed(HOUR)).unwrap()
}

fn sliding(kv: &Recording) -> SessionCache<Value> {
    SessionCache::new(kv.client(), SessionLifetime::sliding(HOUR, DAY)).unwrap()
}

#[test]
fn a_session_serialises_with_its_times() {
    let created = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_583_900_123);
    let session = Session { user: "u".to_owned(), data: json!([1]), created, expires: created + HOUR };
    let json = r#"{"user":"u","data":[1],"created":"2026-11-25T05:18:20.123Z","expires":"2026-11-25T06:18:20.123Z"}"#;
    assert_eq!(serde_json::to_string(&session).unwrap(), json);
}

#[tokio::test]
async fn a_fixed_session_ends_at_its_time() {
    let kv = Recording::new().await;
    let sessions = fixed(&kv);
    let (token, made) = sessions.create("u", json!(1)).await.unwrap();
    assert_eq!(made.expires, made.created + HOUR);
    kv.advance(Duration::from_millis(3_599_999));
    assert_eq!(sessions.get(&token).await.unwrap().unwrap(), made);
    kv.advance(Duration::from_millis(1));
    assert!(sessions.get(&token).await.unwrap().is_none());
    assert_eq!(kv.puts().len(), 1, "using it is not written down");
}

#[tokio::test]
async fn a_session_may_end_within_a_second() {
    let kv = Recording::new().await;
    let lifetime = SessionLifetime::sliding(Duration::from_millis(90_250), Duration::from_millis(90_500));
    let sessions = SessionCache::<u8>::new(kv.client(), lifetime).unwrap();
    let (token, made) = sessions.create("u", 1).await.unwrap();
    kv.advance(Duration::from_millis(50_250));
    assert_eq!(
        sessions.get(&token).await.unwrap().unwrap().expires,
        made.created + Duration::from_millis(90_500)
    );
    sessions.update(&token, 2).await.unwrap().unwrap();
    kv.advance(Duration::from_millis(40_249));
    assert_eq!(sessions.get(&token).await.unwrap().unwrap().data, 2);
    kv.advance(Duration::from_millis(1));
    assert!(sessions.get(&token).await.unwrap().is_none());
    sessions.delete_all_of("u").await.unwrap();
}

#[tokio::test]
async fn a_sliding_session_is_written_down_when_that_is_due_and_has_an_end() {
    let kv = Recording::new().await;
    let sessions = sliding(&kv);
    let (token, made) = sessions.create("u", json!(1)).await.unwrap();
    assert_eq!((made.expires, kv.puts().len()), (made.created + HOUR, 2));
    // Every minute for two hours.
    for _ in 0..120 {
        kv.advance(Duration::from_secs(60));
        assert!(sessions.get(&token).await.unwrap().is_some());
    }
    assert_eq!(kv.puts().len(), 2 + 4, "each half of an hour");
    kv.advance(HOUR);
    assert!(sessions.get(&token).await.unwrap().is_none(), "not used for an hour");

    let (token, made) = sessions.create("u", json!(1)).await.unwrap();
    let mut used = 0;
    while sessions.get(&token).await.unwrap().is_some() {
        kv.advance(Duration::from_secs(10 * 60));
        used += 1;
    }
    assert_eq!(used, 24 * 6, "a day in all");
    assert_eq!(kv.now(), made.created + DAY);
}

#[tokio::test]
async fn how_often_it_is_written_down_can_be_chosen() {
    let kv = Recording::new().await;
    let lifetime = SessionLifetime::sliding(HOUR, DAY).rewrite_after(Duration::from_secs(50 * 60));
    let sessions = SessionCache::<Value>::new(kv.client(), lifetime).unwrap();
    let (token, made) = sessions.create("u", json!(1)).await.unwrap();
    kv.advance(Duration::from_secs(49 * 60));
    assert_eq!(sessions.get(&token).await.unwrap().unwrap().expires, made.created + HOUR);
    assert_eq!(kv.puts().len(), 2);
    kv.advance(Duration::from_secs(60));
    assert_eq!(sessions.get(&token).await.unwrap().unwrap().expires, kv.now() + HOUR);
    assert_eq!(kv.puts().len(), 3);
}

#[tokio::test]
async fn a_use_that_cannot_be_written_down_does_not_fail_the_get() {
    let kv = Recording::new().await;
    let sessions = sliding(&kv);
    let (token, _) = sessions.create("u", json!(1)).await.unwrap();
    kv.advance(HOUR / 2);
    kv.fail_writes(true);
    assert!(sessions.get(&token).await.unwrap().is_some());
    assert_eq!(kv.puts().len(), 3, "tried once");
    kv.fail_writes(false);
    assert!(sessions.get(&token).await.unwrap().is_some());
    kv.advance(Duration::from_secs(3599));
    assert!(sessions.get(&token).await.unwrap().is_some());
}

#[tokio::test]
async fn an_update_keeps_the_end() {
    let kv = Recording::new().await;
    let sessions = sliding(&kv);
    let (token, made) = sessions.create("u", json!(1)).await.unwrap();
    kv.advance(Duration::from_secs(20 * 60));
    let updated = sessions.update(&token, json!(2)).await.unwrap().unwrap();
    assert_eq!((updated.created, updated.expires, &updated.user), (made.created, made.expires, &made.user));
    assert_eq!(sessions.get(&token).await.unwrap().unwrap().data, json!(2));

    // Less than a minute before the end, where KV does not accept a shorter expiration.
    let sessions = fixed(&kv);
    let (token, _) = sessions.create("u", json!(1)).await.unwrap();
    kv.advance(Duration::from_secs(3599));
    sessions.update(&token, json!(2)).await.unwrap().unwrap();
    kv.advance(Duration::from_secs(1));
    assert!(sessions.get(&token).await.unwrap().is_none());
    assert!(sessions.update(&token, json!(3)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_deleted_session_stays_away_though_another_location_uses_it() {
    let kv = Recording::new().await;
    let sessions = sliding(&kv);
    let (token, _) = sessions.create("u", json!(1)).await.unwrap();
    kv.advance(HOUR / 2);
    sessions.delete(&token).await.unwrap();
    // The other location still has both keys cached and records a use.
    kv.set_stale(true);
    assert!(sessions.get(&token).await.unwrap().is_some());
    assert_eq!(kv.calls("put"), 1);
    kv.set_stale(false);
    assert!(sessions.get(&token).await.unwrap().is_none());
    sessions.delete(&token).await.unwrap();
}

#[tokio::test]
async fn all_sessions_of_a_user_end_and_new_ones_are_good() {
    let kv = Recording::new().await;
    let sessions = fixed(&kv);
    let mut tokens = Vec::new();
    for n in 0..1100 {
        tokens.push(sessions.create("u", json!(n)).await.unwrap().0);
    }
    let (other, _) = sessions.create("v", json!(0)).await.unwrap();
    kv.advance(Duration::from_millis(1));
    let puts = kv.puts().len();
    sessions.delete_all_of("u").await.unwrap();
    assert_eq!(kv.puts().len(), puts + 1);
    // At the same moment, because a Worker's clock stands still.
    let (new, _) = sessions.create("u", json!("new")).await.unwrap();
    for token in &tokens {
        assert!(sessions.get(token).await.unwrap().is_none());
        assert!(sessions.get(&other).await.unwrap().is_some());
    }
    assert!(sessions.update(&tokens[0], json!("back")).await.unwrap().is_none());
    assert!(sessions.get(&new).await.unwrap().is_some());
    // The record of the log-out lives as long as the last of the sessions could.
    kv.advance(Duration::from_secs(3599));
    assert!(sessions.get(&tokens[1099]).await.unwrap().is_none());
}

#[tokio::test]
async fn no_key_or_value_has_the_token() {
    let kv = Recording::new().await;
    let sessions = sliding(&kv);
    // The hexadecimal hashes in the keys cannot contain this name by chance.
    let (token, session) = sessions.create("zoe", json!({ "name": "Zoe" })).await.unwrap();
    sessions.delete_all_of("zoe").await.unwrap();
    assert_eq!(kv.puts().len(), 3);
    for (key, value) in kv.puts() {
        assert!(!key.contains(token.as_str()) && !value.contains(token.as_str()), "{key}: {value}");
        assert!(!key.contains("zoe"), "{key}");
    }
    assert!(!format!("{sessions:?} {token:?} {session:?}").contains(token.as_str()));
    // Nothing in the store reveals a token.
    for (key, _) in kv.puts() {
        let error = SessionToken::parse(key.rsplit('/').next().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("not a session token: it has 64 bytes"), "{error}");
    }
}

#[tokio::test]
async fn users_may_be_called_anything_but_nothing() {
    let kv = Recording::new().await;
    let sessions = fixed(&kv);
    let long = "x".repeat(100_000);
    let names = ["a", "a/b", "../a", ".", "", "ä\0\n", "data/x", "users/a", &long];
    let mut made = Vec::new();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        made.push((name, sessions.create(name, json!(1)).await.unwrap().0));
    }
    kv.advance(Duration::from_secs(1));
    for at in 0..made.len() {
        sessions.delete_all_of(made[at].0).await.unwrap();
        for (index, (name, token)) in made.iter().enumerate() {
            let found = sessions.get(token).await.unwrap();
            assert_eq!(found.map(|session| session.user).as_deref(), (index > at).then_some(*name));
        }
    }
    let calls = kv.calls("");
    for error in
        [sessions.create("", json!(1)).await.unwrap_err(), sessions.delete_all_of("").await.unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let short = SessionLifetime::fixed(Duration::from_secs(59));
    let error = SessionCache::<Value>::new(kv.client(), short).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("is 59s: KV's minimum is 60"), "{error}");
    assert_eq!(kv.calls(""), calls);
}

#[tokio::test]
async fn what_is_of_another_type_or_prefix() {
    let kv = Recording::new().await;
    let (token, _) = fixed(&kv).create("u", json!("text")).await.unwrap();
    let numbers = SessionCache::<u32>::new(kv.client(), SessionLifetime::fixed(HOUR)).unwrap();
    let error = numbers.get(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Serialization, "{error}");
    assert!(numbers.with_prefix("numbers/").get(&token).await.unwrap().is_none());
    let error = fixed(&kv).with_prefix("p".repeat(500)).create("u", json!(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
    let error = fixed(&kv).with_cache_ttl(Duration::from_secs(29)).get(&token).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
}

#[tokio::test]
async fn what_was_acknowledged_in_the_millisecond_of_a_log_out_ends_and_what_comes_after_is_good() {
    let kv = Recording::new().await;
    let sessions = fixed(&kv);
    for round in 0..3 {
        let made = (0..200).map(|n| sessions.create("u", json!(n)));
        let made: Vec<_> = futures_util::future::try_join_all(made).await.unwrap();
        sessions.delete_all_of("u").await.unwrap();
        // Through a clone, because each request has one.
        let (new, session) = sessions.clone().create("u", json!("new")).await.unwrap();
        for (token, _) in &made {
            assert!(sessions.get(token).await.unwrap().is_none(), "round {round}");
        }
        assert_eq!(sessions.get(&new).await.unwrap(), Some(session));
        // Another process, with the same clock.
        let other = fixed(&kv);
        assert!(other.get(&new).await.unwrap().is_some());
        other.delete_all_of("u").await.unwrap();
        kv.advance(Duration::from_millis(round));
    }
    let (token, _) = sessions.create("u", json!(1)).await.unwrap();
    fixed(&kv).delete_all_of("u").await.unwrap();
    kv.advance(Duration::from_millis(1));
    let (new, _) = sessions.create("u", json!(2)).await.unwrap();
    assert!(sessions.get(&token).await.unwrap().is_none());
    assert!(sessions.get(&new).await.unwrap().is_some());
}

/// A session stored by the previous version: its token contains no user, and its log-out is the last
/// millisecond that it ended.
#[tokio::test]
async fn sessions_of_earlier_versions_are_read_and_ended() {
    let kv = Recording::new().await;
    let now = kv.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let hash = "8a5bdb4cc15164126c6ef2668de9dd240d299ce6397a42c95a9411b93d080ed8";
    let token = SessionToken::parse("AAAAAAAAAAAAAAAAAAAAAA").unwrap();
    assert_eq!(token.hash(), hash);
    let user = "0bfe935e70c321c7ca3afc75ce0d0ca2f98b5422e008bb31c00c6d7f1f1c0ad6";
    let stored = format!("{{\"user\":\"u\",\"created\":{now},\"data\":{{\"n\":1}}}}");
    kv.client().put(format!("sessions/data/{hash}"), stored).await.unwrap();
    kv.client().put(format!("sessions/used/{hash}"), now.to_string()).await.unwrap();
    for sessions in [fixed(&kv), sliding(&kv)] {
        let found = sessions.get(&token).await.unwrap().unwrap();
        assert_eq!((found.user.as_str(), &found.data), ("u", &json!({ "n": 1 })));
    }
    let logged_out =
        |at: u128| kv.client().put(format!("sessions/users/{user}"), at.to_string()).into_future();
    logged_out(now).await.unwrap();
    assert!(fixed(&kv).get(&token).await.unwrap().is_some(), "made in the same millisecond");
    logged_out(now + 1).await.unwrap();
    assert!(fixed(&kv).get(&token).await.unwrap().is_none());
    kv.client().delete(format!("sessions/users/{user}")).await.unwrap();
    fixed(&kv).delete_all_of("u").await.unwrap();
    assert!(sliding(&kv).get(&token).await.unwrap().is_none());
}

#[tokio::test]
async fn a_get_is_one_request() {
    let kv = Recording::new().await;
    for sessions in [fixed(&kv), sliding(&kv)] {
        let (token, _) = sessions.create("u", json!(1)).await.unwrap();
        let calls = kv.calls("");
        assert!(sessions.get(&token).await.unwrap().is_some());
        assert_eq!(kv.calls(""), calls + 1);
        // The same secret with another user is a different token.
        let other = format!("{}.{}", &token.as_str()[..22], "A".repeat(43));
        assert!(sessions.get(&SessionToken::parse(&other).unwrap()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn what_is_kept_in_memory_costs_no_request_until_it_changes_or_is_old() {
    const MINUTE: Duration = Duration::from_secs(60);
    let kv = Recording::new().await;
    let reads = || kv.calls("get_many");
    let sessions = fixed(&kv).with_memory(MINUTE, 100);
    let (token, made) = sessions.create("u", json!(1)).await.unwrap();
    for _ in 0..5 {
        assert_eq!(sessions.clone().get(&token).await.unwrap().as_ref(), Some(&made));
    }
    assert_eq!(reads(), 1);
    kv.advance(MINUTE);
    assert!(sessions.get(&token).await.unwrap().is_some());
    assert_eq!(reads(), 2);
    sessions.update(&token, json!(2)).await.unwrap().unwrap();
    assert_eq!(sessions.get(&token).await.unwrap().unwrap().data, json!(2));
    assert_eq!(reads(), 4);

    // Another process sees a log-out once its memory has expired.
    let other = fixed(&kv).with_memory(MINUTE, 100);
    assert!(other.get(&token).await.unwrap().is_some());
    sessions.delete_all_of("u").await.unwrap();
    assert!(sessions.get(&token).await.unwrap().is_none());
    assert!(other.get(&token).await.unwrap().is_some());
    kv.advance(MINUTE);
    assert!(other.get(&token).await.unwrap().is_none());

    let (token, _) = sessions.create("u", json!(1)).await.unwrap();
    assert!(sessions.get(&token).await.unwrap().is_some());
    sessions.delete(&token).await.unwrap();
    assert!(sessions.get(&token).await.unwrap().is_none());

    // The session ends on time, although it is in memory.
    let long = fixed(&kv).with_memory(2 * HOUR, 1);
    let (token, _) = long.create("u", json!(1)).await.unwrap();
    assert!(long.get(&token).await.unwrap().is_some());
    kv.advance(HOUR);
    assert!(long.get(&token).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_in_memory_slides() {
    let kv = Recording::new().await;
    let sessions = sliding(&kv).with_memory(DAY, 100);
    let (token, _) = sessions.create("u", json!(1)).await.unwrap();
    for _ in 0..120 {
        kv.advance(Duration::from_secs(60));
        assert!(sessions.get(&token).await.unwrap().is_some());
    }
    assert_eq!(kv.puts().len(), 2 + 4, "each half of an hour");
    assert_eq!(kv.calls("get_many"), 1 + 3, "again after each");
    kv.advance(HOUR);
    assert!(sessions.get(&token).await.unwrap().is_none());
}
