//! Connections: accepted, served, and ended when their client goes.
//!
//! Not poem's own server: that one polls a connection on after it has failed, so a handler that waits for mail would outlive its client by up to
//! half a minute, and it sets neither `TCP_NODELAY` nor a limit on how long a request's head may take.

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::{
    Endpoint, Request,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};

/// How long a request's head may take, and how long a connection may idle between two requests. Longer than common clients keep idle
/// connections (90 s), so that it is they who close and no request meets a closing door. It does not run while a request waits for mail.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// After a failed accept (too many open files, mostly): long enough for connections to close, short enough not to be noticed.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `endpoint` until `shutdown` is done; what is under way then has `grace` to finish.
pub(crate) async fn serve<E>(listener: TcpListener, endpoint: E, shutdown: impl Future<Output = ()>, grace: Duration)
where
    E: Endpoint + 'static,
{
    let endpoint = Arc::new(endpoint);
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept(&listener) => match accepted {
                Ok((stream, local, remote)) => {
                    connections.spawn(connection(stream, local, remote, Arc::clone(&endpoint), stopped.clone()));
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

async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, LocalAddr, RemoteAddr)> {
    let (stream, remote) = listener.accept().await?;
    // Small answers leave at once.
    stream.set_nodelay(true)?;
    let local = LocalAddr(stream.local_addr()?.into());
    Ok((stream, local, RemoteAddr(remote.into())))
}

/// One connection. When the client goes, hyper ends, and dropping it drops the handler that was still waiting.
async fn connection<E: Endpoint + 'static>(
    stream: TcpStream,
    local: LocalAddr,
    remote: RemoteAddr,
    endpoint: Arc<E>,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| {
        let request = Request::from((request, local.clone(), remote.clone(), Scheme::HTTP));
        let endpoint = Arc::clone(&endpoint);
        async move { Ok::<_, Infallible>(endpoint.get_response(request).await.into()) }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
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
