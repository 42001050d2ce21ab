//! A line to the relay that can be cut, counts what goes over it, loses answers, alters them, delivers twice, and falls silent.
//!
//! It understands as much of HTTP as that takes: one request a connection, handed on when it is whole.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::Clock;

/// What becomes of an answer: its status, and its body.
type Alteration = Box<dyn FnOnce(&mut u16, &mut Value) + Send>;

#[derive(Default)]
struct State {
    target: Option<SocketAddr>,
    requests: Vec<String>,
    named: Vec<String>,
    sizes: Vec<usize>,
    lose_answers: VecDeque<String>,
    lose_requests: VecDeque<String>,
    alterations: VecDeque<(String, Alteration)>,
    twice: bool,
    /// What time answers say that it is; none: the system's, as the relay's HTTP library has it.
    time: Option<Arc<dyn Clock>>,
    /// No answer goes back, and connections stay.
    silent: bool,
    /// … from the next request on that begins like this.
    silent_at: Option<String>,
    /// … to requests that begin like this, and to no others.
    swallowed: Option<String>,
    /// Everything that went over it, in both directions, while that is kept.
    recorded: Option<Vec<u8>>,
}

/// The client's side of it is an address that stays, whatever becomes of the relay behind.
pub struct Line {
    addr: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Line {
    /// One that leads nowhere yet.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A broken connection is what some tests want.
                    let _ = carry(client, state).await;
                });
            }
        });
        Self { addr, state }
    }

    /// One that leads to this address.
    pub async fn to(target: SocketAddr) -> Self {
        let line = Self::new().await;
        line.connect_to(target);
        line
    }

    /// Where it begins.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// From now on it leads there.
    pub fn connect_to(&self, target: SocketAddr) {
        self.state.lock().unwrap().target = Some(target);
    }

    /// From now on connections end before their request is answered.
    pub fn cut(&self) {
        self.state.lock().unwrap().target = None;
    }

    /// `METHOD /path` of every request since the last call.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }

    /// Whether one of those begins with `start`.
    #[must_use]
    pub fn has_taken(&self, start: &str) -> bool {
        let state = self.state.lock().unwrap();
        state.requests.iter().any(|request| request.starts_with(start))
    }

    /// How many bytes the body of each of those requests had.
    pub fn take_sizes(&self) -> Vec<usize> {
        std::mem::take(&mut self.state.lock().unwrap().sizes)
    }

    /// `METHOD /path` of every request since the last call that named an account.
    pub fn take_named(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().named)
    }

    /// Those of them that send a message.
    pub fn take_named_sends(&self) -> Vec<String> {
        let mut named = self.take_named();
        named.retain(|request| request.starts_with("POST /v1/messages"));
        named
    }

    /// The relay does what the next request that begins with `start` asks, and the client never learns it.
    pub fn lose_answer(&self, start: &str) {
        self.state.lock().unwrap().lose_answers.push_back(start.to_owned());
    }

    /// The next request that begins with `start` does not arrive.
    pub fn lose_request(&self, start: &str) {
        self.state.lock().unwrap().lose_requests.push_back(start.to_owned());
    }

    /// Answers are dated by this clock.
    pub fn date_by(&self, clock: Arc<dyn Clock>) {
        self.state.lock().unwrap().time = Some(clock);
    }

    /// From now on connections are taken and requests are not answered, or are again.
    pub fn silence(&self, silent: bool) {
        self.state.lock().unwrap().silent = silent;
    }

    /// From the next request on that begins with `start` none is answered.
    pub fn silence_at(&self, start: &str) {
        self.state.lock().unwrap().silent_at = Some(start.to_owned());
    }

    /// Whether none is answered.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.state.lock().unwrap().silent
    }

    /// From now on requests that begin with `start` are taken and not answered; others are.
    pub fn swallow(&self, start: &str) {
        self.state.lock().unwrap().swallowed = Some(start.to_owned());
    }

    /// From now on what goes over it is kept, in both directions.
    pub fn record(&self) {
        self.state.lock().unwrap().recorded = Some(Vec::new());
    }

    /// What went over it since.
    #[must_use]
    pub fn recorded(&self) -> Vec<u8> {
        self.state.lock().unwrap().recorded.take().unwrap()
    }

    /// The answer to the next request that begins with `start` is not the relay's, but what this makes of it.
    pub fn alter_answer(&self, start: &str, alter: impl FnOnce(&mut u16, &mut Value) + Send + 'static) {
        let alteration = (start.to_owned(), Box::new(alter) as Alteration);
        self.state.lock().unwrap().alterations.push_back(alteration);
    }

    /// What was to be altered and did not come is not altered any more.
    pub fn forget_alterations(&self) {
        self.state.lock().unwrap().alterations.clear();
    }

    /// From now on every envelope is handed in twice, the second time as another message.
    pub fn deliver_twice(&self) {
        self.state.lock().unwrap().twice = true;
    }
}

