//! Downloads in ranges.
