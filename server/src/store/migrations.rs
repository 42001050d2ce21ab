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
    // A database that was just made is no news, and an upgrade is one line, however many steps it took.
    let steps = report.applied_migrations();
    if let (Some(first), Some(last)) = (steps.first(), steps.last())
        && first.version() > 1
    {
        tracing::info!(from = %first, to = %last, "the database's schema was brought up to date");
    }
    Ok(())
}
