//! Uploads in parts.

use ErrorKind::{Integrity, UnexpectedResponse};
use Outcome::{Done, Fails};
use cloudflare_clients::r2::MultipartUpload;
use futures_util::future::join_all;

use super::*;

/// Each fault for each request of an upload in parts.
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

/// A call that resumes lists the parts first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_resume_is_overcome() {
    let transfers = Transfers::start().await;
    for (kind, faults, sent_again) in [
        (Kind::ListParts, &[Fault::Status(503, None), Fault::ResetBefore, Fault::ResetAfter][..], 0),
        (Kind::ListParts, &[CUT], 0),
        // A part that is not listed must be sent again: the service may not have it.
        (Kind::ListParts, &[Fault::HidePart(2)], 1),
        (Kind::Complete, &[Fault::ResetAfter], 0),
    ] {
        transfers.begin(&[(Kind::Complete, Fault::Status(403, None))]).await;
        assert_eq!(transfers.upload().await.unwrap_err().kind(), ErrorKind::Forbidden);
        transfers.world.proxy.begin();
        transfers.world.proxy.order_after(kind, 0, faults);
        let uploaded = transfers.sent().await.unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(transfers.world.proxy.calls(Kind::UploadPart), sent_again, "{faults:?}");
        assert_eq!(uploaded.resumed_bytes, SIZE as u64 - sent_again as u64 * PART, "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_stalls_is_replaced() {
    let rows = [
        (Kind::UploadPart, Fault::StallUpload),
        (Kind::UploadPart, Fault::StallBeforeHead),
        (Kind::CreateUpload, Fault::StallBeforeHead),
        (Kind::Complete, Fault::StallInBody),
    ];
    let rows = rows.map(|(kind, stall)| async move {
        let transfers = Transfers::impatient().await;
        transfers.begin(&[(kind, stall)]).await;
        transfers.sent().await.unwrap_or_else(|error| panic!("{kind:?} {stall:?}: {error}"));
    });
    join_all(rows).await;
}

/// An upload that was started and not answered is aborted, and nothing else: not the uploads of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_of_others_are_left_alone() {
    let transfers = Transfers::start().await;
    transfers.begin(&[(Kind::CreateUpload, Fault::ResetAfter)]).await;
    let stored = &transfers.world.stored;
    let of_others = [
        stored.create_multipart_upload(KEY).await.unwrap(),
        stored.create_multipart_upload(format!("{KEY}.other")).await.unwrap(),
    ];
    // This one is in progress.
    of_others[0].upload_part(1, transfers.bytes.clone()).await.unwrap();
    transfers.upload().await.unwrap();
    let left = stored.list_multipart_uploads().await.unwrap().uploads;
    let mut left: Vec<_> = left.iter().map(|upload| upload.upload_id.as_str()).collect();
    left.sort_unstable();
    let mut expected = of_others.each_ref().map(MultipartUpload::upload_id);
    expected.sort_unstable();
    assert_eq!(left, expected);
}

/// Without a journal nothing is resumed, and nothing is left over either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_journal_nothing_is_left() {
    let transfers = Transfers::start().await;
    for (kind, faults) in [
        (Kind::CreateUpload, &[Fault::ResetAfter; 4][..]),
        (Kind::UploadPart, &[Fault::FlipUpload; 6]),
        (Kind::Complete, &[Fault::Status(403, None)]),
    ] {
        transfers.begin(&faults.iter().map(|fault| (kind, *fault)).collect::<Vec<_>>()).await;
        let upload = transfers.world.r2.upload(transfers.path("in"), KEY).part_size(PART);
        not_hanging(upload.into_future()).await.unwrap_err();
        transfers.assert_nothing_begun().await;
    }
}
