#!/usr/bin/env bash
# Runs every fuzz target for a bounded time, from the committed corpus; fails if one of them finds something.
#
#   crates/protocol/fuzz/run.sh [SECONDS] [TARGET…]     20 seconds and all targets unless said otherwise
#
# Needs `cargo install cargo-fuzz --locked` and a C++ compiler. Coverage instrumentation is a nightly option of rustc, so the stable compiler
# is told to accept it (RUSTC_BOOTSTRAP). The sanitizer is off: the crate forbids unsafe code; SANITIZER=address turns it on.
# New inputs, and what crashes, go to the cache directory; nothing is written into the checkout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=${1:-20}
shift || true
cache="${XDG_CACHE_HOME:-$HOME/.cache}/latchkey/fuzz"
target_dir="${FUZZ_TARGET_DIR:-$cache/target}"
export PATH="${XDG_CACHE_HOME:-$HOME/.cache}/latchkey/tools/bin:$HOME/.cargo/bin:$PATH"
export RUSTC_BOOTSTRAP=1 CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
unset CARGO_TARGET_DIR # instrumented objects do not mix with others

if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "cargo-fuzz is missing: cargo install cargo-fuzz --locked" >&2
  exit 1
fi
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo fuzz list --fuzz-dir .)

options=(--fuzz-dir . --target-dir "$target_dir" --sanitizer "${SANITIZER:-none}")
cargo fuzz build "${options[@]}"

passed=0 failed=0
for target in "${targets[@]}"; do
  mkdir -p "$cache/corpus/$target" "$cache/artifacts/$target"
  log="$cache/$target.log"
  case $target in
    prekey | session | conversation | pickle) length=(-max_len=512 -len_control=0) ;; # programs of edits or steps
    *) length=(-max_len=16384) ;;                                                   # bytes; the longest envelope of the corpus has 13 KB
  esac
  if cargo fuzz run "${options[@]}" "$target" "$cache/corpus/$target" "corpus/$target" -- \
    -max_total_time="$seconds" "${length[@]}" -timeout=60 -rss_limit_mb=2048 \
    -artifact_prefix="$cache/artifacts/$target/" -print_final_stats=1 >"$log" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %-13s %s executions\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    failed=$((failed + 1))
    printf 'FAILED  %-13s\n' "$target"
    grep -E 'panicked|SUMMARY|ERROR|Test unit written|^error' -A 2 "$log" | head -n 20 || true
  fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
