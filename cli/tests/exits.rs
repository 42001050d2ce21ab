//! Exit codes, and what happens without a terminal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::process::Command;

use support::{Answer, PASSPHRASE, Stage, latchkey};

fn run(command: &mut Command) -> Answer {
    command.output().unwrap().into()
}

#[test]
fn help_documents_the_exit_codes_and_the_contract() {
    let help = run(latchkey().arg("--help"));
    assert_eq!(help.code, 0);
    for word in [
        "register",
        "send",
        "inbox",
        "play",
        "history",
        "contacts",
        "verify",
        "safety-number",
        "keys",
        "status",
        "clear-inbox",
        "revoke",
        "--home",
        "--relay",
        "--passphrase-file",
        "--json",
        "LATCHKEY_HOME",
        "LATCHKEY_RELAY",
        "LATCHKEY_PASSPHRASE",
        "Exit codes",
    ] {
        assert!(help.out.contains(word), "{word} is not in the help");
    }
    for code in ["0  ", "1  ", "2  ", "3  ", "4  ", "5  ", "6  ", "7  ", "8  ", "9  "] {
        assert!(
            help.out.lines().any(|line| line.trim_start().starts_with(code)),
            "exit code {code}"
        );
    }
    assert_eq!(run(latchkey().arg("--version")).code, 0);
}

