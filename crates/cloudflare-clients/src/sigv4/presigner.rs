use std::fmt;
use std::iter::Take;
use std::time::SystemTime;

use super::SigningKey;
use super::sha256::{Block, LANES, State, blocks_of, pad};

/// Presigns paths of one host. Everything that does not depend on the path is computed in advance: see
/// [`Signer::presigner`].
///
/// It is valid for one second of signing time, and costs as much as a few URLs. Signing a path takes the
/// remaining hashing, usually nine blocks. Several paths are hashed in parallel.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use cloudflare_clients::sigv4::{Credentials, Signer};
/// use http::{HeaderMap, Method};
///
/// let signer = Signer::new(Credentials::new("fedcba9876543210fedcba9876543210", "secret"));
/// let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let hour = Duration::from_secs(3600);
/// let presigner = signer.presigner(&Method::GET, "media.example", "", &HeaderMap::new(), hour, now)?;
/// let paths = ["/film/1.ts", "/film/2.ts"];
/// for (path, signature) in paths.iter().zip(presigner.signatures(paths)) {
///     let url = format!("https://media.example{path}?{}{}", presigner.query(), signature.as_str());
///     assert_eq!(signature, presigner.sign(path));
/// }
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
///
/// [`Signer::presigner`]: super::Signer::presigner
pub struct Presigner {
    /// The canonical request before and after the path.
    before_path: String,
    after_path: String,
    /// The state of HMAC's inner hash after all whole blocks of the string to sign before the hash of the
    /// canonical request.
    inner: State,
    /// The rest of the string to sign, padded, with room for the hash of the canonical request.
    tail: [Block; 3],
    tail_blocks: usize,
    hash_at: usize,
    /// The state of HMAC's outer hash.
    outer: State,
    query: String,
    expires_at: SystemTime,
}

/// The number of blocks of a canonical request that is hashed without an allocation.
const SHORT: usize = 12;
/// The length of a hash in bytes, and in hexadecimal digits.
const DIGEST: usize = 32;
const DIGITS: usize = 64;

impl Presigner {
    pub(super) fn new(
        (before_path, after_path): (&str, &str),
        string_to_sign_head: &str,
        key: &SigningKey,
        query: String,
        expires_at: SystemTime,
    ) -> Self {
        let (blocks, rest) = string_to_sign_head.as_bytes().as_chunks();
        let mut tail = [[0; 64]; 3];
        tail.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
        // The key's block is already hashed.
        let hashed = 64 + blocks.as_flattened().len();
        let tail_blocks = pad(&mut tail, rest.len() + DIGITS, hashed);
        Self {
            before_path: before_path.to_owned(),
            after_path: after_path.to_owned(),
            inner: key.inner.after(blocks),
            tail,
            tail_blocks,
            hash_at: rest.len(),
            outer: key.outer,
            query: query + "&X-Amz-Signature=",
            expires_at,
        }
    }

    /// The query, without `?`, up to and including the `=` before the signature.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// When the URLs expire.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// The signature of a path, which must be exactly as it is sent: percent-encoded once (see
    /// [`encode_path`](super::encode_path)).
    #[inline]
    pub fn sign(&self, path: &str) -> Signature {
        let mut work = Work::new(self);
        let hash = match work.fill(self, path) {
            Some(count) => State::INITIAL.after(&work.request[..count]),
            None => State::INITIAL.finish(0, self.canonical_request(path).as_bytes()),
        };
        work.set_hash(self, hash);
        work.set_inner(self.inner.after(work.tail(self)));
        Signature(self.outer.after(&work.inner).to_hex())
    }

    /// The signatures of all paths, several hashed in parallel. They are the same as those of
    /// [`sign`](Self::sign).
    pub fn signatures<'a, P>(&self, paths: P) -> Signatures<'_, P::IntoIter>
    where
        P: IntoIterator<Item = &'a str>,
    {
        Signatures {
            presigner: self,
            paths: paths.into_iter(),
            work: std::array::from_fn(|_| Work::new(self)),
            first: None,
            ready: [Signature::EMPTY; LANES].into_iter().take(0),
        }
    }

    /// Returns a presigner for paths that start with `path`, which signs the rest of each path.
    pub(crate) fn below(&self, path: &str) -> Self {
        Self {
            before_path: [&self.before_path, path].concat(),
            after_path: self.after_path.clone(),
            query: self.query.clone(),
            ..*self
        }
    }

