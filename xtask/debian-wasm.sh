#!/usr/bin/env bash
# Makes `wasm32-unknown-unknown` buildable on a Debian machine whose rustup cannot download targets: links Debian's own Rust
# to rustup as the toolchain `debian`, with a standard library for the target that is built here, once, from Debian's
# source of it. Takes about two minutes on two cores.
set -euo pipefail

target=wasm32-unknown-unknown
installed=/usr/lib/rustlib/$target
packages=(rustc-web cargo-web rust-web-src rust-web-llvm lld-22)

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
  as_root apt-get update -q
  as_root apt-get install -y -q --no-install-recommends "${packages[@]}"
fi

if [ ! -d "$installed/lib" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/src" "$work/$target/lib"
  printf '[package]\nname = "empty"\nedition = "2024"\n' >"$work/Cargo.toml"
  echo '#![no_std]' >"$work/src/lib.rs"
  # -Zbuild-std is for nightly compilers, unless RUSTC_BOOTSTRAP says otherwise. Without its bitcode the library cannot be
  # linked into a crate that is built with LTO. What `cargo xtask` has in its environment is about another toolchain.
  (cd "$work" && env -i HOME="$HOME" PATH=/usr/bin:/bin RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
    ${CARGO_HOME:+CARGO_HOME="$CARGO_HOME"} RUSTFLAGS="-C embed-bitcode=yes" \
    /usr/bin/cargo build --release --target "$target" --target-dir "$work/target" \
    -Zbuild-std=std,panic_abort,proc_macro)
  cp "$work/target/$target/release/deps/"lib*.rlib "$work/$target/lib/"
  rm "$work/$target/lib/"libempty-*.rlib
  # Moved last, whole: that the folder is there means that it is complete.
  as_root rm -rf "$installed"
  as_root cp -r "$work/$target" "$installed.new"
  as_root mv "$installed.new" "$installed"
fi

rustup toolchain link debian /usr
