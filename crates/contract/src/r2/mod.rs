//! R2: buckets.

mod analytics;
mod buckets;
mod conditions;
mod cors;
mod customer_keys;
mod encodings;
mod fixture;
mod keys;
mod lifecycle;
mod listing;
mod locks;
mod multipart;
mod objects;

pub use self::fixture::{Fixture, Lacks};

cases! {
    r2, r2_tests:
    objects::what_is_put_comes_back_whole,
    objects::empty_and_tiny_objects,
    objects::what_is_missing_is_none,
    objects::a_missing_bucket_is_an_error,
    objects::replacing_changes_everything,
    objects::ranges,
    objects::ranges_outside_the_object,
    objects::checksums,
    objects::storage_classes,
    objects::json,
    objects::text_that_is_none,
    objects::metadata_in_any_script,
    objects::streams_of_known_length,
    objects::streams_of_unknown_length,
    objects::deleting_what_is_not_there,
    objects::deleting_many,
    objects::copies,
    objects::copies_of_what_is_missing,
    objects::copies_from_another_bucket,
    encodings::what_is_stored_as_gzip_is_decoded,
    encodings::what_gzip_expands_to_is_limited,
    encodings::what_cannot_be_decoded,
    keys::hostile_keys,
    keys::keys_are_identified_by_their_nfc_form,
    keys::keys_that_are_too_long,
    conditions::conditional_reads,
    conditions::ranges_of_clients,
    conditions::what_a_304_has_to_say,
    conditions::conditional_writes,
    conditions::one_of_many_creates_wins,
    conditions::conditional_copies,
    listing::in_the_order_of_bytes,
    listing::pages,
    listing::delimiters,
    listing::delimiters_over_pages,
    listing::metadata_where_asked,
    listing::bad_cursors,
    multipart::parts_become_an_object,
    multipart::a_single_part,
    multipart::parts_are_replaced,
    multipart::parts_of_wrong_sizes,
    multipart::parts_of_other_lengths_than_announced,
    multipart::parts_that_were_not_uploaded,
    multipart::uploads_that_are_gone,
    multipart::listing_parts_and_uploads,
    multipart::conditional_completes,
    multipart::the_crc64nvme_of_the_whole,
    multipart::composite_checksums,
    multipart::parts_of_an_object,
    multipart::parts_that_are_copies,
    multipart::uploads_that_many_requests_make,
    cors::a_policy_is_kept_until_it_is_removed,
    cors::a_policy_of_a_missing_bucket,
    lifecycle::rules_are_kept_until_they_are_removed,
    lifecycle::rules_of_a_missing_bucket,
    customer_keys::what_is_encrypted_is_read_with_its_key,
    customer_keys::parts_that_are_encrypted,
    customer_keys::copies_between_keys,
    locks::a_lock_has_one_holder,
    locks::a_lock_that_expires_is_taken_over,
    locks::a_lock_for_which_many_contend,
    buckets::buckets_come_and_go,
    buckets::buckets_with_objects_stay,
    buckets::pages_of_buckets,
    buckets::what_buckets_are_told,
    analytics::events_are_stored_and_read_by_range,
}
