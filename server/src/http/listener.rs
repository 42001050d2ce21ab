//! Connections: accepted, served, and ended when their client goes.
//!
//! Not poem's own server: that one polls a connection on after it has failed, so a handler that waits for mail would outlive its client by up to
//! half a minute, and it sets neither `TCP_NODELAY` nor a limit on how long a request's head may take.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::future::Either;
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use poem::{
    Endpoint, Request,
    http::{header::ORIGIN, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet, yield_now},
    time::{Instant, sleep, timeout},
};

use crate::{
    config::Patience,
    http::{
        admission::{FREE_BYTES, Guest, Held, Places},
        answer_memory,
        fast_send::ThinSend,
        idle_timeout::ConnectionTimer,
        incoming_body::Arriving,
        parse_errors::{self, Explained, MAX_HEAD},
        write_timeout::Impatient,
    },
    log_throttle::LogThrottle,
    tls::Acceptor,
};

/// After a failed accept (too many open files, mostly): long enough for connections to close, short enough not to be noticed.
const PAUSE: Duration = Duration::from_millis(50);

/// How long nobody is let in while there is a crowd inside, before it is looked at again. The runtime's timers tell no less apart.
const MOMENT: Duration = Duration::from_millis(1);

/// So often one is let in however many are inside: five hundred a second, which a store that is only busy reads for. Otherwise clients that ask without end, of whose requests more than
/// [`Serving::crowded`] allows are always waiting, would shut the door on everybody else for as long as they like.
const AT_LEAST_EVERY: Duration = Duration::from_millis(2);

/// What connections are served with.
pub(crate) struct Serving<E> {
    /// Who answers.
    pub endpoint: E,
    /// Who answers ordinary sends before that, if anybody does.
    pub thin: Option<Arc<ThinSend>>,
    /// Whether web pages of other origins are answered: then what comes from a page takes the long way, where it is told what the page may read.
    pub cross_origin: bool,
    /// TLS, if we do it.
    pub tls: Option<Acceptor>,
    /// How long clients may take.
    pub patience: Patience,
    /// How many may be connected.
    pub places: Arc<Places>,
    /// Whether so much is asked already that whoever knocks waits at the door: in the system's queue a connection costs next to nothing.
    pub crowded: Box<dyn Fn() -> bool + Send + Sync>,
    /// How many connections are open, for whoever watches.
    pub open: Arc<AtomicI64>,
}

/// An open connection, counted until it is dropped.
struct Open(Arc<AtomicI64>);

