//! Settings that several requests have, each said once.

/// The metadata and storage class that an object is stored with.
macro_rules! metadata_setters {
    () => {
        /// `Content-Type`.
        pub fn content_type(mut self, value: impl Into<String>) -> Self {
            self.request.http_metadata.content_type = Some(value.into());
            self
        }

        /// `Cache-Control`.
        pub fn cache_control(mut self, value: impl Into<String>) -> Self {
            self.request.http_metadata.cache_control = Some(value.into());
            self
        }

        /// All HTTP metadata, in place of what was set before.
        pub fn http_metadata(mut self, metadata: HttpMetadata) -> Self {
            self.request.http_metadata = metadata;
            self
        }

        /// One name and value of custom metadata.
        pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.request.custom_metadata.insert(name, value);
            self
        }

        /// All custom metadata, in place of what was set before.
        pub fn custom_metadata(mut self, metadata: CustomMetadata) -> Self {
            self.request.custom_metadata = metadata;
            self
        }

        /// How R2 stores the object; as the bucket says by default.
        pub fn storage_class(mut self, class: StorageClass) -> Self {
            self.request.storage_class = Some(class);
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

pub(super) use {listing_setters, metadata_setters};
