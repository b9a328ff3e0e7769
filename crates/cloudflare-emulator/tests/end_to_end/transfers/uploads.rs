//! Uploads in parts.

use super::*;

use ErrorKind::{Integrity, UnexpectedResponse};
use Outcome::{Done, Fails};

const CUT: Fault = Fault::EndEarly(ContentLength::Kept);
const UNDELIMITED: Fault = Fault::EndEarly(ContentLength::Removed);
const HALVED: Fault = Fault::EndEarly(ContentLength::Halved);

/// Each fault at each request of an upload in parts.
const ROWS: &[(Kind, &[Fault], Outcome)] = &[
    (Kind::CreateUpload, &[Fault::Status(503, None); 3], Done),
    (Kind::CreateUpload, &[Fault::ResetBefore], Done),
    (Kind::CreateUpload, &[Fault::ResetAfter], Done),
    (Kind::CreateUpload, &[Fault::ResetAfter, Fault::ResetAfter], Done),
    (Kind::CreateUpload, &[Fault::ResetAfter; 4], Fails(ErrorKind::Connection)),
    (Kind::CreateUpload, &[CUT], Done),
    (Kind::CreateUpload, &[UNDELIMITED], Fails(UnexpectedResponse)),
    (Kind::CreateUpload, &[HALVED], Fails(UnexpectedResponse)),
    (Kind::UploadPart, &[Fault::Status(503, None); 8], Done),
    (Kind::UploadPart, &[Fault::Status(503, Some(0)), Fault::Status(429, Some(0))], Done),
    (Kind::UploadPart, &[Fault::Refusal, Fault::Refusal], Done),
    (Kind::UploadPart, &[Fault::ResetBefore; 3], Done),
    (Kind::UploadPart, &[Fault::ResetInUpload; 3], Done),
    (Kind::UploadPart, &[Fault::ResetAfter; 3], Done),
    (Kind::UploadPart, &[CUT, UNDELIMITED, HALVED], Done),
    (Kind::UploadPart, &[Fault::FlipUpload], Done),
    (Kind::UploadPart, &[Fault::FlipUpload; 6], Fails(Integrity)),
    (Kind::Complete, &[Fault::Status(503, None); 3], Done),
    (Kind::Complete, &[Fault::ResetBefore], Done),
    (Kind::Complete, &[Fault::ResetAfter], Done),
    (Kind::Complete, &[Fault::ResetAfter, Fault::ResetBefore, Fault::ResetAfter], Done),
    (Kind::Complete, &[CUT], Done),
    (Kind::Complete, &[UNDELIMITED], Fails(UnexpectedResponse)),
    (Kind::Complete, &[HALVED], Fails(UnexpectedResponse)),
    (Kind::Complete, &[Fault::FlipUpload], Done),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_overcome_now_or_by_the_next_call() {
    let transfers = Transfers::start().await;
    for (kind, faults, expected) in ROWS {
        let row = format!("{kind:?} {faults:?}");
        transfers.begin(&faults.iter().map(|fault| (*kind, *fault)).collect::<Vec<_>>()).await;
        let uploaded = transfers.sent().await;
        assert_eq!(outcome(&uploaded), *expected, "{row}: {uploaded:?}");
        if uploaded.is_err() {
            let again = transfers.sent().await.unwrap_or_else(|error| panic!("{row}, again: {error}"));
            assert!(!again.restarted, "{row}");
        }
    }
}
