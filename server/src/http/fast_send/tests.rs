use std::{fs::File, path::Path, time::SystemTime};

use poem::{endpoint::make, http::StatusCode};
use protocol::{Timestamp, prekey::PublishedSignedPreKey};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use zeroize::Zeroizing;

use super::*;
use crate::http::admission::Places;
use crate::{
    config::{Config, Patience},
    http::listener::{self, Serving},
    model::{BearerToken, Incarnation, Principal},
    relay::{Relay, RunningRelay},
    store::{Registration, SignedPreKeyRow, Store as _, TokenRow, sqlite::Sqlite, waiters::Waiters},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// An account "bob" that is signed in, straight into the store.
async fn registered(directory: &Path) -> BearerToken {
    std::fs::create_dir(directory).unwrap();
    let lock = File::create(directory.join("relay.lock")).unwrap();
    let store = Sqlite::open(directory, lock, None, Arc::new(Waiters::default())).unwrap();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_millis(since.as_millis().try_into().unwrap());
    let user = UserName::parse("bob").unwrap();
    let mailbox = MailboxId::of(&user);
    let token = BearerToken::new(mailbox, Zeroizing::new([5; 32]));
    let registration = Registration {
        mailbox,
        user,
        identity_key: vec![1; 2624],
        signed_prekey: SignedPreKeyRow {
            id: 1,
            seq: 1,
            expires: now.plus(DAY),
            published: PublishedSignedPreKey {
                payload: vec![2; 1700],
                signature: vec![3; 4691],
            },
        },
        batch: None,
        max_one_time: 0,
        token: TokenRow {
            hash: token.hash(),
            expires: now.plus(DAY),
        },
        incarnation: Incarnation(Uuid::new_v4()),
        now,
    };
    store.register(registration).await.unwrap();
    token
}

struct World {
    relay: RunningRelay,
    thin: Arc<ThinSend>,
    bearer: BearerToken,
    _dir: TempDir,
}

impl World {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        let bearer = registered(&data).await;
        let mut config = Config::new(data).unwrap();
        config.listen.set_port(0);
        let relay = Relay::start(config).await.unwrap();
        let thin = ThinSend::new(Arc::clone(relay.services()), DAY).unwrap();
        Self {
            relay,
            thin,
            bearer,
            _dir: dir,
        }
    }

    fn takes(&self, change: impl FnOnce(&mut hyper::Request<String>)) -> bool {
        let id = Uuid::new_v4();
        let mut request = hyper::Request::post(format!("/v1/messages?to=bob&id={id}"))
            .header(AUTHORIZATION, format!("Bearer {}", self.bearer.reveal()))
            .header(CONTENT_TYPE, OCTETS)
            .body("an envelope".to_owned())
            .unwrap();
        change(&mut request);
        self.thin.ordinary(&request, &RemoteAddr::default()).is_some()
    }
}

#[tokio::test]
async fn what_is_not_plainly_ordinary_is_not_touched() {
    let world = World::new().await;
    let services = world.relay.services();
    assert!(!world.takes(|_| ()), "a token that was not read yet is not known");
    services.sessions.authenticate(&world.bearer.reveal()).await.unwrap();
    assert!(world.takes(|_| ()));
    assert!(world.takes(|request| *request.body_mut() = "x".repeat(MAX_ENVELOPE_BYTES)));

    type Change = Box<dyn FnOnce(&mut hyper::Request<String>)>;
    let header = |name: &'static str, value: &'static str| -> Change {
        Box::new(move |request| {
            request.headers_mut().append(name, HeaderValue::from_static(value));
        })
    };
    let without = |name: &'static str| -> Change {
        Box::new(move |request| {
            request.headers_mut().remove(name);
        })
    };
    let to = |uri: &'static str| -> Change { Box::new(move |request| *request.uri_mut() = uri.parse().unwrap()) };
    let changes: Vec<(&str, Change)> = vec![
        ("method", Box::new(|request| *request.method_mut() = Method::PUT)),
        ("version", Box::new(|request| *request.version_mut() = Version::HTTP_10)),
        ("empty", Box::new(|request| request.body_mut().clear())),
        (
            "large",
            Box::new(|request| *request.body_mut() = "x".repeat(MAX_ENVELOPE_BYTES + 1)),
        ),
        (
            "path",
            to("/v1/messages/?to=bob&id=6c2c1b1a-0f0e-4d0c-8b0a-090807060504"),
        ),
        (
            "authority",
            to("http://x/v1/messages?to=bob&id=6c2c1b1a-0f0e-4d0c-8b0a-090807060504"),
        ),
        ("query", to("/v1/messages")),
        (
            "escaped",
            to("/v1/messages?to=%62ob&id=6c2c1b1a-0f0e-4d0c-8b0a-090807060504"),
        ),
        ("expect", header("expect", "100-continue")),
        ("two types", header("content-type", "application/octet-stream")),
        ("no type", without("content-type")),
        ("two bearers", header("authorization", "Bearer x")),
        ("no bearer", without("authorization")),
        (
            "unknown delivery token",
            header(
                "latchkey-delivery-token",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            ),
        ),
        ("no delivery token", header("latchkey-delivery-token", "")),
    ];
    for (what, change) in changes {
        assert!(!world.takes(change), "{what}");
    }
    for wrong in ["Bearer ", "bearer x", "Basic eDp5", "Bearer =", "x"] {
        assert!(
            !world.takes(|request| {
                request
                    .headers_mut()
                    .insert(AUTHORIZATION, HeaderValue::from_static(wrong));
            }),
            "{wrong}"
        );
    }

    // A delivery token once it was used, and no more when it is gone.
    let (token, owner) = ([9; 32], world.bearer.mailbox);
    let hash: [u8; 32] = Sha256::digest(token).into();
    let principal = Principal {
        mailbox: owner,
        session: world.bearer.hash(),
    };
    services.tokens.put(principal, &hash).await.unwrap();
    let shows = |request: &mut hyper::Request<String>| {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let value = HeaderValue::from_str(&STANDARD.encode(token)).unwrap();
        request.headers_mut().remove(AUTHORIZATION);
        request.headers_mut().insert(tokens::HEADER, value);
    };
    assert!(!world.takes(shows));
    let (from, id) = (Sender::Token(hash), Uuid::new_v4());
    services
        .mailboxes
        .deposit(from, "bob", id, vec![1], None)
        .await
        .unwrap();
    assert!(world.takes(shows));
    services.tokens.delete(principal, &hex::encode(hash)).await.unwrap();
    assert!(!world.takes(shows));

    services.sessions.sign_out(principal).await.unwrap();
    assert!(!world.takes(|_| ()), "signed out");
    world.relay.shutdown().await;
}

