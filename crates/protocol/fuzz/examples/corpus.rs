//! Writes the committed corpus anew: `cargo run --release --example corpus`. Run it after a change of a wire format or of a target's input.

use std::fs;
use std::path::Path;

use latchkey_protocol_fuzz::{conversation, envelope, identity, pickle, session, succession, world};

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let save = |target: &str, name: &str, bytes: &[u8]| -> std::io::Result<()> {
        let folder = root.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };

    for (name, text) in [
        ("user", "alice"),
        ("longest-user", "a23456789012345678901234567890.2"),
        ("dots", "a..b@relay"),
        ("relay", "relay.example:5000"),
        ("address", "alice@relay.example:5000"),
        ("bracketed", "a_b.c-d@[::1]:5000"),
        ("two-ats", "alice@bob@relay"),
        ("upper", "Alice@relay"),
    ] {
        save("address", name, text.as_bytes())?;
    }

    for (name, content) in world::contents() {
        let bytes = content.encode();
        save("content", name, &bytes)?;
        save("content", &format!("{name}-cut"), &bytes[..bytes.len() - 1])?;
    }
    let head = [0xb8, 4];
    let longer_head = [&head[..], &world::contents()[0].1.encode()[1..]].concat();
    save("content", "longer-head", &longer_head)?;

    for length in [0, 1, 255, 256, 700] {
        let mut padded = vec![0x41; length];
        latchkey_protocol::padding::pad(&mut padded);
        save("padding", &format!("{length}"), &padded)?;
    }
    save("padding", "no-mark", &[0; 256])?;

    let pair = latchkey_protocol::identity::IdentityKeyPair::generate(&mut world::rng(1));
    save("identity", "key-one-bit", &[0, 0, 0, 0, 3])?;
    save("identity", "signature-one-bit", &[1, 0, 0, 9, 3])?;
    save("identity", "other-purpose", &[0x11, 7, 0, 0, 0, 0, 0, 1])?;
    save("identity", "unaltered", &[0])?;
    save(
        "identity",
        "key-as-it-stands",
        &[&[2], &pair.public().to_bytes()[..]].concat(),
    )?;
    save(
        "identity",
        "signature-as-it-stands",
        &[&[3], identity::signature()].concat(),
    )?;

    for (name, edit) in [
        ("unaltered", &[0][..]),
        ("statement-one-bit", &[0, 0, 0, 40, 3]),
        ("key-one-bit", &[1, 0, 0, 9, 3]),
        ("signature-one-bit", &[2, 0, 0, 80, 3]),
        ("statement-cut", &[0, 3, 0, 90]),
    ] {
        save("succession", name, edit)?;
    }
    save(
        "succession",
        "statement-as-it-stands",
        &[&[3], &succession::statement()[..]].concat(),
    )?;

    for (name, edit) in [
        ("as-it-is", &[][..]),
        ("edited", &[0, 0, 0, 1, 3]),
        ("spliced", &[1, 0, 9, 0, 40, 2]),
    ] {
        save("play_receipt", name, edit)?;
    }

    for kind in 0..3_u8 {
        for field in 0..5_u8 {
            let name = format!("{}-{field}", ["signed", "batch", "one-time"][usize::from(kind)]);
            save("prekey", &name, &[field * 4 + kind, 0, 0, field * 16, 3])?;
            save(
                "prekey",
                &format!("{name}-edge"),
                &[field * 4 + kind, 8, 0, field * 2, 7, 3, 0, 90],
            )?;
        }
    }
    save("prekey", "unaltered", &[0])?;

    let first = envelope::genuine();
    save("envelope", "first-genuine", &[&[0], &first[..]].concat())?;
    let mut altered = first.clone();
    altered[60] ^= 1;
    save(
        "envelope",
        "first-altered",
        &[&[1], &altered[..altered.len() - 150]].concat(),
    )?;
    let mut kinds = first;
    kinds.truncate(400);
    for kind in [2, 3] {
        kinds[1] = kind;
        save(
            "envelope",
            ["plain", "boxed"][usize::from(kind - 2)],
            &[&[0], &kinds[..]].concat(),
        )?;
    }

    for choice in 0..session::choices() {
        let choice = choice as u8;
        save("session", &format!("{choice:02}-body-bit"), &[choice, 0, 0, 31, 2])?;
        save(
            "session",
            &format!("{choice:02}-head"),
            &[choice, 0, 0, 8, 2, 1, 0, 50, 9],
        )?;
        save(
            "session",
            &format!("{choice:02}-splice"),
            &[choice, 7, choice / 2, 0, 72, 0, 200],
        )?;
    }

    for (name, steps) in conversation::examples() {
        save("conversation", name, &steps)?;
    }

    for (state, records) in pickle::choices()
        .into_iter()
        .enumerate()
        .filter(|(state, _)| state % 4 == 0)
    {
        for record in 0..records.min(12) {
            let (state, record) = (state as u8, record as u8);
            save(
                "pickle",
                &format!("{state:02}-{record:02}-bit"),
                &[state, record, 2, 0, 0, 20, 1],
            )?;
            save(
                "pickle",
                &format!("{state:02}-{record:02}-edge"),
                &[state, record, 2, 8, 0, 40, 7],
            )?;
        }
    }
    Ok(())
}
