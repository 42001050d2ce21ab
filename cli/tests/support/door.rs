//! A way to the relay that stays where it is.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// An address that stays, in front of a relay that moves.
pub struct Door {
    pub addr: SocketAddr,
    pub target: Arc<Mutex<String>>,
}

impl Door {
    pub fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new(url.to_owned()));
        let shared = Arc::clone(&target);
        thread::spawn(move || {
            for client in listener.incoming() {
                let url = shared.lock().unwrap().clone();
                // Nobody behind it: who came is turned away.
                if let Ok(relay) = TcpStream::connect(url.trim_start_matches("http://")) {
                    let client = client.unwrap();
                    carry(client.try_clone().unwrap(), relay.try_clone().unwrap());
                    carry(relay, client);
                }
            }
        });
        Self { addr, target }
    }
}

/// One direction of a connection, to its end.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
