//! The write-ahead log of the relay's database, as a start judges it before SQLite is let near it.

#[path = "../../../../server/src/store/sqlite/log.rs"]
#[allow(dead_code, reason = "a start also opens the file")]
mod relay;

use relay::Log;

/// Bytes of a page: SQLite's smallest.
const PAGE: usize = 512;
const HEADER: usize = 32;
const FRAME: usize = 24 + PAGE;

/// The input is a log; or, when it begins with a zero, the number of commits of a sound one, and then what is altered there: where (two bytes), and by what.
pub fn run(data: &[u8]) {
    let [0, commits, script @ ..] = data else {
        let frames = data.len().saturating_sub(HEADER) / FRAME;
        let verdict = judge(data);
        assert!(
            !matches!(verdict, Log::Damaged { frame } if frame > frames),
            "{verdict:?}"
        );
        return;
    };
    let commits = usize::from(commits % 12);
    let sound = sound(commits);
    let mut log = sound.clone();
    for change in script.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % log.len();
        log[at] ^= change[2];
    }
    let verdict = judge(&log);
    match log.iter().zip(&sound).position(|(now, before)| now != before) {
        None if commits == 0 => assert_eq!(verdict, Log::Empty),
        None => assert_eq!(verdict, Log::Readable),
        // Every frame ends a commit. A frame with two behind it was finished once, as long as one of the two is whole.
        Some(first) if first >= HEADER && script.len() < 6 => {
            let frame = (first - HEADER) / FRAME + 1;
            if frame + 2 < commits {
                assert_eq!(verdict, Log::Damaged { frame });
            }
        }
        Some(_) => assert!(!matches!(verdict, Log::Damaged { frame } if frame > commits)),
    }
}

fn judge(log: &[u8]) -> Log {
    relay::judge(log).expect("bytes in memory can be read")
}

/// A log of frames that each end a commit, by the format's page: <https://www.sqlite.org/fileformat2.html#walformat>.
fn sound(commits: usize) -> Vec<u8> {
    let mut sum = (0_u32, 0_u32);
    let mut add = |bytes: &[u8]| {
        for pair in bytes.chunks_exact(8) {
            let half = |at: usize| u32::from_be_bytes(pair[at..at + 4].try_into().expect("four bytes"));
            sum.0 = sum.0.wrapping_add(half(0)).wrapping_add(sum.1);
            sum.1 = sum.1.wrapping_add(half(4)).wrapping_add(sum.0);
        }
        [sum.0.to_be_bytes(), sum.1.to_be_bytes()].concat()
    };
    let words = |words: [u32; 6]| words.map(u32::to_be_bytes).concat();
    let mut log = words([0x377f_0683, 3_007_000, PAGE as u32, 0, 0x0102_0304, 0x0506_0708]);
    let checked = add(&log);
    log.extend(checked);
    for commit in 0..commits as u32 {
        let mut frame = [commit + 1, commit + 1, 0x0102_0304, 0x0506_0708]
            .map(u32::to_be_bytes)
            .concat();
        let page = [commit as u8; PAGE];
        add(&frame[..8]);
        let checked = add(&page);
        frame.extend(checked);
        frame.extend(page);
        log.extend(frame);
    }
    log
}