    pub(super) fn canonical_request(&self, path: &str) -> String {
        [&self.before_path, path, &self.after_path].concat()
    }
}

/// The texts that are hashed for one signature. Most of them stay the same for the next one.
#[derive(Clone)]
struct Work {
    request: [Block; SHORT],
    /// The length of the path for which `request` was built, and its number of blocks.
    path_len: Option<usize>,
    request_blocks: usize,
    tail: [Block; 3],
    /// The input of HMAC's outer hash after the key's block: the inner hash.
    inner: [Block; 1],
}

impl Work {
    #[inline]
    fn new(presigner: &Presigner) -> Self {
        let mut inner = [[0; 64]];
        pad(&mut inner, DIGEST, 64);
        Self { request: [[0; 64]; SHORT], path_len: None, request_blocks: 0, tail: presigner.tail, inner }
    }

    /// Builds the padded canonical request, and returns its number of blocks, or `None` if it does not fit.
    #[inline]
    fn fill(&mut self, presigner: &Presigner, path: &str) -> Option<usize> {
        let Presigner { before_path, after_path, .. } = presigner;
        let bytes = self.request.as_flattened_mut();
        let after_at = before_path.len() + path.len();
        if self.path_len != Some(path.len()) {
            let length = after_at + after_path.len();
            if blocks_of(length) > SHORT {
                return None;
            }
            bytes[..before_path.len()].copy_from_slice(before_path.as_bytes());
            bytes[after_at..length].copy_from_slice(after_path.as_bytes());
            self.request_blocks = pad(&mut self.request, length, 0);
            self.path_len = Some(path.len());
        }
        self.request.as_flattened_mut()[before_path.len()..after_at].copy_from_slice(path.as_bytes());
        Some(self.request_blocks)
    }

    /// Writes the hash of the canonical request to the end of the string to sign.
    #[inline]
    fn set_hash(&mut self, presigner: &Presigner, hash: State) {
        let hash_at = presigner.hash_at;
        self.tail.as_flattened_mut()[hash_at..hash_at + DIGITS].copy_from_slice(&hash.to_hex());
    }

    #[inline]
    fn tail(&self, presigner: &Presigner) -> &[Block] {
        &self.tail[..presigner.tail_blocks]
    }

    #[inline]
    fn set_inner(&mut self, inner: State) {
        self.inner[0][..DIGEST].copy_from_slice(&inner.to_bytes());
    }
}

/// Compares 16 bytes at a time. `==` would call `memcmp`.
#[inline]
fn is_same(one: &Block, other: &Block) -> bool {
    let pairs = one.as_chunks().0.iter().zip(other.as_chunks().0);
    let differences = pairs.map(|(one, other)| u128::from_ne_bytes(*one) ^ u128::from_ne_bytes(*other));
    differences.fold(0, |all, difference| all | difference) == 0
}

/// Hides the states, which are equivalent to a key, and the query, which may contain a session token.
impl fmt::Debug for Presigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A signature: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; DIGITS]);

impl Signature {
    /// The length of a signature, in digits.
    pub const LEN: usize = DIGITS;
    const EMPTY: Self = Self([0; DIGITS]);

    /// The 64 digits.
    #[inline]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "hexadecimal digits are ASCII")]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

/// Hides the digits, which make a URL work.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").finish_non_exhaustive()
    }
}

/// The iterator returned by [`Presigner::signatures`].
pub struct Signatures<'p, P> {
    presigner: &'p Presigner,
    paths: P,
    work: [Work; LANES],
    /// The first block of all requests if it is the same, and the hash after it. Paths of one folder often
    /// share it.
    first: Option<(Block, State)>,
    ready: Take<std::array::IntoIter<Signature, LANES>>,
}