impl Open {
    fn count(open: &Arc<AtomicI64>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves until `shutdown` is done; what is under way then has `grace` to finish.
pub(crate) async fn serve<E>(
    listener: TcpListener,
    serving: Serving<E>,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) where
    E: Endpoint + 'static,
{
    let serving = Arc::new(serving);
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let refused = LogThrottle::default();
    let mut shutdown = pin!(shutdown);
    let mut let_in = Instant::now();
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept(&listener, &serving.crowded, let_in + AT_LEAST_EVERY) => match accepted {
                Ok((stream, local, remote)) => {
                    let_in = Instant::now();
                    let address = remote.as_socket_addr().map(|peer| peer.ip().into());
                    // Closed at once: an answer would cost more than it tells.
                    let Some(place) = serving.places.take(address) else { continue };
                    let (serving, stopped) = (Arc::clone(&serving), stopped.clone());
                    let open = Open::count(&serving.open);
                    connections.spawn(async move {
                        let guest = place.guest();
                        tokio::select! {
                            () = connection(stream, local, remote, serving, stopped, guest) => {}
                            () = guest.has_to_leave() => {}
                        }
                        drop((place, open));
                    });
                }
                Err(error) => {
                    refused.warn(|left_out| tracing::warn!(%error, left_out, "a connection could not be accepted"));
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if timeout(grace, all_ended).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "not everything finished in time; closing"
        );
        connections.shutdown().await;
    }
}

/// The next connection: at once, or while it is crowded at `latest`.
async fn accept(
    listener: &TcpListener,
    crowded: impl Fn() -> bool,
    latest: Instant,
) -> io::Result<(TcpStream, LocalAddr, RemoteAddr)> {
    while crowded() && Instant::now() < latest {
        sleep(MOMENT).await;
    }
    let (stream, remote) = listener.accept().await?;
    // Small answers leave at once.
    stream.set_nodelay(true)?;
    let local = LocalAddr(stream.local_addr()?.into());
    Ok((stream, local, RemoteAddr(remote.into())))
}

/// One connection, from its handshake on: whoever is slow there holds up nobody else.
async fn connection<E: Endpoint + 'static>(
    stream: TcpStream,
    local: LocalAddr,
    remote: RemoteAddr,
    serving: Arc<Serving<E>>,
    mut stopped: watch::Receiver<bool>,
    guest: &Arc<Guest>,
) {
    let Some(tls) = &serving.tls else {
        return requests(stream, Scheme::HTTP, local, remote, serving, stopped, guest).await;
    };
    // Boxed, here and below: a task is as large as its largest moment, and it lies in memory as long as its connection is idle.
    let handshake = Box::pin(timeout(serving.patience.handshake, tls.accept(stream)));
    let handshake = tokio::select! {
        handshake = handshake => handshake,
        _ = stopped.wait_for(|stopped| *stopped) => return,
    };
    match handshake {
        Ok(Ok((stream, group))) => {
            tracing::debug!(group, "a TLS connection");
            Box::pin(requests(stream, Scheme::HTTPS, local, remote, serving, stopped, guest)).await;
        }
        // Strangers fail here all day: scanners, plain HTTP, clients with another pin.
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// The requests of one connection. When the client goes, hyper ends, and dropping it drops the handler that was still waiting.
async fn requests<S, E>(
    stream: S,
    scheme: Scheme,
    local: LocalAddr,
    remote: RemoteAddr,
    serving: Arc<Serving<E>>,
    mut stopped: watch::Receiver<bool>,
    guest: &Arc<Guest>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    E: Endpoint + 'static,
{
    let patience = serving.patience;
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        guest.begins();
        if request.body().is_end_stream() {
            guest.has_asked();
        }
        let names_its_host = parse_errors::names_its_host(request.version(), request.headers());
        if names_its_host
            && let Some(thin) = &serving.thin
            && !(serving.cross_origin && request.headers().contains_key(ORIGIN))
            && let Some(send) = thin.ordinary(&request, &remote)
            && let Some(held) = room_for(guest, send.length())
        {
            guest.recognise(send.shown());
            let (thin, body) = (Arc::clone(thin), Arriving::new(request.into_body(), Arc::clone(guest)));
            // Boxed: what this takes would lie in the task of every connection otherwise, also of those that only wait for mail.
            return Either::Left(Box::pin(async move {
                wait_for_turn(guest).await;
                let answer = thin.answer(send, body).await;
                drop(held);
                guest.is_answered();
                Ok::<_, Infallible>(answer_memory::held(answer, guest))
            }));
        }
        let serving = Arc::clone(&serving);
        request.extensions_mut().insert(Arc::clone(guest));
        let request = Request::from((request, local.clone(), remote.clone(), scheme.clone()));
        Either::Right(async move {
            wait_for_turn(guest).await;
            let answer = if names_its_host {
                serving.endpoint.get_response(request).await
            } else {
                parse_errors::bare()
            };
            guest.is_answered();
            Ok(answer_memory::held(answer, guest))
        })
    });
    let stream = Explained::new(Impatient::new(stream, patience.write, Arc::clone(guest)));
    let mut serving = pin!(
        http1::Builder::new()
            .timer(ConnectionTimer::new(patience.head))
            .header_read_timeout(patience.head)
            .max_buf_size(MAX_HEAD)
            .max_header_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service)
    );
    // A connection that breaks is its client's affair: what it sent is either answered or repeated with the same ids.
    tokio::select! {
        () = by_turns(serving.as_mut(), guest) => return,
        _ = stopped.wait_for(|stopped| *stopped) => serving.as_mut().graceful_shutdown(),
    }
    by_turns(serving, guest).await;
}

/// Drives a connection to its end, one request each time that the runtime takes it up ([`wait_for_turn`]).
async fn by_turns<T>(mut connection: Pin<&mut impl Future<Output = T>>, guest: &Guest) {
    poll_fn(|cx| {
        guest.is_taken_up();
        connection.as_mut().poll(cx).map(drop)
    })
    .await;
}

/// Requests that a client has sent ahead lie in the connection's buffer, and hyper would go through sixteen of them before another connection is looked at: a thousand clients that send
/// as much as they can would keep each other client waiting for seconds. So the next one waits until the others have had their turn. A client that reads its answer first waits for none.
async fn wait_for_turn(guest: &Guest) {
    while !guest.may_begin() {
        yield_now().await;
    }
}

/// Memory for a body of `length`; none when there is none to be had. Bodies that fit the buffer for reading need none.
fn room_for(guest: &Arc<Guest>, length: usize) -> Option<Option<Held>> {
    if length <= FREE_BYTES {
        return Some(None);
    }
    guest.hold(length).map(Some)
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection ended by a panic");
    }
}

#[cfg(test)]
mod tests;