#[test]
fn without_a_terminal_nothing_is_asked_and_what_is_missing_is_named() {
    let stage = Stage::new();
    let person = stage.person("nobody");
    // No command at all.
    let error = person.fails(2, &[]);
    assert!(error.contains("no command"), "{error}");
    // No passphrase.
    let without = |args: &[&str]| run(person.command(args).env_remove("LATCHKEY_PASSPHRASE"));
    let answer = without(&["register", "alice"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(
        answer.err.contains("passphrase") && answer.err.contains("LATCHKEY_PASSPHRASE"),
        "{answer:?}"
    );
    assert!(!person.home.exists());
    person.ok(&["register", "alice"]);
    let answer = without(&["contacts"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("--passphrase-file"), "{answer:?}");
    // No message, no name, no new passphrase.
    assert!(person.fails(2, &["send", "bob"]).contains("message"));
    assert!(person.fails(2, &["send"]).contains("TO"));
    assert!(person.fails(2, &["register"]).contains("NAME"));
    assert!(person.fails(2, &["passphrase"]).contains("--new-passphrase-file"));
}

#[test]
fn not_registered_is_3() {
    let stage = Stage::new();
    let nobody = stage.person("nobody");
    for args in [
        &["inbox"][..],
        &["send", "bob", "hi"],
        &["status"],
        &["contacts"],
        &["keys"],
        &["play", "1"],
        &["passphrase"],
    ] {
        let error = nobody.fails(3, args);
        assert!(error.contains("register"), "{error}");
    }
    assert!(!nobody.home.exists(), "looking makes no home");
}

#[test]
fn network_is_4() {
    let mut stage = Stage::new();
    let alice = stage.register("alice");
    stage.stop_relay();
    for args in [
        &["inbox"][..],
        &["send", "bob", "hi"],
        &["keys"],
        &["status"],
        &["clear-inbox", "--yes"],
    ] {
        let error = alice.fails(4, args);
        assert!(error.contains("cannot be reached"), "{error}");
    }
    stage.person("bob").fails(4, &["register", "bob"]);
    // What needs no relay works without one.
    alice.ok(&["contacts"]);
    alice.ok(&["history"]);
}

#[test]
fn refused_is_5() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    alice.fails(5, &["send", "nobody", "hi"]);
    stage.person("other").fails(5, &["register", "alice"]);
    // The home of a failed attempt takes another name.
    stage.person("other").ok(&["register", "other"]);
    alice.fails(1, &["register", "alice"]);
}

#[test]
fn a_changed_relay_is_6() {
    let (stage, stranger) = (Stage::new(), Stage::new());
    let mut alice = stage.register("alice");
    alice.url.clone_from(&stranger.url);
    for args in [&["inbox"][..], &["status"], &["send", "bob", "hi"]] {
        let error = alice.fails(6, args);
        assert!(error.contains("not the one this account belongs to"), "{error}");
    }
}

#[test]
fn a_wrong_passphrase_is_8() {
    let stage = Stage::new();
    let mut alice = stage.register("alice");
    alice.env.push(("LATCHKEY_PASSPHRASE".to_owned(), "wrong".to_owned()));
    let error = alice.fails(8, &["inbox"]);
    assert!(
        error.contains("wrong passphrase") && !error.contains("wrong passphrase wrong"),
        "{error}"
    );
}

#[test]
fn failures_are_objects_too_when_programs_read() {
    let stage = Stage::new();
    let answer = stage.person("nobody").run(&["--json", "inbox"]);
    assert_eq!(answer.code, 3);
    assert!(answer.out.is_empty());
    let object: serde_json::Value = serde_json::from_str(&answer.err).unwrap();
    assert_eq!(object["exit"], 3);
    assert!(object["error"].as_str().unwrap().contains("register"));
}

/// Every line, whatever it is about: usage, notes, warnings, failures.
#[test]
fn with_json_every_line_on_standard_error_is_an_object_of_one_shape() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let check = |answer: &Answer, key: &str| {
        assert!(!answer.err.is_empty(), "{answer:?}");
        let mut keys = Vec::new();
        for line in answer.err.lines() {
            let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no object: {line}"));
            let object = object.as_object().unwrap();
            let about: Vec<&String> = object
                .keys()
                .filter(|key| ["error", "warning", "note"].contains(&key.as_str()))
                .collect();
            assert_eq!(about.len(), 1, "{line}");
            assert!(object[about[0]].is_string(), "{line}");
            assert_eq!(object.contains_key("exit"), about[0] == "error", "{line}");
            for key in object.keys() {
                assert!(
                    ["error", "warning", "note", "exit", "advice"].contains(&key.as_str()),
                    "{line}"
                );
            }
            if let Some(exit) = object.get("exit") {
                assert_eq!(exit, answer.code, "{line}");
            }
            keys.push(about[0].clone());
        }
        assert!(keys.iter().any(|said| said == key), "{key}: {answer:?}");
        for line in answer.out.lines() {
            assert!(
                serde_json::from_str::<serde_json::Value>(line).unwrap().is_object(),
                "{line}"
            );
        }
    };
    for usage in [
        &["--json", "nonsense"][..],
        &["--json", "send"],
        &["--json", "send", "bob"],
        &["--json", "history", "--limit", "0"],
        &["send", "bob", "hi", "--plays", "300", "--json"],
        &["--json"],
    ] {
        let answer = alice.run(usage);
        assert_eq!(answer.code, 2, "{usage:?}: {answer:?}");
        check(&answer, "error");
    }
    check(&alice.run(&["--json", "send", "nobody", "hi"]), "error");
    alice.ok(&["--json", "send", "bob", "hello"]);
    check(&bob.run(&["--json", "inbox"]), "note");
    alice.ok(&["rotate-identity", "--yes"]);
    bob.ok(&["verify", "alice", "--yes"]);
    alice.ok(&["send", "bob", "again"]);
    let mut answer = bob.run(&["--json", "inbox"]);
    while answer.err.is_empty() {
        alice.ok(&["inbox"]);
        answer = bob.run(&["--json", "inbox"]);
    }
    check(&answer, "note");
    // What was done and could not be printed is no failure.
    #[cfg(target_os = "linux")]
    {
        let mut command = bob.command(&["--json", "clear-inbox", "--yes"]);
        command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
        check(&run(&mut command), "warning");
    }
    // With advice, and documented.
    let answer = bob.run(&["--json", "send", "alice", "secret"]);
    check(&answer, "error");
    assert!(answer.err.contains("\"advice\":["), "{answer:?}");
    let help = alice.ok(&["--help"]).out;
    for shape in ["\"error\"", "\"warning\"", "\"note\"", "\"advice\""] {
        assert!(help.contains(shape), "{shape}");
    }
}

#[test]
fn shells_and_man_are_served() {
    let stage = Stage::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(latchkey().args(["completions", shell])).out;
        assert!(
            script.contains("safety-number") && script.contains("latchkey"),
            "{shell}"
        );
    }
    assert!(run(latchkey().arg("man")).out.contains(".TH latchkey 1"));
    let pages = stage.dir.path().join("man");
    assert_eq!(run(latchkey().arg("man").arg(&pages)).code, 0);
    assert!(pages.join("latchkey-send.1").exists());
    assert!(run(latchkey().arg("--help")).out.contains("  help "));
    assert!(run(latchkey().arg("help")).out.contains("safety-number"));
}

/// A proxy is told the relay's name by a `CONNECT`, or gets the whole request.
#[test]
fn proxies_of_the_environment_are_honoured_but_not_for_this_machine() {
    use std::io::Read;
    let stage = Stage::new();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy_at = proxy.local_addr().unwrap();
    let address = format!("http://{proxy_at}");
    // For a relay on this machine there is none.
    let mut alice = stage.person("alice");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        alice.env.push((name.to_owned(), address.clone()));
    }
    alice.ok(&["register", "alice"]);
    proxy.set_nonblocking(true).unwrap();
    assert!(proxy.accept().is_err(), "nobody came");
    proxy.set_nonblocking(false).unwrap();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut buffer = [0; 64];
        let count = stream.read(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    });
    let mut bob = stage.person("bob");
    bob.env.push(("HTTPS_PROXY".to_owned(), address));
    bob.fails(4, &["--relay", "https://relay.invalid", "register", "bob"]);
    // If nobody came we do, with nothing to say, so that it does not wait for ever.
    drop(std::net::TcpStream::connect(proxy_at));
    let heard = heard.join().unwrap();
    assert!(heard.starts_with("CONNECT relay.invalid:443"), "{heard}");
    assert!(bob.ok(&["--help"]).out.contains("HTTPS_PROXY"));
}

