//! Mocks of buckets and namespaces with few methods.

/// Creates a mock, `MockBucket` or `MockNamespace`, that answers these operations with the methods of a fake
/// in an `Arc`: `mock!(MockBucket, fake => head, get)`.
#[macro_export]
macro_rules! mock {
    ($mock:ident, $fake:expr => $($operation:ident),+ $(,)?) => {{
        let mock = ::cloudflare_clients::testing::$mock::new();
        let fake = &$fake;
        $({
            let fake = ::std::sync::Arc::clone(fake);
            mock.$operation.answers(move |request| {
                let fake = ::std::sync::Arc::clone(&fake);
                async move { fake.$operation(request).await }
            });
        })+
        mock
    }};
}
