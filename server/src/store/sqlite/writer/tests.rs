use super::{
    growth::{FOLD_BYTES, LONG_BYTES},
    *,
};

fn start(connection: Connection, log: PathBuf) -> Writer {
    let aftermath = Aftermath {
        wakes: Arc::default(),
        known: Arc::default(),
        count: |_, _| Ok(()),
        refusing: false,
        reserve: None,
        short: false,
    };
    Writer::start(connection, log, Envelopes::default(), aftermath).unwrap()
}

fn writer(connection: Connection) -> Writer {
    start(connection, PathBuf::from("/nonexistent"))
}

fn memory() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE t (v INTEGER UNIQUE)").unwrap();
    connection
}

async fn count(writer: &Writer) -> i64 {
    writer
        .run(|c, _| Ok(c.query_row("SELECT count(*) FROM t", [], |r| r.get(0))?))
        .await
        .unwrap()
}

#[tokio::test]
async fn one_bad_job_does_not_spoil_the_batch() {
    let writer = writer(memory());
    // The first job keeps the thread busy until all others are queued, so they share a commit.
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let mut held_before = false;
    let hold = writer.run(move |_, _| {
        if !std::mem::replace(&mut held_before, true) {
            gate.recv().unwrap();
        }
        Ok(())
    });
    let insert = |value: i64| writer.run(move |c, _| Ok(c.execute("INSERT INTO t VALUES (?1)", [value])?));
    let panic = writer.run(|c, _| -> Result<()> {
        c.execute("INSERT INTO t VALUES (77)", [])?;
        panic!("on purpose")
    });
    let release = async { go.send(()).unwrap() };
    let (held, a, twice, b, panicked, ()) = tokio::join!(biased; hold, insert(1), insert(1), insert(2), panic, release);
    held.unwrap();
    assert_eq!((a.unwrap(), b.unwrap()), (1, 1));
    assert!(matches!(twice, Err(StoreError::Fault(_))));
    assert!(matches!(panicked, Err(StoreError::Fault(_))));
    assert_eq!(count(&writer).await, 2);
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_writer_goes_on() {
    let connection = memory();
    connection
        .execute_batch("CREATE TABLE big (v BLOB); PRAGMA max_page_count = 20")
        .unwrap();
    let writer = writer(connection);
    let big = writer
        .run(|c, _| Ok(c.execute("INSERT INTO big VALUES (zeroblob(1000000))", [])?))
        .await;
    assert!(matches!(big, Err(StoreError::Full(_))), "{big:?}");
    writer
        .run(|c, _| Ok(c.execute("INSERT INTO t VALUES (5)", [])?))
        .await
        .unwrap();
    assert_eq!(count(&writer).await, 1);
}

#[tokio::test]
async fn a_full_queue_is_busy_not_a_wait() {
    let writer = writer(memory());
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let hold = writer.run(move |_, _| {
        gate.recv().unwrap();
        Ok(())
    });
    let flood = async {
        let jobs = (0..QUEUE + MAX_BATCH + 1).map(|_| writer.run(|_, _| Ok(())));
        let waiting = futures_util::future::join_all(jobs);
        let release = async { go.send(()).unwrap() };
        tokio::join!(biased; waiting, release).0
    };
    let (held, answers) = tokio::join!(biased; hold, flood);
    held.unwrap();
    assert!(answers.iter().any(|a| matches!(a, Err(StoreError::Busy))));
    assert!(answers.iter().all(|a| matches!(a, Ok(()) | Err(StoreError::Busy))));
}

#[tokio::test]
async fn damage_ends_all_writing_from_its_own_batch_on() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("t");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE t (v INTEGER UNIQUE)").unwrap();
    let writer = writer(connection);
    let insert = |value: i64| writer.run(move |c, _| Ok(c.execute("INSERT INTO t VALUES (?1)", [value])?));
    insert(1).await.unwrap();

    // All of one commit: before, at and behind the damage. The one that they wait for has begun.
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let (enter, inside) = std::sync::mpsc::channel::<()>();
    let mut hold = Box::pin(writer.run(move |_, _| {
        enter.send(()).unwrap();
        gate.recv().unwrap();
        Ok(())
    }));
    assert!(futures_util::poll!(hold.as_mut()).is_pending());
    inside.recv().unwrap();
    let damage = writer.run(|_, _| Err::<(), _>(StoreError::Damaged("on purpose".into())));
    let release = async { go.send(()).unwrap() };
    let (held, before, damaged, behind, ()) = tokio::join!(biased; hold, insert(2), damage, insert(3), release);
    held.unwrap();
    for answer in [before.map(drop), damaged, behind.map(drop), insert(4).await.map(drop)] {
        assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");
    }
    assert!(writer.activity().damaged.load(Ordering::Relaxed));
    drop(writer);
    let stored: Vec<i64> = Connection::open(&path)
        .unwrap()
        .prepare("SELECT v FROM t")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert_eq!(stored, [1]);
}

