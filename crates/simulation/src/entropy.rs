//! Randomness that follows from a seed: for the program's requests to the system, and a stream per purpose.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read as _;

use fastrand::Rng;

thread_local! {
    /// The system's randomness in this thread, instead of the real one.
    static SYSTEM: RefCell<Option<Rng>> = const { RefCell::new(None) };
}

/// Returns a stream of random numbers that depends on the seed and the purpose.
pub(crate) fn stream(seed: u64, purpose: &str) -> Rng {
    let mut rng = Rng::with_seed(purpose.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    }));
    // Streams of seeds that differ in one bit start alike.
    for _ in 0..4 {
        rng.u64(..);
    }
    rng
}

/// Lets the system's randomness in this thread follow from the seed: for `HashMap`, for Tokio's choices, and
/// for ids.
pub(crate) fn seed_thread(seed: u64) {
    SYSTEM.set(Some(stream(seed, "system")));
    fastrand::seed(stream(seed, "fastrand").u64(..));
}

/// The system call used by the standard library and the crate `getrandom`. This definition takes precedence
/// over that of the C library.
#[expect(unsafe_code, reason = "the name and the signature are the C library's")]
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(bytes: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: The caller passes `length` writable bytes, as the C library requires.
    let bytes = unsafe { std::slice::from_raw_parts_mut(bytes, length) };
    let seeded = SYSTEM.try_with(|system| {
        let mut system = system.try_borrow_mut().ok()?;
        system.as_mut().map(|rng| rng.fill(bytes))
    });
    if !matches!(seeded, Ok(Some(()))) {
        let read = File::open("/dev/urandom").and_then(|mut urandom| urandom.read_exact(bytes));
        if read.is_err() {
            return -1;
        }
    }
    isize::try_from(length).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use cloudflare_clients::{Runtime as _, TokioRuntime};

    use super::*;

    fn seen(seed: u64) -> (Vec<u32>, [u8; 16], f64) {
        let in_thread = move || {
            seed_thread(seed);
            let order = (0..100).collect::<HashSet<u32>>().into_iter().collect();
            let mut bytes = [0; 16];
            TokioRuntime.fill_random(&mut bytes).unwrap();
            (order, bytes, fastrand::f64())
        };
        thread::spawn(in_thread).join().unwrap()
    }

    #[test]
    fn a_seed_decides_what_the_system_gives() {
        assert_eq!(seen(1), seen(1));
        let (one, two) = (seen(1), seen(2));
        assert!(one.0 != two.0 && one.1 != two.1);
    }

    #[test]
    fn without_a_seed_the_system_gives_its_own() {
        let random = || {
            thread::spawn(|| {
                let mut bytes = [0; 16];
                TokioRuntime.fill_random(&mut bytes).unwrap();
                bytes
            })
        };
        assert_ne!(random().join().unwrap(), random().join().unwrap());
    }
}
