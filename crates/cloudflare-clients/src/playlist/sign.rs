//! Signs playlists, from a signing client or a service.

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
    /// Signs an HLS playlist: references into the bucket become presigned URLs, valid from now. `key` is the
    /// playlist's own key: relative references are resolved against it.
    ///
    /// Segments, keys and other objects are presigned. Child playlists, asset lists and steering manifests
    /// get URLs from [`PlaylistOptions::child_url`]; the
    /// [module](crate::playlist#the-uris-of-an-hls-playlist) lists every tag. URLs of other hosts, `data:`
    /// URLs and all other bytes stay unchanged, with the exceptions below. References may be relative to the
    /// playlist, relative to the bucket's root (`/a`), or URLs of the bucket. Their query is dropped, and
    /// their percent-encoding decoded once. Variables defined by `EXT-X-DEFINE` are substituted in them. A
    /// variable from outside (`QUERYPARAM`, `IMPORT`) gets its value from [`PlaylistOptions::variable`],
    /// which is written into the playlist.
    ///
    /// In a live playlist, [`PlaylistOptions::dvr_window`] keeps the last segments, and delta updates are
    /// [not offered](crate::playlist#live-hls).
    ///
    /// As in hls.js and ffmpeg, attribute lists may contain empty items, an empty URI counts as missing, a
    /// URI may lack its quotes, and a multivariant playlist may contain lines that are not variants.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the number of the line; nothing is signed. The text
    /// is not a playlist; a reference leads to an object outside [`PlaylistOptions::prefix`]; an attribute
    /// list with a URI is malformed; a reference uses a variable without a value; a child playlist has no
    /// [`PlaylistOptions::child_url`]; a sequence number cannot be raised for the window; or a limit of the
    /// options is exceeded.
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

    /// Signs a JSON document of an HLS stream: references into the bucket become URLs of routes. The document
    /// is an [asset list](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#appendix-D) of
    /// interstitials, or a [steering
    /// manifest](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#section-7). A route
    /// returns the result for the key of an `X-ASSET-LIST` or a `SERVER-URI`.
    ///
    /// The `URI` of each of the `ASSETS`, the `RELOAD-URI`, and the `PER-VARIANT-URIS` and
    /// `PER-RENDITION-URIS` of `PATHWAY-CLONES` get URLs from [`PlaylistOptions::child_url`]. They are
    /// resolved against `key`, as in a playlist. All other bytes stay unchanged, including the `HOST` and
    /// `PARAMS` of a clone: players use these in the URLs of your route, never in presigned ones. Such a host
    /// must therefore serve the route too, and a parameter must not have the name of one of the route's own
    /// (`expires` and `token` of a [`TokenRoute`](super::TokenRoute)).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the number of the line. The text is not such a
    /// document; a reference leads to an object outside [`PlaylistOptions::prefix`], or there is no
    /// [`PlaylistOptions::child_url`]; it has more than [`PlaylistOptions::max_urls`] URLs; or it is longer
    /// than [`PlaylistOptions::max_manifest`].
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

    /// Signs a DASH manifest: its segments are listed with presigned URLs, valid from now. `key` is the
    /// manifest's own key: relative references are resolved against it, and against its `BaseURL`s.
    ///
    /// Each `SegmentTemplate` and `SegmentList` becomes a `SegmentList` with a URL for each segment. A
    /// representation that is a single object gets a presigned `BaseURL`. Templates and lists are inherited
    /// and overridden according to [ISO/IEC 23009-1](https://www.iso.org/standard/89027.html). References
    /// work as in [`sign_hls_playlist`](Self::sign_hls_playlist); those to other hosts become absolute URLs
    /// without a signature. `BaseURL`s of one level are alternatives: segments use the first one that may be
    /// signed, and an object keeps all that may be signed or lead to other hosts.
    ///
    /// A `Location` gets its URL from [`PlaylistOptions::child_url`]. References that are not signed are
    /// removed: a `Location` without such a route, `PatchLocation`, `ContentSteering`, indexes of segments,
    /// and a `SupplementalProperty` that makes players change URLs. Elements that
    /// `urn:mpeg:dash:resolve-to-zero:2013` replaces are removed too. Everything else stays unchanged, byte
    /// for byte.
    ///
    /// In a live manifest (`type="dynamic"`) [the times](crate::playlist#live-dash) change too.
    ///
    /// The result plays in dash.js and Shaka Player, and in ffmpeg with two exceptions. In a `BaseURL`,
    /// ffmpeg treats an `&` as the start of an entity even if it is written `&amp;`, and requests a different
    /// URL from the signed one. It therefore cannot play a representation that is a single object
    /// (`SegmentBase`), whose only URL is there. Also, ffmpeg counts the segments of a live list from its
    /// start, which moves with the window: it skips some segments and reads the manifest many times a second.
    /// Where segments are listed, one `BaseURL` has only dashes after its `?`, because ffmpeg allocates
    /// memory for URLs by its length.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the number of the line; nothing is signed. The text
    /// is not a manifest; a reference leads to an object outside [`PlaylistOptions::prefix`]; the number of
    /// segments cannot be determined; the manifest uses parts of other documents (`xlink:href`), an
    /// `EssentialProperty` that changes URLs, `InitializationSet`s, `$SubNumber$`, a `Pattern`, the `k` or
    /// `p` of an `S`, or anything else that lists of URLs cannot express; or a limit of the options is
    /// exceeded. A live manifest also fails if it has no `availabilityStartTime`, if no period has started,
    /// or if the URLs would expire before the next update.
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
    /// Signs an HLS playlist: references into the bucket become presigned URLs. See
    /// [`R2SigningClient::sign_hls_playlist`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing),
    /// and the errors of [`R2SigningClient::sign_hls_playlist`].
    pub fn sign_hls_playlist(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.signing()?.sign_hls_playlist(text, key, options)
    }

    /// Signs a JSON document of an HLS stream: references into the bucket become URLs of routes. See
    /// [`R2SigningClient::sign_hls_json`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing),
    /// and the errors of [`R2SigningClient::sign_hls_json`].
    pub fn sign_hls_json(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.signing()?.sign_hls_json(text, key, options)
    }

    /// Signs a DASH manifest: it lists a presigned URL for each segment. See
    /// [`R2SigningClient::sign_dash_manifest`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing),
    /// and the errors of [`R2SigningClient::sign_dash_manifest`].
    pub fn sign_dash_manifest(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.signing()?.sign_dash_manifest(text, key, options)
    }
}
