//! Guides, from a first bucket to production.
//!
//! Each guide begins with its purpose and an example, and ends with limits and costs.

/// One module for each page of `docs/`. The links of `links.md` come first, so on docs.rs they win over the
/// pages' own definitions, which lead to files.
macro_rules! guides {
    ($($(#[$attribute:meta])* $name:ident: $page:literal;)*) => {$(
        $(#[$attribute])*
        #[doc = include_str!("links.md")]
        #[doc = include_str!(concat!("../../docs/", $page))]
        pub mod $name {}
    )*};
}

guides! {
    operations: "operations.md";
    transfers: "transfers.md";
    browser_uploads: "browser-uploads.md";
    access: "access.md";
    playlists: "playlists.md";
    workers_kv: "workers-kv.md";
    building_blocks: "building-blocks.md";
    in_a_worker: "in-a-worker.md";
    on_a_server: "on-a-server.md";
    // Its examples need the emulator, on which this crate cannot depend: `tests/library` runs them.
    #[cfg(not(doctest))]
    local_server_and_tests: "local-server-and-tests.md";
    command_line: "command-line.md";
    production_checklist: "production-checklist.md";
    errors_and_retries: "errors-and-retries.md";
    performance: "performance.md";
    from_typescript: "from-typescript.md";
}
