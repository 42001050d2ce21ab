#!/usr/bin/env bash
# Compares the vectors with a second implementation: @noble/post-quantum and its siblings, at the versions and with the checksums of
# package-lock.json. Ends with 77 where there is no node, or where the packages are out of reach: nothing was compared then.
#
#   crates/protocol/tests/second/run.sh [--write]     --write makes ../vectors/lattice.json anew
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
skipped=77
least="20.19"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "node and npm are not there: nothing was compared"
  exit $skipped
fi
version=$(node --version | tr -d v)
if [ "$(printf '%s\n' "$least" "$version" | sort -V | head -n 1)" != "$least" ]; then
  echo "node $version is older than $least, which the packages need: nothing was compared"
  exit $skipped
fi
# Outside of the checkout; a script finds its packages beside itself.
place="${XDG_CACHE_HOME:-$HOME/.cache}/latchkey/second"
mkdir -p "$place"
cp package.json package-lock.json ./*.mjs "$place"
if ! cmp -s package-lock.json "$place/installed"; then
  if ! timeout 120 npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel error 2>"$place/npm.log"; then
    cat "$place/npm.log"
    grep -q EINTEGRITY "$place/npm.log" && exit 1
    echo "the packages are out of reach: nothing was compared"
    exit $skipped
  fi
  cp package-lock.json "$place/installed"
fi
vectors=$(realpath ../vectors)
if [ "${1:-}" = --write ]; then
  node --input-type=module -e "import { text } from '$place/lattice.mjs'; process.stdout.write(text)" >"$vectors/lattice.json"
fi
node "$place/agree.mjs" "$vectors"
