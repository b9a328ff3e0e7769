use std::time::Duration;

use cloudflare_clients::session::{SessionCache, SessionLifetime};

use super::Fixture;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) async fn sessions(Fixture { client, clock, .. }: Fixture) {
    let lifetimes = [SessionLifetime::fixed(HOUR), SessionLifetime::sliding(HOUR, HOUR * 24)];
    for (lifetime, prefix) in lifetimes.into_iter().zip(["fixed/", "sliding/"]) {
        let sessions =
            SessionCache::<Vec<String>>::new(client.clone(), lifetime).unwrap().with_prefix(prefix);
        let create = |user: &'static str| sessions.create(user, vec![user.to_owned()]);
        let (token, made) = create("ä/../b").await.unwrap();
        assert_eq!(sessions.get(&token).await.unwrap().unwrap(), made);
        let updated = sessions.update(&token, vec!["new".to_owned()]).await.unwrap().unwrap();
        assert_eq!(sessions.get(&token).await.unwrap().unwrap(), updated);
        assert_eq!((updated.data.as_slice(), updated.expires), (&["new".to_owned()][..], made.expires));

        sessions.delete(&token).await.unwrap();
        sessions.delete(&token).await.unwrap();
        assert_eq!(sessions.get(&token).await.unwrap(), None);
        assert_eq!(sessions.update(&token, Vec::new()).await.unwrap(), None);

        let tokens = [create("one").await.unwrap().0, create("one").await.unwrap().0];
        let (other, _) = create("two").await.unwrap();
        sessions.delete_all_of("one").await.unwrap();
        for token in &tokens {
            assert_eq!(sessions.get(token).await.unwrap(), None);
        }
        assert!(sessions.get(&other).await.unwrap().is_some());
        let (new, _) = create("one").await.unwrap();
        assert!(sessions.get(&new).await.unwrap().is_some());

        if let Some(clock) = &clock {
            clock.advance(HOUR);
            assert_eq!(sessions.get(&new).await.unwrap(), None);
        }
    }
}
