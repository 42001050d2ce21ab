//! Replays the committed corpus through every target, without libFuzzer.

use std::fs;
use std::path::Path;

use latchkey_client_fuzz::TARGETS;

#[test]
fn every_target_holds_on_its_corpus() {
    for (name, run) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{} is empty", folder.display());
        for file in files {
            println!("{}", file.display());
            run(&fs::read(file).unwrap());
        }
    }
}