async fn carry(mut client: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let Some(request) = read_request(&mut client).await? else {
        return Ok(());
    };
    let line = String::from_utf8_lossy(&request)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    let (target, silent, lose_request, lose_answer, alteration, twice) = {
        let mut state = state.lock().unwrap();
        let shown = line.trim_end_matches(" HTTP/1.1").to_owned();
        if head(&request).contains("\r\nauthorization:") {
            state.named.push(shown.clone());
        }
        state.requests.push(shown);
        state.sizes.push(body_length(&request));
        let lose_request = take_match(&mut state.lose_requests, &line);
        let lose_answer = !lose_request && take_match(&mut state.lose_answers, &line);
        let altered = state
            .alterations
            .iter()
            .position(|(start, _)| line.starts_with(start.as_str()));
        let alteration = altered.and_then(|at| state.alterations.remove(at));
        state.silent |= state
            .silent_at
            .take_if(|start| line.starts_with(start.as_str()))
            .is_some();
        let swallowed = state.swallowed.as_ref();
        let silent = state.silent || swallowed.is_some_and(|start| line.starts_with(start));
        (state.target, silent, lose_request, lose_answer, alteration, state.twice)
    };
    if silent {
        // Until the client has had enough of it.
        return client.read_to_end(&mut Vec::new()).await.map(drop);
    }
    let Some(target) = target.filter(|_| !lose_request) else {
        return Ok(());
    };
    let mut answer = ask(target, &request).await?;
    if let Some(clock) = &state.lock().unwrap().time {
        answer = dated(&answer, &**clock);
    }
    if let Some(recorded) = &mut state.lock().unwrap().recorded {
        recorded.extend_from_slice(&request);
        recorded.extend_from_slice(&answer);
    }
    if let Some((_, alter)) = alteration {
        answer = altered(&answer, alter);
    }
    if twice && line.starts_with("POST /v1/messages?") {
        let at = line.find("id=").unwrap() + 3;
        let mut again = request.clone();
        // Another message id: its last hexadecimal digit is changed.
        let digit = &mut again[at + 35];
        *digit = if *digit == b'0' { b'1' } else { b'0' };
        ask(target, &again).await?;
    }
    if lose_answer {
        return Ok(());
    }
    client.write_all(&answer).await?;
    // Each answer closes its connection: the relay was asked to.
    client.shutdown().await
}

/// The answer with another status and body, and a length that fits.
fn altered(answer: &[u8], alter: Alteration) -> Vec<u8> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = serde_json::from_slice(&answer[end..]).unwrap();
    alter(&mut status, &mut body);
    // A text is a page of a proxy.
    let (body, is_page) = match body {
        Value::String(page) => (page, true),
        other => (other.to_string(), false),
    };
    let kept = head.lines().skip(1).filter(|line| {
        let line = line.to_lowercase();
        let is_foreign_body = line.starts_with("content-length:") || is_page && line.starts_with("content-type:");
        !line.is_empty() && !is_foreign_body
    });
    let kept: String = kept.map(|line| format!("{line}\r\n")).collect();
    format!(
        "HTTP/1.1 {status} Altered\r\n{kept}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The answer with another date.
fn dated(answer: &[u8], clock: &dyn Clock) -> Vec<u8> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 2;
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let kept = head.lines().filter(|line| !line.to_lowercase().starts_with("date:"));
    let kept: String = kept.map(|line| format!("{line}\r\n")).collect();
    let now = Duration::from_millis(clock.now().as_millis());
    let date = httpdate::fmt_http_date(UNIX_EPOCH + now);
    [format!("{kept}date: {date}\r\n").as_bytes(), &answer[end..]].concat()
}

fn body_length(request: &[u8]) -> usize {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    request.len() - end - 4
}

/// Whether a chunked body has its last chunk.
fn chunks_end(mut body: &[u8]) -> bool {
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        let Some(rest) = body.get(end + 2 + length + 2..) else {
            return false;
        };
        if length == 0 {
            return true;
        }
        body = rest;
    }
    false
}

fn head(request: &[u8]) -> String {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    String::from_utf8_lossy(&request[..end]).to_lowercase()
}

fn take_match(wanted: &mut VecDeque<String>, line: &str) -> bool {
    match wanted.iter().position(|start| line.starts_with(start.as_str())) {
        Some(at) => wanted.remove(at).is_some(),
        None => false,
    }
}

async fn ask(target: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut relay = TcpStream::connect(target).await?;
    relay.write_all(request).await?;
    let mut answer = Vec::new();
    relay.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// One request, with `Connection: close` added; `None` when the client hung up.
async fn read_request(client: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut request = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    let head = loop {
        if let Some(at) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        match client.read(&mut buffer).await? {
            0 => return Ok(None),
            n => request.extend_from_slice(&buffer[..n]),
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    if text.contains("\r\ntransfer-encoding: chunked") {
        while !chunks_end(&request[head..]) {
            match client.read(&mut buffer).await? {
                0 => return Ok(None),
                n => request.extend_from_slice(&buffer[..n]),
            }
        }
    }
    let length: usize = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |value| value.trim().parse().unwrap());
    while request.len() < head + length {
        match client.read(&mut buffer).await? {
            0 => return Ok(None),
            n => request.extend_from_slice(&buffer[..n]),
        }
    }
    let line_end = request.windows(2).position(|window| window == b"\r\n").unwrap() + 2;
    request.splice(line_end..line_end, *b"Connection: close\r\n");
    Ok(Some(request))
}
