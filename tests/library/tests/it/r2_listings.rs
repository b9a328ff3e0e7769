//! Listings of `R2Service` over buckets with wrong pages.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{
    ListPage, MultipartUploadSummary, MultipartUploadsPage, Object, PartsPage, R2Service, UploadedPart,
};
use cloudflare_clients::testing::MockBucket;
use futures_util::TryStreamExt;

/// Returns pages without a cursor for the next one.
fn forgetful() -> MockBucket {
    let bucket = MockBucket::new();
    bucket.list.answers(|request| async move {
        let mut page = ListPage::default();
        page.truncated = true;
        page.cursor = request.prefix.is_empty().then(|| "again".to_owned());
        Ok(page)
    });
    bucket.list_parts.answers(|_| async {
        let mut page = PartsPage::default();
        page.truncated = true;
        Ok(page)
    });
    bucket.list_multipart_uploads.answers(|_| async {
        let mut page = MultipartUploadsPage::default();
        page.truncated = true;
        page.next_key_marker = Some("again".to_owned());
        Ok(page)
    });
    bucket
}

#[tokio::test]
async fn a_listing_that_cannot_go_on_is_an_error() {
    let service = R2Service::new(forgetful());
    for error in [
        service.list().stream().try_collect::<Vec<_>>().await.unwrap_err(),
        service.list().prefix("a").pages().try_collect::<Vec<_>>().await.unwrap_err(),
        service.list_multipart_uploads().stream().try_collect::<Vec<_>>().await.unwrap_err(),
        service
            .resume_multipart_upload("k", "id")
            .list_parts()
            .stream()
            .try_collect::<Vec<_>>()
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
        assert!(error.to_string().starts_with("list"), "{error}");
    }
}

/// Returns pages in a cycle of three, or empty pages without end.
fn circling(empty: bool) -> MockBucket {
    let bucket = MockBucket::new();
    let next = move |here: Option<u16>| {
        let here = here.unwrap_or_default();
        if empty { here + 1 } else { here % 3 + 1 }
    };
    bucket.list.answers(move |request| async move {
        let here = request.cursor.map(|cursor| cursor.parse().unwrap());
        let objects = if empty { Vec::new() } else { vec![Object::new("k", 1, "e", UNIX_EPOCH)] };
        Ok(ListPage::new(objects).truncated_at(next(here).to_string()))
    });
    bucket.list_parts.answers(move |request| async move {
        let parts = if empty { Vec::new() } else { vec![UploadedPart::new(1, "e")] };
        Ok(PartsPage::new(parts).truncated_at(next(request.part_number_marker)))
    });
    bucket.list_multipart_uploads.answers(move |request| async move {
        let here = request.upload_id_marker.map(|marker| marker.parse().unwrap());
        let uploads =
            if empty { Vec::new() } else { vec![MultipartUploadSummary::new("k", "u", UNIX_EPOCH)] };
        Ok(MultipartUploadsPage::new(uploads).truncated_at("k", next(here).to_string()))
    });
    bucket
}

#[tokio::test]
async fn a_listing_without_an_end_is_an_error() {
    for (empty, pages) in [(false, 4), (true, 1000)] {
        let bucket = Arc::new(circling(empty));
        let service = R2Service::new(Arc::clone(&bucket));
        let upload = service.resume_multipart_upload("k", "id");
        for error in [
            service.list().stream().try_collect::<Vec<_>>().await.unwrap_err(),
            service.list_multipart_uploads().stream().try_collect::<Vec<_>>().await.unwrap_err(),
            upload.list_parts().stream().try_collect::<Vec<_>>().await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::UnexpectedResponse, 1), "{error}");
        }
        let calls = [bucket.list.calls(), bucket.list_parts.calls(), bucket.list_multipart_uploads.calls()];
        assert_eq!(calls, [pages; 3]);
    }
}

#[tokio::test]
async fn a_listing_with_metadata_keeps_its_upload_times() {
    let listed = UNIX_EPOCH + Duration::from_millis(1_800_000_000_123);
    let seconds = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let bucket = MockBucket::new();
    bucket.list.answers(move |_| async move {
        Ok(ListPage::new(["same", "replaced"].map(|key| Object::new(key, 1, "etag", listed)).into()))
    });
    bucket.head.answers(move |request| async move {
        let etag = if request.key == "same" { "etag" } else { "another" };
        Ok(Some(Object::new(request.key, 1, etag, seconds)))
    });
    let page = R2Service::new(bucket).list().include_metadata().await.unwrap();
    assert_eq!(page.objects.iter().map(|object| object.uploaded).collect::<Vec<_>>(), [listed, seconds]);
}
