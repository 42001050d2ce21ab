//! Connections: accepted, served, and ended when their client goes.
//!
//! Not poem's own server: that one polls a connection on after it has failed, so a handler that waits for mail would outlive its client by up to
//! half a minute, and it sets neither `TCP_NODELAY` nor a limit on how long a request's head may take.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    io,
    num::NonZeroU32,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::future::Either;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    Endpoint, Request,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};

use crate::{
    config::Patience, idling::ConnectionTimer, service::rates::Network, stalling::Impatient, thin::ThinSend,
    tls::Acceptor,
};

/// After a failed accept (too many open files, mostly): long enough for connections to close, short enough not to be noticed.
const PAUSE: Duration = Duration::from_millis(50);

/// How long nobody is let in while there is a crowd inside, before it is looked at again. The runtime's timers tell no less apart.
const MOMENT: Duration = Duration::from_millis(1);

/// What connections are served with.
pub(crate) struct Serving<E> {
    /// Who answers.
    pub endpoint: E,
    /// Who answers ordinary sends before that, if anybody does.
    pub thin: Option<Arc<ThinSend>>,
    /// TLS, if we do it.
    pub tls: Option<Acceptor>,
    /// How long clients may take.
    pub patience: Patience,
    /// Connections of one address at once; none where a proxy is in front, whose they all are.
    pub per_address: Option<NonZeroU32>,
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

/// How many connections each address has.
type Crowd = Arc<Mutex<HashMap<Network, u32>>>;

/// A place in the crowd, given back when it is dropped.
struct Place(Crowd, Network);

impl Place {
    /// None when the address has as many connections as it may.
    fn take(crowd: &Crowd, address: Network, most: NonZeroU32) -> Option<Self> {
        let mut taken = crowd.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= most.get() {
            return None;
        }
        *count += 1;
        Some(Self(Arc::clone(crowd), address))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.1);
            }
        }
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
    let crowd = Crowd::default();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept(&listener, &serving.crowded) => match accepted {
                Ok((stream, local, remote)) => {
                    let address = remote.as_socket_addr().map(|peer| peer.ip().into());
                    let place = match (serving.per_address, address) {
                        (Some(most), Some(address)) => match Place::take(&crowd, address, most) {
                            // Closed at once: an answer would cost more than it tells.
                            None => continue,
                            place => place,
                        },
                        _ => None,
                    };
                    let (serving, stopped) = (Arc::clone(&serving), stopped.clone());
                    let open = Open::count(&serving.open);
                    connections.spawn(async move {
                        connection(stream, local, remote, serving, stopped).await;
                        drop((place, open));
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
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

async fn accept(listener: &TcpListener, crowded: impl Fn() -> bool) -> io::Result<(TcpStream, LocalAddr, RemoteAddr)> {
    while crowded() {
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
) {
    let Some(tls) = &serving.tls else {
        return requests(stream, Scheme::HTTP, local, remote, serving, stopped).await;
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
            Box::pin(requests(stream, Scheme::HTTPS, local, remote, serving, stopped)).await;
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
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    E: Endpoint + 'static,
{
    let patience = serving.patience;
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        if let Some(thin) = &serving.thin
            && let Some(send) = thin.ordinary(&request, &remote)
        {
            let (thin, body) = (Arc::clone(thin), request.into_body());
            // Boxed: what this takes would lie in the task of every connection otherwise, also of those that only wait for mail.
            return Either::Left(Box::pin(async move {
                Ok::<_, Infallible>(thin.answer(send, body).await.into())
            }));
        }
        let serving = Arc::clone(&serving);
        let request = Request::from((request, local.clone(), remote.clone(), scheme.clone()));
        Either::Right(async move { Ok(serving.endpoint.get_response(request).await.into()) })
    });
    let stream = Impatient::new(stream, patience.write);
    let mut serving = pin!(
        http1::Builder::new()
            .timer(ConnectionTimer::new(patience.head))
            .header_read_timeout(patience.head)
            .serve_connection(TokioIo::new(stream), service)
    );
    // A connection that breaks is its client's affair: what it sent is either answered or repeated with the same ids.
    tokio::select! {
        _ = serving.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
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
