//! The steps by which a database comes to the present format.

use rusqlite::Connection;

use super::error::VaultError;

mod steps {
    refinery::embed_migrations!("migrations");
}

/// Takes the steps that are missing.
pub(super) fn to_present(db: &mut Connection) -> Result<(), VaultError> {
    steps::migrations::runner()
        .run(db)
        .map_err(|error| failed_step(&error))?;
    Ok(())
}

/// A disk that fails in the middle of a step is that, and no fault of the step.
fn failed_step(error: &refinery::Error) -> VaultError {
    if let refinery::error::Kind::Connection(_, source) = error.kind()
        && let Some(rusqlite::Error::SqliteFailure(code, said)) = source.downcast_ref()
    {
        return rusqlite::Error::SqliteFailure(*code, said.clone()).into();
    }
    VaultError::Migration(error.to_string())
}
