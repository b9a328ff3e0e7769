//! Settings that several requests have, each said once.

/// The metadata that an object is stored with: the fields of the methods `http` and `custom`.
macro_rules! http_metadata_setters {
    () => {
        /// `Content-Type`.
        pub fn content_type(mut self, value: impl Into<String>) -> Self {
            self.http().content_type = Some(value.into());
            self
        }

        /// `Content-Language`.
        pub fn content_language(mut self, value: impl Into<String>) -> Self {
            self.http().content_language = Some(value.into());
            self
        }

        /// `Content-Disposition`.
        pub fn content_disposition(mut self, value: impl Into<String>) -> Self {
            self.http().content_disposition = Some(value.into());
            self
        }

        /// `Content-Encoding`.
        pub fn content_encoding(mut self, value: impl Into<String>) -> Self {
            self.http().content_encoding = Some(value.into());
            self
        }

        /// `Cache-Control`.
        pub fn cache_control(mut self, value: impl Into<String>) -> Self {
            self.http().cache_control = Some(value.into());
            self
        }

        /// `Expires`, in whole seconds.
        pub fn cache_expiry(mut self, time: ::std::time::SystemTime) -> Self {
            self.http().cache_expiry = Some(time);
            self
        }

        /// The fields that `metadata` has. Those that it lacks stay as they are.
        pub fn http_metadata(mut self, metadata: HttpMetadata) -> Self {
            self.http().merge(metadata);
            self
        }

        /// One name and value of custom metadata.
        pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.custom().insert(name, value);
            self
        }

        /// The names and values that `metadata` has. Further names stay as they are.
        pub fn custom_metadata(mut self, metadata: CustomMetadata) -> Self {
            self.custom().merge(metadata);
            self
        }
    };
}

/// The metadata and storage class that the object of a request is stored with.
macro_rules! metadata_setters {
    () => {
        $crate::r2::ops::setters::http_metadata_setters!();

        fn http(&mut self) -> &mut HttpMetadata {
            &mut self.request.http_metadata
        }

        fn custom(&mut self) -> &mut CustomMetadata {
            &mut self.request.custom_metadata
        }

        /// How R2 stores the object; as the bucket says by default.
        pub fn storage_class(mut self, class: StorageClass) -> Self {
            self.request.storage_class = Some(class);
            self
        }
    };
}

/// The customer's key of a request, which is that of the service in this field.
macro_rules! ssec_key_setter {
    ($($service:ident).+) => {
        /// The customer's key that the object is encrypted with (SSE-C), in place of that of
        /// [the service](crate::r2::R2Service::with_ssec_key).
        pub fn ssec_key(mut self, key: impl Into<Option<$crate::model::r2::SseCustomerKey>>) -> Self {
            self.$($service).+ = self.$($service).+.with_ssec_key(key);
            self
        }
    };
}

/// What a listing is narrowed to, and how large its pages are.
macro_rules! listing_setters {
    ($page:ident) => {
        /// Only keys that begin with this.
        pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
            self.request.prefix = prefix.into();
            self
        }

        /// Groups the keys that go on to this after the prefix: `/` lists like a directory, with its directories in
        #[doc = concat!("[`", stringify!($page), "::delimited_prefixes`].")]
        pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
            self.request.delimiter = Some(delimiter.into()).filter(|delimiter| !delimiter.is_empty());
            self
        }

        /// How many entries and delimited prefixes a page has at most: 1 to 1,000, which is the default.
        pub fn page_size(mut self, size: u32) -> Self {
            self.request.limit = Some(size);
            self
        }
    };
}

pub(super) use listing_setters;
pub(crate) use {http_metadata_setters, metadata_setters, ssec_key_setter};
