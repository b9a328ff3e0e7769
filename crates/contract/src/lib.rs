//! The behaviour that every backend must have, as one suite.
