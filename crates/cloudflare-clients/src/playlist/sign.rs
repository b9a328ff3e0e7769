//! Signing playlists by the client and by the service.

use std::time::SystemTime;

use super::options::PlaylistOptions;
use super::signed_playlist::SignedPlaylist;
use super::{dash, hls};
use crate::error::Result;
use crate::model::r2::validate_key;
use crate::r2::R2Service;
use crate::signing::R2SigningClient;
use crate::signing::url_signer::UrlSigner;

impl R2SigningClient {
    /// An HLS playlist whose references into the bucket are presigned URLs, good from now. `key` is the playlist's own: relative
    /// references are resolved against it.
    ///
    /// Segments, keys and other objects are presigned. Child playlists, asset lists and steering manifests go
    /// through [`PlaylistOptions::child_url`]: the [module](crate::playlist#the-uris-of-an-hls-playlist)
    /// lists every tag. URLs of other hosts, `data:` URLs and every other byte stay as they are, but for what
    /// is said below. References may be relative to the playlist, to the bucket's root (`/a`), or URLs of the
    /// bucket; their query is dropped, and their percent-encoding decoded once. Variables that `EXT-X-DEFINE`
    /// defines are substituted in them. One from outside (`QUERYPARAM`, `IMPORT`) has the value that
    /// [`PlaylistOptions::variable`] gives it, which is written into the playlist.
    ///
    /// Of a live playlist, [`PlaylistOptions::dvr_window`] keeps the last segments, and delta updates are
    /// [not offered](crate::playlist#live-hls).
    ///
    /// As in hls.js and ffmpeg, an attribute list may have commas that separate nothing, an empty URI counts
    /// as none, the quotes of a URI may be missing, and a multivariant playlist may have lines that name no
    /// variant.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind), with the number of the line, and nothing is signed:
    /// what is no playlist, a reference to an object outside [`PlaylistOptions::prefix`], a list with a URI
    /// that does not parse, a reference by a variable without a value, a child playlist without
    /// [`PlaylistOptions::child_url`], a sequence number that a window cannot raise, a limit of the options
    /// that is passed.
    pub fn sign_hls_playlist(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.sign_playlist("sign_hls_playlist", key, options, |signer, _| {
            hls::sign(text, key, options, signer)
        })
    }

    /// A JSON document of an HLS stream whose references into the bucket are URLs of routes: an [asset
    /// list](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#appendix-D) of interstitials,
    /// or a [steering manifest](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#section-7).
    /// It is what a route answers for the key of an `X-ASSET-LIST` or a `SERVER-URI`.
    ///
    /// The `URI` of each of the `ASSETS`, the `RELOAD-URI`, and the `PER-VARIANT-URIS` and
    /// `PER-RENDITION-URIS` of `PATHWAY-CLONES` go through [`PlaylistOptions::child_url`], relative to `key`
    /// as those of a playlist are. Every other byte stays, the `HOST` and `PARAMS` of a clone among them:
    /// players put these into the URLs of your route, never into presigned ones. So such a host has to have
    /// the route too, and a parameter must not have the name of one of the route's own (`expires` and `token`
    /// of a [`TokenRoute`](super::TokenRoute)).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind), with the number of the line: what is no such document,
    /// a reference to an object outside [`PlaylistOptions::prefix`] or without
    /// [`PlaylistOptions::child_url`], more than [`PlaylistOptions::max_urls`], a document longer than
    /// [`PlaylistOptions::max_manifest`].
    pub fn sign_hls_json(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.sign_playlist("sign_hls_json", key, options, |signer, _| {
            hls::sign_json(text, key, options, signer)
        })
    }