#[test]
fn the_passphrase_is_nowhere_in_the_output() {
    let stage = Stage::new();
    let alice = stage.register("alice");
    for args in [&["--help"][..], &["status"], &["keys"], &["nonsense"]] {
        let Answer { out, err, .. } = alice.run(args);
        assert!(!out.contains(PASSPHRASE) && !err.contains(PASSPHRASE), "{args:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_crash() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    for n in 0..3 {
        alice.ok(&["send", "bob", &format!("{n} {}", "x".repeat(100_000))]);
    }
    let mut child = bob
        .command(&["inbox"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!error.contains("panicked"), "{error}");
    // Nobody saw them: they are still new.
    assert_eq!(bob.json(&["inbox"]).len(), 3);
}

#[test]
fn an_invitation_is_shown_by_link_or_code_and_never_repeated() {
    let mut stage = Stage::new();
    stage.ask_for_invitations();
    let link = stage.invite();
    let code = link.split_once("#invite=").unwrap().1.to_owned();
    let secret = &code[4..20];
    let mut alice = stage.person("alice");
    let missing = alice.fails(5, &["register", "alice"]);
    assert!(missing.contains("invitation"), "{missing}");
    for (wrong, exit) in [
        (&code[1..], 2),
        (&format!("https://other.example/#invite={code}"), 2),
        (&format!("{}/#invite={}", stage.url, "0".repeat(32)), 5),
    ] {
        let said = alice.fails(exit, &["register", "alice", "--invite", wrong]);
        assert!(!said.contains(secret), "{said}");
    }
    let other = format!("https://other.example/#invite={code}");
    let said = alice.fails(2, &["register", "alice", "--invite", &other]);
    assert!(said.contains("the invitation is for https://other.example"), "{said}");
    let misplaced = alice.fails(2, &["--relay", &link, "register", "alice"]);
    assert!(
        misplaced.contains("--invite") && !misplaced.contains(secret),
        "{misplaced}"
    );
    // The link says where: nothing else has to.
    alice.url = String::new();
    alice.ok(&["register", "alice", "--invite", &link]);
    let status = alice.json_one(&["status"]);
    assert_eq!(status["relay"]["url"], stage.url);
    assert_eq!(status["relay"]["registration"], "invite");
    assert_eq!(status["relay"]["accounts"], 0, "rough: few");
    assert!(alice.ok(&["status"]).out.contains("accounts      fewer than 64"));
    // The code alone, at a relay that is named.
    let code = stage.invite().split_once('=').unwrap().1.to_owned();
    stage.person("bob").ok(&["register", "bob", "--invite", &code]);
    let spent = stage
        .person("carol")
        .fails(5, &["register", "carol", "--invite", &link]);
    assert!(spent.contains("unknown, used up, expired or revoked"), "{spent}");
}

/// `>&-` and `>/dev/null`: what would be printed is seen by nobody.
#[cfg(unix)]
#[test]
fn where_nobody_reads_no_play_is_used_and_nothing_counts_as_seen() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "the code", "--plays", "2"]);
    alice.ok(&["send", "bob", "unseen"]);
    let into = |person: &support::Person, redirect: &str, args: &str| -> Answer {
        let line = format!("exec \"$0\" {args} {redirect}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line, env!("CARGO_BIN_EXE_latchkey")]);
        for (name, value) in person.command(&[]).get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        run(&mut shell)
    };
    for redirect in [">&-", ">/dev/null"] {
        assert_eq!(into(&bob, redirect, "inbox").code, 0);
        assert_eq!(into(&bob, redirect, "history").code, 0);
    }
    let new = bob.json(&["inbox"]);
    assert_eq!(new.len(), 2, "still new: {new:?}");
    let id = new
        .iter()
        .find_map(|message| message["limited"].as_object().and(message["id"].as_str()))
        .unwrap();
    for redirect in [">&-", ">/dev/null"] {
        let refused = into(&bob, redirect, &format!("play {id}"));
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains("no play was used"), "{refused:?}");
    }
    assert_eq!(bob.json_one(&["play", id])["play"], 1, "the first");
    assert!(bob.json(&["inbox"]).is_empty());
}