/// A database on the disk, with a log that is only folded in by its writer; and where that log is.
fn logging(place: &tempfile::TempDir) -> (Writer, PathBuf) {
    let path = place.path().join("t");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE t (v INTEGER UNIQUE, content BLOB)",
        )
        .unwrap();
    let log = place.path().join("t-wal");
    (start(connection, log.clone()), log)
}

fn length(log: &std::path::Path) -> u64 {
    log.metadata().map_or(0, |meta| meta.len())
}

#[tokio::test]
async fn the_log_is_folded_in_by_small_pieces_and_begins_anew_when_it_is_long() {
    const COMMIT: u64 = 100 << 10;
    let place = tempfile::tempdir().unwrap();
    let (writer, log) = logging(&place);
    let mut longest = 0;
    for value in 0..600 {
        writer
            .run(move |c, _| Ok(c.execute("INSERT INTO t VALUES (?1, zeroblob(?2))", [value, 64 << 10])?))
            .await
            .unwrap();
        let now = length(&log);
        assert!(now >= longest, "it was truncated");
        assert!(
            now <= LONG_BYTES + FOLD_BYTES + COMMIT,
            "the log has {now} bytes after {value} commits"
        );
        longest = now;
    }
    assert_eq!(count(&writer).await, 600);
    // At least those of the writer; how often the other thread was asked while it was at work depends on the machine.
    let folds = writer.activity().checkpoints.read().count;
    assert!(
        folds >= 600 * (64 << 10) / (LONG_BYTES + FOLD_BYTES + COMMIT),
        "{folds} folds"
    );
}

/// What was deleted lies on in a log that is only folded in: that must not be taken for erasing it.
#[tokio::test]
async fn a_fold_does_not_pass_for_an_erasure() {
    let place = tempfile::tempdir().unwrap();
    let (writer, log) = logging(&place);
    writer
        .run(|c, effects| {
            effects.erases = true;
            Ok(c.execute(
                "INSERT INTO t VALUES (1, zeroblob(?1))",
                [2 * i64::try_from(FOLD_BYTES).unwrap()],
            )?)
        })
        .await
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while length(&log) > 0 || writer.activity().checkpoints.read().count < 2 {
        assert!(Instant::now() < deadline, "the log still has {} bytes", length(&log));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn deletions_that_follow_each_other_are_erased_together() {
    let place = tempfile::tempdir().unwrap();
    let (writer, log) = logging(&place);
    let begun = Instant::now();
    for value in 0..100 {
        let delete = move |c: &Connection, effects: &mut Effects| {
            effects.erases = true;
            Ok(c.execute("INSERT INTO t VALUES (?1, x'00')", [value])?)
        };
        writer.run(delete).await.unwrap();
        // Time for the writer to find nothing to do, but not for long.
        tokio::time::sleep(IDLE_BEFORE_ERASING / 20).await;
    }
    let checkpoints = writer.activity().checkpoints.read().count;
    // On a machine that stands still between two jobs there is one for each time that it did.
    let most = 1 + begun.elapsed().as_millis() / IDLE_BEFORE_ERASING.as_millis();
    assert!(u128::from(checkpoints) <= most, "{checkpoints} of {most}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while length(&log) > 0 {
        assert!(Instant::now() < deadline, "never erased");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