    /// A DASH manifest, whose segments are listed with presigned URLs, good from now. `key` is the manifest's own: relative
    /// references are resolved against it, and against its `BaseURL`s.
    ///
    /// Each `SegmentTemplate` and `SegmentList` becomes a `SegmentList` with a URL for each segment; a
    /// representation that is one object gets a presigned `BaseURL`. They are inherited and overridden as
    /// [ISO/IEC 23009-1](https://www.iso.org/standard/89027.html) has it. References work as those of
    /// [`sign_hls_playlist`](Self::sign_hls_playlist) do; those to other hosts become absolute URLs, unsigned.
    /// `BaseURL`s of one level are alternatives: segments take the first that may be signed, an object keeps
    /// all that may be or lead to other hosts.
    ///
    /// A `Location` goes through [`PlaylistOptions::child_url`]. What leads to something else that is not
    /// signed is left out: a `Location` without such a route, `PatchLocation`, `ContentSteering`, indexes of
    /// segments, and a `SupplementalProperty` by which players would change URLs. So are elements that
    /// `urn:mpeg:dash:resolve-to-zero:2013` stands for. Everything else stays as it is, byte for byte.
    ///
    /// A live manifest (`type="dynamic"`) changes [in its times](crate::playlist#live-dash) too.
    ///
    /// The result plays in dash.js, in Shaka Player and, but for two things, in ffmpeg. In a `BaseURL` ffmpeg
    /// takes an `&` for the beginning of an entity, also where it is written `&amp;`, and so asks for another
    /// URL than the one that was signed: it cannot play a representation that is one object (`SegmentBase`),
    /// whose only URL is there. And it counts the segments of a live list from its beginning, which moves
    /// with the window: it skips some, and reads the manifest many times a second. Where segments are listed,
    /// one `BaseURL` has nothing but dashes behind its `?`: ffmpeg makes room for URLs by its length.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind), with the number of the line, and nothing is signed: what
    /// is no manifest; a reference to an object outside [`PlaylistOptions::prefix`]; a number of segments that
    /// cannot be known; parts that come from other documents (`xlink:href`), an `EssentialProperty` that
    /// changes URLs, `InitializationSet`s, `$SubNumber$`, a `Pattern`, the `k` and `p` of an `S`, and whatever
    /// else lists of URLs cannot express; a limit of the options that is passed. Of a live manifest also: no
    /// `availabilityStartTime`, no period that has begun, or URLs that would not outlast the next update.
    pub fn sign_dash_manifest(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.sign_playlist("sign_dash_manifest", key, options, |signer, now| {
            dash::sign(text, key, options, signer, now)
        })
    }

    fn sign_playlist(
        &self,
        operation: &'static str,
        key: &str,
        options: &PlaylistOptions<'_>,
        sign: impl FnOnce(&UrlSigner, SystemTime) -> Result<SignedPlaylist>,
    ) -> Result<SignedPlaylist> {
        let sign = || {
            validate_key(key)?;
            let now = self.now()?;
            let (signed_at, expires_in) = options.signing_time(now)?;
            self.with_url_signer(expires_in, signed_at, |signer| sign(signer, now))
        };
        sign().map_err(|error| error.during(operation, Some(key)))
    }
}

impl R2Service {
    /// An HLS playlist whose references into the bucket are presigned URLs: see
    /// [`R2SigningClient::sign_hls_playlist`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing), and those of
    /// [`R2SigningClient::sign_hls_playlist`].
    pub fn sign_hls_playlist(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.signing()?.sign_hls_playlist(text, key, options)
    }

    /// A JSON document of an HLS stream whose references into the bucket are URLs of routes: see
    /// [`R2SigningClient::sign_hls_json`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing),
    /// and those of [`R2SigningClient::sign_hls_json`].
    pub fn sign_hls_json(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.signing()?.sign_hls_json(text, key, options)
    }

    /// A DASH manifest with a presigned URL for each segment: see [`R2SigningClient::sign_dash_manifest`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing), and those of
    /// [`R2SigningClient::sign_dash_manifest`].
    pub fn sign_dash_manifest(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.signing()?.sign_dash_manifest(text, key, options)
    }
}
