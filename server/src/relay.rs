//! A relay from a configuration: data directory, store, services, listener, and an orderly end.

mod directory;
mod error;
mod maintenance;
mod name;

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use crate::relay::maintenance::{refresh, refresh_for_ever, run_errands_for_ever, sweep_for_ever};
use crate::{
    clock::{Clock, SystemClock},
    config::{Config, Patience, running},
    http::{
        admission::Places,
        app::{app, operations},
        fast_send::ThinSend,
        file_limit,
        health::health,
        listener::{self, Serving},
    },
    metrics::Metrics,
    operator::errands,
    origin::Origin,
    proxies::Trust,
    service::{Services, gate::Gate, homomorphic::Homomorphic},
    store::{
        Activity,
        files::KeyFiles,
        sqlite::{DiskRules, Sqlite},
        waiters::Waiters,
    },
    tls::{Acceptor, Certificates, TlsError},
};
use directory::claim_in_time;
pub(crate) use directory::{LOCK_FILE, claim};
pub use error::StartError;

/// How long requests under way may take after the relay was told to stop; nothing takes longer once the waits have ended. With a second for the
/// database that is the five that a relay has to be gone in.
pub(crate) const GRACE: Duration = Duration::from_secs(4);
/// The same for whoever watches; a scrape takes milliseconds.
const WATCHERS_GRACE: Duration = Duration::from_millis(200);
/// Connections of whoever watches: a handful of scrapers. Any further takes the place of the one that idles longest.
const WATCHERS: usize = 64;
/// More reads than these, waiting or running, are a crowd. Meanwhile the requests that want them hold some 20 KiB each, and what they took together the process
/// keeps: when all who wait for mail come back at once, it is to be little.
const CROWD: u64 = 256;
/// Connections that the system keeps until they are accepted; Linux allows no more unless it is told to (`net.core.somaxconn`). Whoever comes beyond that tries again a second later.
const BACKLOG: u32 = 4096;
/// What the system keeps of an answer that is not read (Linux doubles it): otherwise it is up to 4 MiB a connection. With 200 ms to the client 640 KB a second still leave.
const SEND_BUFFER: u32 = 128 << 10;

/// Starts relays.
pub struct Relay;

impl Relay {
    /// Starts a relay in the background.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config) -> Result<RunningRelay, StartError> {
        Self::start_with_clock(config, Arc::new(SystemClock)).await
    }

    /// Starts a relay that takes the time from `clock`.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_with_clock(config: Config, clock: Arc<dyn Clock>) -> Result<RunningRelay, StartError> {
        Self::start_with(config, clock, Arc::new(Homomorphic)).await
    }

    /// Starts a relay that takes the time from `clock` and computes oblivious plays with `gate`.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_with(
        config: Config,
        clock: Arc<dyn Clock>,
        gate: Arc<dyn Gate>,
    ) -> Result<RunningRelay, StartError> {
        let lock = claim_in_time(&config.data_dir).await?;
        if let Err(error) = errands::make_directory(&config.data_dir) {
            tracing::warn!(%error, "the directory for errands of the operator's could not be made, so commands cannot ask for anything");
        }
        let tls = tls(&config)?;
        let files = KeyFiles::open(&config.data_dir).map_err(|source| StartError::DataDir {
            path: config.data_dir.clone(),
            source,
        })?;
        let wakes = Arc::new(Waiters::default());
        let room = DiskRules {
            most: config.max_database,
            reserve: config.disk_reserve,
        };
        let store = Arc::new(Sqlite::open_with(&config.data_dir, lock, room, Arc::clone(&wakes))?);
        name::check(&config.data_dir, &config.name)?;
        if config.is_public() && config.name.as_str().split(':').next() == Some("localhost") {
            tracing::warn!(
                name = %config.name,
                "others can reach this relay, and by its name every machine calls itself: addresses here are NAME@localhost. Choose one with --name before the \
                 first account is registered; afterwards it cannot change"
            );
        }
        let metrics = Arc::new(Metrics::new(operations().names()));
        let services = Arc::new(Services::new(store, files, wakes, clock, gate, config.rules(), metrics).await?);
        let (listener, addr) = listen(config.listen, "--listen").await?;
        let watched = match config.metrics_listen {
            Some(addr) => Some(listen(addr, "--metrics-listen").await?),
            None => None,
        };
        let metrics_addr = watched.as_ref().map(|(_, addr)| *addr);
        if let Some(addr) = metrics_addr.filter(|addr| !addr.ip().is_loopback()) {
            tracing::warn!(
                %addr,
                "others can reach --metrics-listen, and it asks for no password: who reads exact counts often sees when somebody sends and fetches. Listen on the \
                 loopback (--metrics-listen 127.0.0.1:5001), or let a firewall admit the monitoring alone"
            );
        }
        if let Err(error) = running::write(&config, addr, metrics_addr) {
            tracing::warn!(%error, "the settings could not be written down in the data directory; commands such as invite need them as flags");
        }
        let ended = Arc::new(Notify::new());
        let watching = watched.map(|(listener, _)| {
            let (services, tls, ended) = (Arc::clone(&services), tls.clone(), Arc::clone(&ended));
            tokio::spawn(watch(listener, services, tls, config.patience, ended))
        });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn({
            let (services, tls) = (Arc::clone(&services), tls.clone());
            async move {
                // An error means that the sender is gone, which is a stop too.
                let stopped = async { drop(stopped.await) };
                serve(listener, services, tls, &config, stopped).await;
                // To the last it says that the relay is going down.
                ended.notify_one();
                if let Some(watching) = watching {
                    let _ = watching.await;
                }
            }
        });
        Ok(RunningRelay {
            addr,
            metrics_addr,
            tls,
            services,
            stop: Some(stop),
            serving: Some(serving),
        })
    }
}

