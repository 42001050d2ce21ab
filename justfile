# Short names for what is typed often. Everything here is plain cargo; `just` is a convenience, not a requirement.

# List the recipes
default:
    @just --list

# Start a relay on 127.0.0.1:5000
relay *ARGS:
    cargo run -p server -- {{ARGS}}

# The client, interactive without arguments
chat *ARGS:
    cargo run -q -p cli -- {{ARGS}}

# Everything that proves the project
test:
    cargo xtask test

# Two people talk through a relay, told as a story
demo *ARGS:
    cargo xtask demo {{ARGS}}

# Write openapi.yaml and the SDK anew
generate:
    cargo xtask generate

# What continuous integration runs
ci:
    .ci/run

# Formatting and lints, as strict as in continuous integration
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Tables of ratios measured in one run
bench *ARGS:
    cargo run --release --bin bench -- {{ARGS}}
