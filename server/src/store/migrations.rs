//! The schema's steps, embedded from `migrations/`. Append-only: a step that was released is never edited.

mod sqlite {
    refinery::embed_migrations!("../migrations/sqlite");
}

/// Brings an SQLite database up to date. Of a new one there is nothing to tell: what an operator sees first is where the relay listens.
///
/// # Errors
/// When a step fails, or when the database was made by a newer relay.
pub fn run_sqlite(connection: &mut rusqlite::Connection) -> Result<(), refinery::Error> {
    let runner = sqlite::migrations::runner();
    let new = connection
        .query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
        .unwrap_or(false);
    for step in runner.run(connection)?.applied_migrations() {
        if new {
            tracing::debug!(step = %step, "schema made");
        } else {
            tracing::info!(step = %step, "schema updated");
        }
    }
    Ok(())
}