/// A body that is there at once.
struct Ready(Option<Bytes>);

impl Body for Ready {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, hyper::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(hyper::body::Frame::data(bytes))))
    }
}

/// The head was looked at while the session was on; the body comes when it is over.
#[tokio::test]
async fn a_session_that_ended_since_the_head_sends_nothing() {
    let world = World::new().await;
    let services = world.relay.services();
    let principal = services.sessions.authenticate(&world.bearer.reveal()).await.unwrap();
    let begin = || {
        let request = hyper::Request::post(format!("/v1/messages?to=bob&id={}", Uuid::new_v4()))
            .header(AUTHORIZATION, format!("Bearer {}", world.bearer.reveal()))
            .header(CONTENT_TYPE, OCTETS)
            .body("x".to_owned())
            .unwrap();
        world.thin.ordinary(&request, &RemoteAddr::default()).unwrap()
    };
    let finish = async |begun| {
        let body = Ready(Some(Bytes::from_static(b"x")));
        world.thin.answer(begun, body).await.status()
    };
    let pending = async || services.totals().await.unwrap().pending;
    assert_eq!(finish(begin()).await, StatusCode::OK);
    let stored = pending().await;
    let begun = begin();
    services.sessions.sign_out(principal).await.unwrap();
    assert_eq!(finish(begun).await, StatusCode::UNAUTHORIZED);
    assert_eq!(pending().await, stored);
    world.relay.shutdown().await;
}

#[tokio::test]
async fn a_connection_tries_the_short_way_first() {
    let world = World::new().await;
    let bearer = world.bearer.reveal();
    world.relay.services().sessions.authenticate(&bearer).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = Serving {
        // What takes the long way is seen to have done so.
        endpoint: make(|_request| async { StatusCode::IM_A_TEAPOT }),
        thin: Some(Arc::clone(&world.thin)),
        tls: None,
        patience: Patience::default(),
        places: Places::new(8, None),
        cross_origin: false,
        open: Arc::default(),
        crowded: Box::new(|| false),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(listener::serve(listener, serving, async { drop(stopped.await) }, DAY));
    let mut client = TcpStream::connect(addr).await.unwrap();
    for (to, status) in [("bob", "200"), ("%62ob", "418"), ("bob", "200")] {
        let request = format!(
            "POST /v1/messages?to={to}&id={} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\nContent-Type: {OCTETS}\r\nContent-Length: 1\r\n\r\nx",
            Uuid::new_v4()
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 1024];
        let count = client.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..count]);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{to}: {answer}");
    }
    stop.send(()).unwrap();
    server.await.unwrap();
    world.relay.shutdown().await;
}

#[test]
fn only_the_plainest_spelling_of_a_query_is_read() {
    let id = Uuid::new_v4();
    let plain = format!("to=bob&id={id}");
    let (to, found) = addressed(&plain).unwrap();
    assert_eq!((to.as_str(), found), ("bob", id));
    assert!(addressed(&format!("id={id}&to=bob")).is_some());
    for other in [
        String::new(),
        "to=bob".to_owned(),
        format!("to=%62ob&id={id}"),
        format!("to=b+b&id={id}"),
        format!("to=bob&to=eve&id={id}"),
        format!("to=bob&id={id}&id={id}"),
        format!("to=bob&id={id}&x=1"),
        format!("to=bob&id={id}&"),
        format!("&to=bob&id={id}"),
        format!("to=bob&id={}", id.simple()),
        format!("to=bob&id={}", id.braced()),
        format!("to=bob&id={}", id.urn()),
        format!("to=bob&id={id}%20"),
        format!("TO=bob&id={id}"),
        format!("to=Bob&id={id}"),
        format!("to=&id={id}"),
        "to=bob&id=".to_owned(),
    ] {
        assert!(addressed(&other).is_none(), "{other}");
    }
}
