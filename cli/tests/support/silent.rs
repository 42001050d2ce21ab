//! A way to the relay on which messages get lost.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What a client sends when it hands a message in.
const HANDS_IN: &[u8] = b"POST /v1/messages";

/// Hands everything on, but for messages: those are taken, and no answer comes. Gives the URL, and tells of each that was taken.
pub fn swallows_messages(relay: &str) -> (String, Receiver<()>) {
    let relay = relay.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (taken, told) = channel();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, relay) = (client.unwrap(), TcpStream::connect(&relay).unwrap());
            let (from, to) = (relay.try_clone().unwrap(), client.try_clone().unwrap());
            let taken = taken.clone();
            thread::spawn(move || pass(from, to, None));
            thread::spawn(move || pass(client, relay, Some(&taken)));
        }
    });
    (url, told)
}

/// Until one side ends, or a message is handed in.
fn pass(mut from: TcpStream, mut to: TcpStream, taken: Option<&Sender<()>>) {
    let mut buffer = [0; 64 * 1024];
    let mut silent = false;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let said = &buffer[..count];
        if let Some(taken) = taken
            && said.windows(HANDS_IN.len()).any(|words| words == HANDS_IN)
        {
            silent = true;
            let _ = taken.send(());
        }
        if !silent && to.write_all(said).is_err() {
            return;
        }
    }
}
