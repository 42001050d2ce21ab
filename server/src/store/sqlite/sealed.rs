//! Content that leaves no trace when it is deleted; `migrations/sqlite/V1__relay.sql` says how.

use rusqlite::{Connection, params};

use super::{PAGE_BYTES, rows::damaged};
use crate::store::Result;

/// Puts content behind a pad; the id under which it is found.
pub(super) fn put(c: &Connection, content: &[u8]) -> Result<i64> {
    // At least as long as any part of a row that SQLite keeps inside the tree, which is less than a page.
    c.prepare_cached("INSERT INTO sealed (checksum, pad, content) VALUES (row_checksum(?2), zeroblob(?1), ?2)")?
        .execute(params![PAGE_BYTES, content])?;
    Ok(c.last_insert_rowid())
}

/// The content.
pub(super) fn get(c: &Connection, id: i64) -> Result<Vec<u8>> {
    Ok(c.prepare_cached("SELECT content FROM sealed WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?)
}

/// Deletes the content.
pub(super) fn remove(c: &Connection, id: i64) -> Result<()> {
    match c.prepare_cached("DELETE FROM sealed WHERE id = ?1")?.execute([id])? {
        1 => Ok(()),
        _ => Err(damaged("content is missing")),
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng as _, SeedableRng as _};

    use super::*;
    use crate::store::{
        migrations,
        sqlite::{checksums, prepare_writer},
    };

    /// Contents that are still in the files, in whole pieces of 32 bytes, after many insertions and deletions in random order.
    fn traces(seed: u64, insert: fn(&Connection, &[u8]) -> i64) -> usize {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let mut c = Connection::open(&path).unwrap();
        prepare_writer(&c, None).unwrap();
        migrations::run_sqlite(&mut c).unwrap();
        checksums::function(&c).unwrap();
        c.execute_batch("PRAGMA synchronous = OFF").unwrap();
        assert_eq!(
            c.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0)),
            Ok(PAGE_BYTES)
        );
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (mut live, mut gone) = (Vec::new(), Vec::new());
        for _ in 0..4000 {
            if live.is_empty() || rng.next_u32() % 100 < 52 {
                let sizes = [32, 70, 200, 300, 700, 900, 1500, 5000];
                let mut content = vec![0; sizes[rng.next_u32() as usize % sizes.len()]];
                rng.fill_bytes(&mut content);
                live.push((insert(&c, &content), content));
            } else {
                let (id, content) = live.swap_remove(rng.next_u32() as usize % live.len());
                assert_eq!(get(&c, id).unwrap(), content);
                remove(&c, id).unwrap();
                gone.push(content);
            }
        }
        c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        assert_eq!(dir.path().join("db-wal").metadata().unwrap().len(), 0);
        let file = std::fs::read(&path).unwrap();
        let there: std::collections::HashSet<&[u8]> = file.windows(32).collect();
        assert!(
            live.iter()
                .all(|(_, content)| content.len() < 5000 || there.contains(&content[..32])),
            "the search finds"
        );
        gone.iter()
            .filter(|content| content.chunks_exact(32).any(|piece| there.contains(piece)))
            .count()
    }

    #[test]
    fn what_is_removed_leaves_no_trace() {
        for seed in 0..3 {
            assert_eq!(traces(seed, |c, content| put(c, content).unwrap()), 0, "seed {seed}");
        }
    }

    /// The reason for the pad. Should this fail with a newer SQLite, rows are moved without traces there, and the pad may go.
    #[test]
    fn without_the_pad_it_would() {
        let bare = |c: &Connection, content: &[u8]| {
            c.execute(
                "INSERT INTO sealed (checksum, pad, content) VALUES (0, x'', ?1)",
                [content],
            )
            .unwrap();
            c.last_insert_rowid()
        };
        assert!((0..6).map(|seed| traces(seed, bare)).sum::<usize>() > 0);
    }
}