impl<P> Signatures<'_, P> {
    fn sign_together(&mut self, paths: [&str; LANES]) -> [Signature; LANES] {
        let (presigner, work) = (self.presigner, &mut self.work);
        let mut counts = [0; LANES];
        for ((work, path), count) in work.iter_mut().zip(paths).zip(&mut counts) {
            match work.fill(presigner, path) {
                Some(filled) => *count = filled,
                None => return paths.map(|path| presigner.sign(path)),
            }
        }
        let shortest = counts.into_iter().min().unwrap_or_default();
        let [one, others @ ..] = work.each_ref().map(|work| &work.request[0]);
        let (begun, hashed) = if others.iter().all(|other| is_same(one, other)) {
            let known = self.first.filter(|(block, _)| is_same(block, one));
            let (_, state) =
                *self.first.insert(known.unwrap_or_else(|| (*one, State::INITIAL.after(&[*one]))));
            (state, 1)
        } else {
            (State::INITIAL, 0)
        };
        let requests = work.each_ref().map(|work| &work.request[hashed..shortest]);
        let mut hashes = State::all_after([begun; LANES], requests);
        for ((hash, work), count) in hashes.iter_mut().zip(&*work).zip(counts) {
            if count > shortest {
                *hash = hash.after(&work.request[shortest..count]);
            }
        }
        for (work, hash) in work.iter_mut().zip(hashes) {
            work.set_hash(presigner, hash);
        }
        let tails = work.each_ref().map(|work| work.tail(presigner));
        let inner = State::all_after([presigner.inner; LANES], tails);
        for (work, inner) in work.iter_mut().zip(inner) {
            work.set_inner(inner);
        }
        let digests = work.each_ref().map(|work| work.inner.as_slice());
        State::all_after([presigner.outer; LANES], digests).map(|signature| Signature(signature.to_hex()))
    }
}

impl<'a, P: Iterator<Item = &'a str>> Signatures<'_, P> {
    /// Signs the next paths together. It is a separate function so that `next` is small enough to be inlined.
    #[inline(never)]
    fn sign_next(&mut self) -> Option<Signature> {
        let first = self.paths.next()?;
        let mut paths = [first; LANES];
        let mut count = 1;
        for (path, next) in paths[1..].iter_mut().zip(&mut self.paths) {
            *path = next;
            count += 1;
        }
        if count == 1 {
            return Some(self.presigner.sign(first));
        }
        self.ready = self.sign_together(paths).into_iter().take(count);
        self.ready.next()
    }
}

impl<'a, P: Iterator<Item = &'a str>> Iterator for Signatures<'_, P> {
    type Item = Signature;

    #[inline]
    fn next(&mut self) -> Option<Signature> {
        self.ready.next().or_else(|| self.sign_next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.paths.size_hint();
        (least + self.ready.len(), most.map(|most| most + self.ready.len()))
    }
}

/// Hides the texts, which may contain a session token.
impl<P> fmt::Debug for Signatures<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signatures").field("presigner", self.presigner).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderMap, Method};
    use proptest::prelude::*;

    use super::super::{Credentials, Signer, Timestamp, encode_path};
    use super::*;

    proptest! {
        /// Compares with a direct implementation of AWS's description, for regions and tokens that give the
        /// hashed texts every length, and for folders that fill the first block.
        #[test]
        fn signs_alike_one_by_one_and_together(
            keys in prop::collection::vec((0..3_usize, "\\PC{0,60}|[a-z/]{0,900}"), 0..40),
            folders in prop::array::uniform2("[a-f0-9]{50,140}"),
            region in "auto|[a-z0-9-]{1,80}",
            token in prop::option::of("[a-z+/=]{1,600}"),
        ) {
            let mut credentials = Credentials::new("id", "secret");
            if let Some(token) = token {
                credentials = credentials.with_session_token(token);
            }
            let signer = Signer::new(credentials).with_region(region);
            let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            let minute = Duration::from_secs(60);
            let presigner = signer.presigner(&Method::GET, "h", "", &HeaderMap::new(), minute, now).unwrap();
            let paths: Vec<String> = keys
                .iter()
                .map(|(folder, key)| {
                    let mut path = "/".to_owned();
                    path.push_str(folders.get(*folder).map_or("", String::as_str));
                    encode_path(key, &mut path);
                    path
                })
                .collect();
            let together: Vec<Signature> = presigner.signatures(paths.iter().map(String::as_str)).collect();
            prop_assert_eq!(together.len(), paths.len());
            for (path, signature) in paths.iter().zip(together) {
                let plain = signer.signature(&Timestamp::new(now).unwrap(), &presigner.canonical_request(path));
                prop_assert_eq!(signature.as_str(), plain);
                prop_assert_eq!(presigner.sign(path), signature);
            }
        }
    }
}
