//! The schema's steps, embedded from `migrations/`. Append-only: a step that was released is never edited.

mod sqlite {
    refinery::embed_migrations!("../migrations/sqlite");
}

/// Brings an SQLite database up to date.
///
/// # Errors
/// When a step fails, or when the database was made by a newer relay.
pub fn run_sqlite(connection: &mut rusqlite::Connection) -> Result<(), refinery::Error> {
    let report = sqlite::migrations::runner().run(connection)?;
    for step in report.applied_migrations() {
        tracing::info!(step = %step, "schema updated");
    }
    Ok(())
}
