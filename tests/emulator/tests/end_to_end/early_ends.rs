//! Bodies that end early, with a `Content-Length` that is kept, removed, or halved too.

use cloudflare_clients::ErrorKind;
use testkit::{ContentLength, Fault, Kind};

use crate::operations;
use crate::world::World;

/// The expected result of an operation.
#[derive(Debug, PartialEq)]
enum Outcome {
    Right,
    Fails(ErrorKind),
}

fn expected(name: &str, kind: Kind, content_length: ContentLength) -> Outcome {
    use ErrorKind::{Integrity, UnexpectedResponse};
    use Outcome::{Fails, Right};
    let has_document =
        matches!(kind, Kind::List | Kind::DeleteMany | Kind::Copy | Kind::CreateUpload | Kind::Complete);
    match content_length {
        // The connection broke, and the rest is fetched.
        ContentLength::Kept => Right,
        // Half a document cannot be parsed.
        _ if has_document => Fails(UnexpectedResponse),
        _ if kind != Kind::Get => Right,
        // A range states its own length.
        ContentLength::Removed if name == "get_range" => Right,
        ContentLength::Removed => Fails(UnexpectedResponse),
        ContentLength::Halved => match name {
            "get_range" => Fails(UnexpectedResponse),
            "get_stream" | "get_parts_stream" => Fails(Integrity),
            _ => Right,
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_half_is_taken_for_the_whole() {
    let world = World::start().await;
    for content_length in [ContentLength::Kept, ContentLength::Removed, ContentLength::Halved] {
        let operations = operations::ALL.iter();
        // The length in the answer to a HEAD is not that of its body.
        for operation in operations.filter(|operation| operation.kind != Kind::Head) {
            let result = operation.run(&world, &[Fault::EndEarly(content_length)]).await;
            let outcome = match &result {
                Ok(()) => Outcome::Right,
                Err(error) => Outcome::Fails(error.kind()),
            };
            assert_eq!(
                outcome,
                expected(operation.name, operation.kind, content_length),
                "{} with Content-Length {content_length:?}: {result:?}",
                operation.name
            );
        }
    }
}

/// A body that is cut off any number of times, as long as some bytes arrive each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_is_resumed_as_often_as_it_takes() {
    let world = World::start().await;
    let cut = Fault::EndEarly(ContentLength::Kept);
    for operation in operations::ALL.iter().filter(|operation| operation.kind == Kind::Get) {
        operation.run(&world, &[cut; 12]).await.unwrap();
        assert_eq!(world.proxy.calls(Kind::Get), 13, "{}", operation.name);
    }
}
