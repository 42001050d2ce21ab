#!/usr/bin/env bash
# Runs Verifpal on every model and compares each verdict with expected.txt. Any other result is a failure: an attack where there should be
# none, and a hold where a control has to fail.
#
#   docs/model/check.sh [MODEL…]     all models unless some are named, without their .vp
#
# Needs Verifpal 1.6.7: cargo install verifpal --version 1.6.7 --locked --ignore-rust-version
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export PATH="${XDG_CACHE_HOME:-$HOME/.cache}/latchkey/tools/bin:$HOME/.cargo/bin:$PATH"
export LC_ALL=C

if ! command -v verifpal >/dev/null; then
  echo "verifpal is missing: cargo install verifpal --version 1.6.7 --locked --ignore-rust-version" >&2
  exit 1
fi

# check MODEL: compares one model, prints one line, and says "passed" or "failed" by its status.
check() {
  local model=$1 started=$SECONDS sessions expected queries verdicts code result
  sessions=$(awk -v model="$model" '/^[^# ]/ && $1 == model { print $2 }' expected.txt)
  expected=$(awk -v model="$model" '/^[^# ]/ { mine = $1 == model; next } mine && /^  (holds|fails) / { sub(/^ +/, ""); print }' expected.txt)
  if [ -z "$sessions" ] || [ ! -f "$model.vp" ]; then
    echo "FAILED  $model: it needs a file and an entry in expected.txt"
    return 1
  fi
  if ! code=$(verifpal verify "$model.vp" --sessions "$sessions" --quiet --result-code 2>&1); then
    printf 'FAILED  %s: Verifpal does not read it\n%s\n' "$model" "$code"
    return 1
  fi
  # The code has a letter and a digit for each query, in the model's order: c0a1 is "a confidentiality holds, an authentication fails".
  queries=$(sed -n '/^queries\[/,/^\]/ { s/^[[:space:]]*\(.*?.*\)$/\1/p }' "$model.vp")
  verdicts=$(grep -Eo '[a-z][01]' <<<"$(tail -n 1 <<<"$code")" | sed 's/.0/holds/; s/.1/fails/')
  result=$(paste -d ' ' - <(printf '%s\n' "$queries") <<<"$verdicts")
  if [ "$result" = "$expected" ]; then
    printf 'ok      %-28s %3d s\n' "$model" $((SECONDS - started))
  else
    printf 'FAILED  %s: expected and found differ\n' "$model"
    diff <(printf '%s\n' "$expected") <(printf '%s\n' "$result") | sed -n 's/^\([<>]\)/  \1/p' || true
    return 1
  fi
}

if [ "${1:-}" = --one ]; then
  check "$2"
  exit
fi

# Every file counts and every entry counts, so that neither is forgotten.
models=("$@")
[ ${#models[@]} -gt 0 ] || mapfile -t models < <({ awk '/^[^# ]/ { print $1 }' expected.txt; ls ./*.vp | sed 's|^\./||; s|\.vp$||'; } | awk '!seen[$0]++')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
printf '%s\n' "${models[@]}" | xargs -P "$(nproc)" -I{} "./$(basename "${BASH_SOURCE[0]}")" --one {} | tee "$log" || true
passed=$(grep -c '^ok ' "$log" || true)
failed=$((${#models[@]} - passed))
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
