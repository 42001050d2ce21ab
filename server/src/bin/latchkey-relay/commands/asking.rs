//! What commands that change something ask for: the operator's word, and then the relay's doing.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::bail;
use server::{
    StartError,
    clock::{Clock as _, SystemClock},
    operator::errands::{self, Errand, ErrandError},
};

use crate::output::print;

/// How long a relay that runs may take: it looks every second, and removes ten thousand envelopes in a few.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one that is just starting may take until commands can ask for anything.
const STARTING: Duration = Duration::from_secs(5);
/// How often a command looks meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Asks for the name that a command is about, after what it means.
pub fn confirm(meaning: &str, name: &str, otherwise: &str) -> anyhow::Result<()> {
    print(&format!("{meaning}\nType the name to go on: "));
    let mut typed = String::new();
    io::stdin().read_line(&mut typed)?;
    if typed.trim() != name {
        bail!("{otherwise}. (Give --yes to skip the question.)");
    }
    Ok(())
}

/// Has an errand done, by the relay that runs or, where none does, here; says by whom.
pub fn done(data_dir: &Path, errand: &Errand) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut request = None;
    let begun = Instant::now();
    loop {
        // Also while the relay that runs is waited for: it may end before it comes to it.
        match runtime.block_on(errands::perform_here(data_dir, errand, SystemClock.now())) {
            Ok(()) => return Ok(format!(". No relay is running on {}.", data_dir.display())),
            Err(ErrandError::Start(StartError::InUse(_))) => {}
            Err(error) => return Err(error.into()),
        }
        match &request {
            None => match errands::ask(data_dir, errand) {
                Ok(path) => request = Some(path),
                // The relay makes the directory when it starts.
                Err(ErrandError::File(_, error))
                    if error.kind() == io::ErrorKind::NotFound && begun.elapsed() < STARTING =>
                {
                    std::thread::sleep(LOOK);
                }
                Err(error) => return Err(error.into()),
            },
            Some(path) if !path.exists() => {
                return Ok(format!(", by the relay that runs on {}.", data_dir.display()));
            }
            Some(path) if begun.elapsed() > PATIENCE => bail!(
                "the relay that runs on {} has not done it yet; see its log. It goes on trying, also after a restart, until {} is deleted",
                data_dir.display(),
                path.display()
            ),
            Some(_) => std::thread::sleep(LOOK),
        }
    }
}
