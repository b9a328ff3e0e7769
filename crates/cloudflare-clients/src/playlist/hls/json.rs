//! The JSON documents of HLS: [asset
//! lists](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#appendix-D) of interstitials, and
//! [steering manifests](https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis#section-7).

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::child::child_url;
use super::references::References;
use super::tags::Target;
use crate::playlist::reference::{Resolved, Resolver};
use crate::playlist::{PlaylistOptions, SignedPlaylist, at_line};
use crate::signing::url_signer::UrlSigner;
use crate::{Error, Result};

/// Replaces the references of the document by URLs of routes.
pub(in crate::playlist) fn sign_json(
    text: &str,
    key: &str,
    options: &PlaylistOptions<'_>,
    signer: &UrlSigner,
) -> Result<SignedPlaylist> {
    if text.len() > options.max_manifest {
        return Err(Error::invalid_input(format!(
            "the document has {} bytes: the limit is {}, which `PlaylistOptions::max_manifest` sets",
            text.len(),
            options.max_manifest
        )));
    }
    let document = Document {
        text,
        key,
        options,
        resolver: Resolver::new(signer, options.prefix_for(key)?),
        references: RefCell::new(References::new(signer, None, options.max_urls)),
    };
    let mut json = serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
    Node { document: &document, shape: Shape::Document }
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| {
            let (message, place) =
                (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
            at_line(error.line(), &Error::invalid_input(message.trim_end_matches(&place)))
        })?;
    Ok(document.references.into_inner().into_playlist(text))
}

struct Document<'a> {
    text: &'a str,
    key: &'a str,
    options: &'a PlaylistOptions<'a>,
    resolver: Resolver<'a>,
    references: RefCell<References<'a>>,
}

impl Document<'_> {
    /// Replaces a string that refers to a playlist or another such document.
    fn reference(&self, json: &RawValue) -> Result<()> {
        let json = json.get();
        let Ok(reference) = serde_json::from_str::<String>(json) else { return Ok(()) };
        if reference.is_empty() {
            return Ok(());
        }
        let Resolved::Object(key) = self.resolver.resolve(self.key, &reference)? else { return Ok(()) };
        let url = child_url(self.options, &key, Target::Playlist)?;
        // The raw value is a slice of the text.
        let start = json.as_ptr().addr() - self.text.as_ptr().addr();
        let url = serde_json::to_string(&url).map_err(|error| Error::invalid_input(error.to_string()))?;
        self.references.borrow_mut().replace(start..start + json.len(), url)
    }
}

/// The role of a value in the document.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Document,
    Assets,
    Asset,
    Clones,
    Clone,
    Replacement,
    References,
    Reference,
    Other,
}

impl Shape {
    fn member(self, name: &str) -> Self {
        match (self, name) {
            (Self::Document, "ASSETS") => Self::Assets,
            (Self::Document, "PATHWAY-CLONES") => Self::Clones,
            (Self::Clone, "URI-REPLACEMENT") => Self::Replacement,
            (Self::Replacement, "PER-VARIANT-URIS" | "PER-RENDITION-URIS") => Self::References,
            (Self::Document, "RELOAD-URI") | (Self::Asset, "URI") | (Self::References, _) => Self::Reference,
            _ => Self::Other,
        }
    }

    /// Returns the role of each element of a list.
    fn element(self) -> Option<Self> {
        match self {
            Self::Assets => Some(Self::Asset),
            Self::Clones => Some(Self::Clone),
            _ => None,
        }
    }
}

