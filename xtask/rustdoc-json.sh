#!/bin/sh
# rustdoc, with its unstable output of JSON. cargo is pointed here, and does not get the variable itself: every build
# script that asks for it would run again, and all that depends on it would be built again.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@" -Z unstable-options --output-format json
