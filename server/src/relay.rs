//! A relay from a configuration: data directory, store, services, listener, and an orderly end.

mod chores;
mod name;

use std::{
    fs::{DirBuilder, File, TryLockError},
    future::Future,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use protocol::address::RelayName;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{
    app::{app, operations},
    clock::{Clock, SystemClock},
    config::{Config, Patience},
    connections::{self, Serving},
    descriptors,
    health::health,
    metrics::Metrics,
    origin::Origin,
    places::Places,
    proxies::Trust,
    service::{Refusal, Services, gate::Gate, homomorphic::Homomorphic},
    store::{
        Activity,
        files::KeyFiles,
        sqlite::{FILE_NAME, OpenError, Sqlite},
        wakes::Wakes,
    },
    thin::ThinSend,
    tls::{Acceptor, Certificates, TlsError},
};
use chores::{refresh, refresh_for_ever, run_errands_for_ever, sweep_for_ever};

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
/// How long a start waits for another relay to let go of the data directory: one that was killed does so when the system has ended it, which takes some
/// milliseconds, or a few hundred under load.
const HANDOVER: Duration = Duration::from_secs(2);
/// How often it looks meanwhile.
const HANDOVER_LOOK: Duration = Duration::from_millis(20);
/// Holding a lock on this file means owning the data directory.
const LOCK_FILE: &str = "relay.lock";

/// Why a relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error(
        "cannot use the data directory {path}: {source}. Make it writable for the relay's user, or choose another with --data-dir"
    )]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is open to others, and not ours to close.
    #[error(
        "other users can read the data directory {path} (its mode is {mode:o}), and {why}. Choose a directory of the relay's own with --data-dir, or chmod 700 this one"
    )]
    Exposed {
        /// The directory.
        path: PathBuf,
        /// Who may do what there.
        mode: u32,
        /// Why it stays so.
        why: String,
    },
    /// Another relay is there.
    #[error("another relay is running on the data directory {0}. Stop it, or choose another directory with --data-dir")]
    InUse(PathBuf),
    /// The database is that of a relay with another name.
    #[error(
        "this relay is called '{given}', but the accounts in {data_dir} belong to '{stored}': their fingerprints and keys contain that name, so it cannot \
         change. Start it with --name {stored}, or keep the accounts of '{given}' in another directory with --data-dir"
    )]
    OtherName {
        /// What the configuration says.
        given: RelayName,
        /// What the accounts have signed.
        stored: RelayName,
        /// Where they are.
        data_dir: PathBuf,
    },
    /// The address.
    #[error("cannot listen on {addr}: {source}. Choose another address with {flag}; port 0 picks a free one")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What chooses it.
        flag: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The services.
    #[error("the relay could not be started: {0}. Its log has the reason")]
    Services(#[from] Refusal),
}

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
        let tls = tls(&config)?;
        let files = KeyFiles::open(&config.data_dir).map_err(|source| StartError::DataDir {
            path: config.data_dir.clone(),
            source,
        })?;
        let wakes = Arc::new(Wakes::default());
        let store = Arc::new(Sqlite::open(
            &config.data_dir,
            lock,
            config.max_database,
            Arc::clone(&wakes),
        )?);
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
    connections::serve(listener, serving, ending, GRACE).await;
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
            descriptors::for_connections(config.connections.get()),
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
    connections::serve(listener, serving, ended.notified(), WATCHERS_GRACE).await;
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

/// The same as [`claim`], but a relay that is just ending is waited for.
async fn claim_in_time(path: &Path) -> Result<File, StartError> {
    let last = Instant::now() + HANDOVER;
    loop {
        match claim(path) {
            Err(StartError::InUse(_)) if Instant::now() < last => sleep(HANDOVER_LOOK).await,
            outcome => return outcome,
        }
    }
}

/// Makes the data directory and locks it.
pub(crate) fn claim(path: &Path) -> Result<File, StartError> {
    let failed = |source| StartError::DataDir {
        path: path.to_owned(),
        source,
    };
    make_private(path)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK_FILE))
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Makes the directory, and sees to it that nobody else looks into it: file names, sizes and times tell on users even where files cannot be read.
#[cfg(unix)]
fn make_private(path: &Path) -> Result<(), StartError> {
    use std::{
        fs::{Permissions, set_permissions},
        os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    };
    const OTHERS: u32 = 0o007;
    const GROUP: u32 = 0o070;
    const STICKY: u32 = 0o1000;
    let failed = |source| StartError::DataDir {
        path: path.to_owned(),
        source,
    };
    let mode = || Ok::<_, io::Error>(path.metadata()?.permissions().mode() & 0o7777);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed)?;
    let before = mode().map_err(failed)?;
    if before & (OTHERS | GROUP) == 0 {
        return Ok(());
    }
    let exposed = |why: String| StartError::Exposed {
        path: path.to_owned(),
        mode: before,
        why,
    };
    // Not /tmp, and not a home: closing those would do harm, above all when it is root who starts a relay there.
    if before & STICKY != 0 || !is_of_a_relay(path).map_err(failed)? {
        return Err(exposed("it holds other things than a relay's data".to_owned()));
    }
    let changed = set_permissions(path, Permissions::from_mode(before & !(OTHERS | GROUP)));
    let now = mode().map_err(failed)?;
    if now & OTHERS != 0 {
        let why = changed.map_or_else(
            |error| error.to_string(),
            |()| "its file system keeps no other mode".to_owned(),
        );
        return Err(exposed(why));
    }
    if now & GROUP != 0 {
        // Someone put it into a group on purpose, and whoever did is not us.
        tracing::warn!(path = %path.display(), mode = format!("{now:o}"), "a group can look into the data directory");
    } else {
        tracing::warn!(
            path = %path.display(),
            was = format!("{before:o}"),
            mode = format!("{now:o}"),
            "others could look into the data directory; now they cannot"
        );
    }
    Ok(())
}

/// Nothing is in the directory yet (but what a new file system has), or a relay was there, or a backup was put there.
#[cfg(unix)]
fn is_of_a_relay(path: &Path) -> io::Result<bool> {
    let mut nothing = true;
    for entry in path.read_dir()? {
        let name = entry?.file_name();
        if name == LOCK_FILE || name == FILE_NAME {
            return Ok(true);
        }
        nothing &= name == "lost+found";
    }
    Ok(nothing)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> Result<(), StartError> {
    DirBuilder::new()
        .recursive(true)
        .create(path)
        .map_err(|source| StartError::DataDir {
            path: path.to_owned(),
            source,
        })
}
