//! The configuration, with what was typed.

use std::collections::BTreeMap;

use clap::ArgMatches;
use server::{
    Config,
    config::{ConfigError, SETTINGS},
};

/// The configuration that the command line, the environment and the file add up to.
pub(crate) fn configuration(matches: &ArgMatches) -> Result<Config, ConfigError> {
    Config::load(&flags(matches), |name| std::env::var(name).ok())
}

/// The settings of the command line.
fn flags(matches: &ArgMatches) -> BTreeMap<&'static str, String> {
    let names = SETTINGS.iter().map(|setting| setting.name).chain(["config"]);
    names
        .filter_map(|name| Some((name, matches.get_one::<String>(name)?.clone())))
        .collect()
}
