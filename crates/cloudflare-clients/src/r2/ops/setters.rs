//! Setters that several requests share.

/// Setters of an object's metadata, for types with the methods `http` and `custom`.
macro_rules! http_metadata_setters {
    () => {
        /// Sets `Content-Type`.
        pub fn content_type(mut self, value: impl Into<String>) -> Self {
            self.http().content_type = Some(value.into());
            self
        }

        /// Sets `Content-Language`.
        pub fn content_language(mut self, value: impl Into<String>) -> Self {
            self.http().content_language = Some(value.into());
            self
        }

        /// Sets `Content-Disposition`.
        pub fn content_disposition(mut self, value: impl Into<String>) -> Self {
            self.http().content_disposition = Some(value.into());
            self
        }

        /// Sets `Content-Encoding`.
        pub fn content_encoding(mut self, value: impl Into<String>) -> Self {
            self.http().content_encoding = Some(value.into());
            self
        }

        /// Sets `Cache-Control`.
        pub fn cache_control(mut self, value: impl Into<String>) -> Self {
            self.http().cache_control = Some(value.into());
            self
        }

        /// Sets `Expires`, in whole seconds.
        pub fn cache_expiry(mut self, time: ::std::time::SystemTime) -> Self {
            self.http().cache_expiry = Some(time);
            self
        }

        /// Sets all fields that `metadata` has, and keeps the others.
        pub fn http_metadata(mut self, metadata: HttpMetadata) -> Self {
            self.http().merge(metadata);
            self
        }

        /// Sets one name and value of custom metadata.
        pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.custom().insert(name, value);
            self
        }

        /// Sets all names and values that `metadata` has, and keeps the others.
        pub fn custom_metadata(mut self, metadata: CustomMetadata) -> Self {
            self.custom().merge(metadata);
            self
        }
    };
}

/// Setters of the metadata and storage class of a request's object.
macro_rules! metadata_setters {
    () => {
        $crate::r2::ops::setters::http_metadata_setters!();

        fn http(&mut self) -> &mut HttpMetadata {
            &mut self.request.http_metadata
        }

        fn custom(&mut self) -> &mut CustomMetadata {
            &mut self.request.custom_metadata
        }

        /// Sets the storage class of the object. The bucket's default class is used otherwise.
        pub fn storage_class(mut self, class: StorageClass) -> Self {
            self.request.storage_class = Some(class);
            self
        }
    };
}

/// Setter of a request's customer key, which is stored in the service in this field.
macro_rules! ssec_key_setter {
    ($($service:ident).+) => {
        /// Sets the customer's key with which the object is encrypted (SSE-C), instead of
        /// [the service's](crate::r2::R2Service::with_ssec_key).
        pub fn ssec_key(mut self, key: impl Into<Option<$crate::model::r2::SseCustomerKey>>) -> Self {
            self.$($service).+ = self.$($service).+.with_ssec_key(key);
            self
        }
    };
}

/// Setters that limit a listing and the size of its pages.
macro_rules! listing_setters {
    ($page:ident) => {
        /// Lists only keys with this prefix.
        pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
            self.request.prefix = prefix.into();
            self
        }

        /// Groups the keys that have this after the prefix: `/` lists like a directory, with the
        /// subdirectories in
        #[doc = concat!("[`", stringify!($page), "::delimited_prefixes`].")]
        pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
            self.request.delimiter = Some(delimiter.into()).filter(|delimiter| !delimiter.is_empty());
            self
        }

        /// Sets the maximum number of entries and delimited prefixes per page: 1 to 1,000, which is the
        /// default.
        pub fn page_size(mut self, size: u32) -> Self {
            self.request.limit = Some(size);
            self
        }
    };
}

pub(super) use listing_setters;
pub(crate) use {http_metadata_setters, metadata_setters, ssec_key_setter};
