//! Who may depend on whom, asked of cargo.
//!
//! The relay's promise that it cannot read mail rests on what it links. A dependency added in a hurry would break it without any other test
//! noticing.

use anyhow::{Result, bail};

use crate::run;

/// What a package must not reach by normal dependencies.
struct Wall {
    package: &'static str,
    /// Names of packages, or `package/feature`.
    never: &'static [&'static str],
    because: &'static str,
}

/// What reads files, opens connections or draws randomness by itself.
const AMBIENT: &[&str] = &[
    "getrandom",
    "tokio",
    "reqwest",
    "poem",
    "rusqlite",
    "server",
    "latchkey-client",
    "latchkey-sdk",
];

const KIT: &str = "testkit";
const OF_TESTS: &str = "what tests share is no part of the product: name it in dev-dependencies";

const TOY: &str = "latchkey-playgate/insecure-toy-set";
const BROKEN: &str = "a laptop breaks the toy parameters, which are for tests";

const WALLS: &[Wall] = &[
    Wall {
        package: "server",
        never: &[
            "latchkey-protocol/session",
            "latchkey-playgate/client",
            "latchkey-client",
            "latchkey-sdk",
            "ml-kem",
            // aes-gcm is not here any more: an oblivious release carries the play share under a key that only a granted play opens, so the relay seals
            // with it. It seals shares that it holds anyway.
        ],
        because: "the relay cannot read mail because it does not link the code that could",
    },
    Wall {
        package: "latchkey-protocol",
        never: AMBIENT,
        because: "randomness, time and transport are arguments of the protocol",
    },
    Wall {
        package: "latchkey-playgate",
        // AMBIENT less getrandom: tfhe reaches it through rand_core 0.6, for seeders that this crate does not call. clippy.toml forbids the call.
        never: &[
            "tokio",
            "reqwest",
            "poem",
            "rusqlite",
            "server",
            "latchkey-client",
            "latchkey-sdk",
            "latchkey-protocol",
        ],
        because: "play limits know no users, mail or HTTP",
    },
    Wall {
        package: "latchkey-sdk",
        never: &[
            "latchkey-protocol",
            "latchkey-playgate",
            "latchkey-client",
            "server",
            "tfhe",
        ],
        because: "the SDK is usable alone",
    },
    Wall {
        package: "latchkey-client",
        never: &["server", "clap", "crossterm"],
        because: "the engine neither serves nor prompts",
    },
    Wall {
        package: "cli",
        never: &["server"],
        because: "nothing depends on the relay",
    },
    Wall {
        package: "cli",
        never: &[TOY],
        because: BROKEN,
    },
    Wall {
        package: "server",
        never: &[TOY],
        because: BROKEN,
    },
    // These two reach everything else: the relay, the SDK, the engine, the protocol and the gate.
    Wall {
        package: "cli",
        never: &[KIT],
        because: OF_TESTS,
    },
    Wall {
        package: "bench",
        never: &[KIT],
        because: OF_TESTS,
    },
];

/// Checks every wall.
///
/// # Errors
/// When one is broken, naming what reaches through it and why it must not; when cargo cannot tell.
pub fn check() -> Result<usize> {
    for wall in WALLS {
        let tree = run::output(&[
            "tree",
            "--quiet",
            "--locked",
            "--package",
            wall.package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}|{f}",
        ])?;
        let broken = reached(&tree, wall.never);
        if !broken.is_empty() {
            bail!(
                "{} must not depend on {}: {}",
                wall.package,
                broken.join(", "),
                wall.because
            );
        }
    }
    Ok(WALLS.len())
}

/// Which of `never` occur in the output of cargo tree, whose lines are `name version …|feature,feature`.
fn reached<'a>(tree: &str, never: &[&'a str]) -> Vec<&'a str> {
    let found = |wanted: &str| {
        let (package, feature) = wanted.split_once('/').map_or((wanted, None), |(p, f)| (p, Some(f)));
        tree.lines()
            .filter_map(|line| line.split_once('|'))
            .any(|(what, features)| {
                // A package met before is marked with (*) after its features.
                let mut features = features.trim_end_matches(" (*)").split(',');
                what.split(' ').next() == Some(package) && feature.is_none_or(|f| features.any(|has| has == f))
            })
    };
    never.iter().copied().filter(|wanted| found(wanted)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str =
        "server v0.1.0 (/x/server)|\nlatchkey-protocol v0.1.0 (/x)|default,session (*)\nserde v1.0.0|std\n";

    #[test]
    fn packages_and_features_are_found_by_whole_names() {
        assert_eq!(
            reached(TREE, &["latchkey-protocol/session", "serde/derive", "tokio"]),
            ["latchkey-protocol/session"]
        );
        assert_eq!(
            reached(TREE, &["serde", "ser", "latchkey-protocol/sess", "latchkey"]),
            ["serde"]
        );
    }
}