/// A value that is searched for references.
struct Node<'n, 'a> {
    document: &'n Document<'a>,
    shape: Shape,
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.shape {
            Shape::Other => IgnoredAny::deserialize(deserializer).map(drop),
            Shape::Reference => {
                let json = <&RawValue>::deserialize(deserializer)?;
                self.document.reference(json).map_err(|error| D::Error::custom(error.message()))
            }
            shape if shape.element().is_some() => deserializer.deserialize_seq(self),
            _ => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.shape {
            Shape::Document => "an asset list or a steering manifest, which is an object",
            Shape::Assets | Shape::Clones => "a list",
            _ => "an object",
        })
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Node { document: self.document, shape: self.shape.member(&name) })?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<(), S::Error> {
        let shape = self.shape.element().unwrap_or(Shape::Other);
        while elements.next_element_seed(Node { document: self.document, shape })?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::playlist::testing::client;

    const KEY: &str = "creator-1/ads/list.json";

    fn options() -> PlaylistOptions<'static> {
        PlaylistOptions::new().child_url(|key| Ok(format!("/play/{key}?token=\\1")))
    }

    fn sign(text: &str) -> Result<SignedPlaylist> {
        client().sign_hls_json(text, KEY, &options())
    }

    fn refused(text: &str) -> String {
        sign(text).unwrap_err().message().to_owned()
    }

    #[test]
    fn asset_lists_name_the_route_of_their_playlists() {
        let list = sign(
            r#"{ "ASSETS" : [
  {"URI": "../films/ad%20\u00311.m3u8" , "DURATION": 15.0, "X-N": 12345678901234567890123},
  {"URI":"https://ads.example/2.m3u8","URL":"3.m3u8"}, {"DURATION":1}, {"URI":""}, {"URI":null}
], "SKIP-CONTROL": {"URI": "a"} }"#,
        )
        .unwrap();
        assert_snapshot!(list.as_str(), @r#"
        { "ASSETS" : [
          {"URI": "/play/creator-1/films/ad 11.m3u8?token=\\1" , "DURATION": 15.0, "X-N": 12345678901234567890123},
          {"URI":"https://ads.example/2.m3u8","URL":"3.m3u8"}, {"DURATION":1}, {"URI":""}, {"URI":null}
        ], "SKIP-CONTROL": {"URI": "a"} }
        "#);
        assert_eq!(list.url_count(), 1);
    }

    #[test]
    fn steering_manifests_name_their_route() {
        let manifest = sign(
            "\u{feff}{\"VERSION\":1,\"TTL\":300,\"RELOAD-URI\":\"list.json?session=1\",\"PATHWAY-PRIORITY\":[\"a\",\"b\"],\"PATHWAY-CLONES\":[\
             {\"BASE-ID\":\"a\",\"ID\":\"b\",\"URI-REPLACEMENT\":{\"HOST\":\"b.example\",\"PARAMS\":{\"RELOAD-URI\":\"x\"},\
             \"PER-VARIANT-URIS\":{\"v1\":\"/creator-1/v1.m3u8\"},\"PER-RENDITION-URIS\":{\"r1\":\"https://b.example/r1.m3u8\"}}}]}",
        )
        .unwrap();
        assert_eq!(
            manifest.as_str(),
            "\u{feff}{\"VERSION\":1,\"TTL\":300,\"RELOAD-URI\":\"/play/creator-1/ads/list.json?token=\\\\1\",\"PATHWAY-PRIORITY\":[\"a\",\"b\"],\"PATHWAY-CLONES\":[\
             {\"BASE-ID\":\"a\",\"ID\":\"b\",\"URI-REPLACEMENT\":{\"HOST\":\"b.example\",\"PARAMS\":{\"RELOAD-URI\":\"x\"},\
             \"PER-VARIANT-URIS\":{\"v1\":\"/play/creator-1/v1.m3u8?token=\\\\1\"},\"PER-RENDITION-URIS\":{\"r1\":\"https://b.example/r1.m3u8\"}}}]}"
        );
    }

    #[test]
    fn what_is_neither_or_leads_outside_is_refused() {
        let errors = [
            "",
            "[]",
            "{",
            "{} {}",
            "{\"ASSETS\":{}}",
            "{\n\"ASSETS\":[1]}",
            "{\n \"RELOAD-URI\":\"/creator-2/a.json\"}",
            "{\"ASSETS\":[{\"URI\":\"../../a.m3u8\"}]}",
            "{\"ASSETS\":[{\"URI\":\"a\\u0000b\"}]}",
            &format!("{{\"A\":{}", "[".repeat(1000)),
        ]
        .map(refused);
        assert_snapshot!(errors.join("\n"));
        let list = "{\"ASSETS\":[{\"URI\":\"a\"},{\"URI\":\"b\"}]}";
        for (options, why) in [
            (PlaylistOptions::new(), "is a playlist, whose own references need signing too"),
            (options().max_urls(1), "more than 1 URLs, the limit that `PlaylistOptions::max_urls` sets"),
            (options().max_manifest(10), "the document has 36 bytes: the limit is 10"),
            (PlaylistOptions::new().child_url(|_| Ok(String::new())), "cannot be written into a playlist"),
        ] {
            let error = client().sign_hls_json(list, KEY, &options).unwrap_err();
            assert!(error.message().contains(why), "{error}");
        }
    }
}
