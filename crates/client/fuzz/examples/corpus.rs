//! Writes the committed corpus anew: `cargo run --release --example corpus`. Run it after a change of a form or of a target's input.

use std::fs;
use std::path::Path;

use latchkey_client_fuzz::{play_limits, records};

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let save = |target: &str, name: &str, bytes: &[u8]| -> std::io::Result<()> {
        let folder = root.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };
    for (kind, genuine) in records::choices().into_iter().enumerate() {
        for record in 0..genuine {
            let (kind, record) = (kind as u8, record as u8);
            let name = |edit| format!("{kind:02}-{record}-{edit}");
            save("records", &name("as-it-is"), &[kind, record, 1])?;
            save("records", &name("head"), &[kind, record, 1, 1, 0, 0, 0xbf])?;
            save("records", &name("edge"), &[kind, record, 1, 8, 0, 4, 7])?;
            save("records", &name("cut"), &[kind, record, 1, 3, 0, 3])?;
        }
        save(
            "records",
            &format!("{kind:02}-endless"),
            &[kind as u8, 0, 0, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        )?;
    }
    for (name, log) in [
        ("empty", &[0, 0][..]),
        ("sound", &[0, 9]),
        ("header", &[0, 9, 0, 17, 1]),
        ("salt", &[0, 9, 1, 70, 0x80]),
        ("page", &[0, 9, 4, 200, 1]),
        ("last", &[0, 2, 2, 100, 1]),
        ("twice", &[0, 11, 1, 70, 1, 8, 9, 2]),
        ("bytes", &[0x37, 0x7f, 6, 0x82]),
    ] {
        save("relay_log", name, log)?;
    }
    for form in 0..play_limits::choices() {
        let form = form as u8;
        save("play_limits", &format!("{form:02}-as-it-is"), &[form, 1])?;
        save("play_limits", &format!("{form:02}-bit"), &[form, 1, 0, 0, 40, 3])?;
        save("play_limits", &format!("{form:02}-head"), &[form, 1, 0, 0, 2, 1])?;
        save("play_limits", &format!("{form:02}-cut"), &[form, 1, 3, 0, 9])?;
        save(
            "play_limits",
            &format!("{form:02}-splice"),
            &[form, 1, 7, 1, 0, 20, 0, 90],
        )?;
    }
    let id = "5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a";
    for (name, text) in [
        ("plain", format!("to=bob&id={id}")),
        ("other-order", format!("id={id}&to=bob")),
        ("escaped", format!("to=%62ob&id={id}")),
        ("plus", format!("to=b+b&id={id}")),
        ("twice", format!("to=bob&to=eve&id={id}")),
        ("third", format!("to=bob&id={id}&x=1")),
        ("name-part", "\0bob".to_owned()),
        ("name-part-hidden", "\0bob&to=eve".to_owned()),
        ("id-part", format!("\0{id}")),
        ("behind", "\0&".to_owned()),
    ] {
        save("query", name, text.as_bytes())?;
    }
    Ok(())
}
