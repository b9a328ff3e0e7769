//! Workers KV: namespaces.

mod analytics;
mod expiry;
mod fixture;
mod keys;
mod limits;
mod listing;
mod many;
mod namespaces;
mod sessions;
mod values;

pub use self::fixture::{Clock, Fixture, Lacks};

cases! {
    kv, kv_tests:
    values::what_is_put_comes_back_whole,
    values::empty_and_tiny_values,
    values::values_of_many_sizes,
    values::what_is_missing_is_none,
    values::a_missing_namespace_is_an_error,
    values::replacing_resets_everything,
    values::text_that_is_none,
    values::metadata_in_any_script,
    values::no_metadata,
    values::cache_ttls,
    values::what_is_too_large,
    values::deleting_what_is_not_there,
    keys::hostile_keys,
    keys::keys_that_are_refused,
    many::getting_many,
    many::getting_many_as_json,
    many::getting_many_as_bytes,
    many::getting_many_with_metadata,
    many::putting_many,
    many::deleting_many,
    listing::in_the_order_of_bytes,
    listing::pages,
    listing::metadata_and_expiry,
    listing::bad_cursors,
    expiry::keys_expire,
    expiry::expiries_that_are_refused,
    namespaces::namespaces_come_and_go,
    namespaces::pages_of_namespaces,
    analytics::events_are_stored_and_read_by_range,
    sessions::sessions,
    limits::rate_limits,
}