/// A proxy that was set and is passed over shows the network what its user hides.
#[test]
fn a_proxy_that_cannot_be_used_is_refused_and_nothing_goes_without_it() {
    let stage = Stage::new();
    let person = stage.person("proxied");
    for (variable, proxy, named) in [
        ("HTTPS_PROXY", "ftp://127.0.0.1:9", "ftp://127.0.0.1:9"),
        ("ALL_PROXY", "socks5://me:hush@127.0.0.1:9/", "socks5://127.0.0.1:9"),
        ("all_proxy", "socks5h://127.0.0.1:9", "SOCKS is not supported"),
    ] {
        let mut command = person.command(&["--relay", "https://relay.invalid", "register", "proxied"]);
        command.env(variable, proxy);
        let answer = run(&mut command);
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(
            answer.err.contains(variable) && answer.err.contains(named),
            "{answer:?}"
        );
        assert!(!answer.err.contains("hush"), "{answer:?}");
    }
}

/// A script that sends again what failed would send it twice.
#[cfg(target_os = "linux")]
#[test]
fn what_is_done_is_not_said_to_have_failed_because_it_could_not_be_printed() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    let new = alice.home.join("new-passphrase");
    std::fs::write(&new, "another good passphrase of alice").unwrap();
    let limited = alice.json_one(&["send", "bob", "limited", "--plays", "2"])["id"].clone();
    let limited = limited.as_str().unwrap().to_owned();
    for (args, what) in [
        (&["send", "bob", "once"][..], "the relay has the message"),
        (
            &["--json", "send", "bob", "twice", "--plays", "2"],
            "the relay has the message",
        ),
        (&["clear-inbox", "--yes"], "what waited at the relay was deleted"),
        (&["rotate-identity", "--yes"], "the identity was replaced"),
        (&["keys", "rotate"], "the keys were replaced"),
        (&["receipts", "off"], "the receipts were set"),
        (&["decoys", "on"], "the decoys were set"),
        (&["verify", "bob", "--yes"], "bob@localhost was verified"),
        (&["block", "bob"], "bob@localhost was blocked"),
        (&["unblock", "bob"], "bob@localhost was unblocked"),
        (&["revoke", &limited], "the message was taken back"),
        (
            &["passphrase", "--new-passphrase-file", new.to_str().unwrap()],
            "the passphrase was changed",
        ),
    ] {
        let mut command = alice.command(args);
        command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let answer = run(&mut command);
        assert_eq!(answer.code, 0, "{args:?}: {answer:?}");
        assert!(answer.err.contains(what), "{args:?}: {answer:?}");
    }
    assert_eq!(bob.json(&["inbox"]).len(), 3);

    let mut command = stage.person("carol").command(&["register", "carol"]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let answer = run(&mut command);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.err.contains("carol@localhost is registered"), "{answer:?}");
}

/// Neither is there anything to be shown next time, nor is a message that cannot be read one that was sent.
#[cfg(target_os = "linux")]
#[test]
fn input_and_output_that_fail_are_told_apart() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    for args in [&["--help"][..], &["man"], &["token"]] {
        let mut command = alice.command(args);
        command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let answer = run(&mut command);
        assert_eq!(answer.code, 1, "{args:?}: {answer:?}");
        assert!(answer.err.contains("can be given again"), "{args:?}: {answer:?}");
        assert!(!answer.err.contains("next time"), "{args:?}: {answer:?}");
    }
    let mut command = alice.command(&["send", "bob", "-"]);
    command.stdin(std::fs::File::open(stage.dir.path()).unwrap());
    let answer = run(&mut command);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("nothing was sent"), "{answer:?}");
    assert!(!answer.err.contains("shown"), "{answer:?}");
    assert!(bob.json(&["inbox"]).is_empty());
}

/// Output that fails half-way: the play is there again at no cost, and what was to be shown is still new.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_out_costs_no_play_and_stays_new() {
    let stage = Stage::new();
    let (alice, bob) = (stage.register("alice"), stage.register("bob"));
    alice.ok(&["send", "bob", "the code", "--plays", "1"]);
    alice.ok(&["send", "bob", "unseen"]);
    let full = |args: &[&str]| -> Answer {
        let mut command = bob.command(args);
        command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
        run(&mut command)
    };
    for args in [&["inbox"][..], &["history"], &["--json", "inbox"]] {
        let answer = full(args);
        assert_eq!(answer.code, 1, "{answer:?}");
        assert!(answer.err.contains("output failed"), "{answer:?}");
    }
    let new = bob.json(&["inbox"]);
    assert_eq!(new.len(), 2, "still new: {new:?}");
    let id = new
        .iter()
        .find_map(|message| message["limited"].as_object().and(message["id"].as_str()))
        .unwrap();
    for _ in 0..2 {
        let answer = full(&["play", id]);
        assert_eq!(answer.code, 1, "{answer:?}");
        assert!(answer.err.contains("output failed"), "{answer:?}");
    }
    assert_eq!(bob.json_one(&["play", id])["text"], "the code");
    bob.fails(7, &["play", id]);
}