/// Serves until `shutdown` is done, then lets what is under way finish.
pub async fn serve(
    listener: TcpListener,
    services: Arc<Services>,
    tls: Option<Acceptor>,
    config: &Config,
    shutdown: impl Future<Output = ()>,
) {
    let sweeper = tokio::spawn(sweep_for_ever(Arc::clone(&services)));
    let folder = tokio::spawn({
        let services = Arc::clone(&services);
        async move { services.fold_for_ever().await }
    });
    let runner = tokio::spawn(run_errands_for_ever(Arc::clone(&services), config.data_dir.clone()));
    let refresher = tls
        .as_ref()
        .map(|tls| tokio::spawn(refresh_for_ever(Arc::clone(tls.certificates()), Arc::clone(&services))));
    let thin = ThinSend::new(Arc::clone(&services), config.patience.body);
    let serving = door(app(Arc::clone(&services), config), thin, &services, tls, config);
    let ending = async {
        shutdown.await;
        services.stop();
    };
    listener::serve(listener, serving, ending, GRACE).await;
    for task in [sweeper, folder, runner].into_iter().chain(refresher) {
        task.abort();
        // Until it has let go of the services, the store is not closed.
        let _ = task.await;
    }
}

/// What a relay serves its connections with, whoever answers in it.
pub(crate) fn door<E>(
    endpoint: E,
    thin: Option<Arc<ThinSend>>,
    services: &Arc<Services>,
    tls: Option<Acceptor>,
    config: &Config,
) -> Serving<E> {
    Serving {
        endpoint,
        thin,
        cross_origin: !config.cors_origins.is_empty(),
        tls,
        patience: config.patience,
        places: Places::new(
            file_limit::for_connections(config.connections.get()),
            config
                .rates
                .connections
                .filter(|_| config.proxies.trust == Trust::Nobody),
        ),
        open: Arc::clone(&services.metrics().connections),
        crowded: {
            let services = Arc::clone(services);
            let many = |activity: &Activity| activity.reading.load(Ordering::Relaxed) > CROWD;
            Box::new(move || services.activity().is_some_and(many))
        },
    }
}

pub(crate) async fn listen(addr: SocketAddr, flag: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { addr, flag, source };
    let listener = bind(addr).map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok((listener, addr))
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A port whose last connections are just fading away is free; on Windows the option means something else.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Shows the relay's health and its numbers until it has ended.
async fn watch(
    listener: TcpListener,
    services: Arc<Services>,
    tls: Option<Acceptor>,
    patience: Patience,
    ended: Arc<Notify>,
) {
    let serving = Serving {
        endpoint: health(services, tls),
        thin: None,
        cross_origin: false,
        tls: None,
        patience,
        places: Places::new(WATCHERS, None),
        open: Arc::default(),
        // Above all when there is a crowd it should be seen.
        crowded: Box::new(|| false),
    };
    listener::serve(listener, serving, ended.notified(), WATCHERS_GRACE).await;
}

/// The certificate of the configuration, if it wants TLS.
fn tls(config: &Config) -> Result<Option<Acceptor>, TlsError> {
    let Some(source) = &config.tls else {
        return Ok(None);
    };
    // Under which names and addresses clients may reach us.
    let mut names: Vec<String> = config.origins.iter().map(|origin| origin.host().to_owned()).collect();
    names.extend(Origin::parse(&format!("https://{}", config.name)).map(|origin| origin.host().to_owned()));
    if !config.listen.ip().is_unspecified() {
        names.push(config.listen.ip().to_string());
    }
    let certificates = Certificates::load(source, &config.data_dir, &names)?;
    Ok(Some(Acceptor::new(Arc::new(certificates))?))
}

/// What a relay that runs is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// To read again what may change while it runs.
    Reload,
    /// To end.
    Stop,
}

/// A relay that runs.
pub struct RunningRelay {
    addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    tls: Option<Acceptor>,
    services: Arc<Services>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl RunningRelay {
    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where its health and its numbers are shown, if they are.
    #[must_use]
    pub const fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// Its base URL by that address.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// SHA-256 of its certificate, if it does TLS: what clients pin.
    #[must_use]
    pub fn certificate(&self) -> Option<String> {
        Some(self.tls.as_ref()?.certificates().fingerprint())
    }

    /// Its services, for whoever runs it inside a program.
    #[must_use]
    pub const fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Stops accepting, ends the waits, lets requests finish, closes the database. When this returns the data directory is free.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(serving) = self.serving.take()
            && let Err(error) = serving.await
        {
            tracing::error!(%error, "the relay did not end in order");
        }
    }

    /// Reads again what may change while it runs: the certificate's files, which are looked at every few seconds anyway. All settings hold until the next start.
    pub async fn reload(&self) {
        if let Some(tls) = &self.tls {
            refresh(tls.certificates()).await;
        }
        tracing::info!("certificates were read again; settings are read at the next start");
    }

    /// Does as it is told until that is to stop, then shuts down.
    pub async fn run_until_stopped(self, mut told: impl AsyncFnMut() -> Told) {
        while told().await == Told::Reload {
            self.reload().await;
        }
        self.shutdown().await;
    }
}
