//! Ordinary messages while the homomorphic pool has more to do than it can: a real relay, a real gate key, licenses that are played without a pause.
//!
//! The relay, its pool and this load generator share one machine. What this program does for a play is little (a request of 200 bytes; releases are
//! not opened), so the processors are the relay's: on a machine of two one for the pool, and the other one and what the pool yields for the rest.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use playgate::oblivious::{GateKey, OpeningKey, PAD_SLOTS, PlayRequest, Want};
use playgate::{Capability, PlayLimit, PlayShare};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sdk::{Base64, LicenseId, types};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::http::Connection;
use crate::measure::{Effort, median};
use crate::relay_suite::account::{self, Account};
use crate::relay_suite::process::Process;
use crate::relay_suite::{BODY_LEN, Relay, metrics};
use crate::table::{Row, Target};

/// Plays are no reason for a message to wait.
const SATURATED_TO_IDLE: f64 = 2.0;

/// Licenses that are played at once, each by a player who asks again as soon as he was answered: a queue that is never empty before one thread, nor before
/// ten.
const PLAYERS: usize = 16;
/// Messages a second, a twentieth of what the relay can store: enough of them for a p99, too few to wait for one another.
const SENDS_A_SECOND: u32 = 400;
const SENDERS: u32 = 8;
const MAILBOXES: usize = 64;
/// Seconds of each measurement for each second that is asked for: of 400 messages four are above the p99, of 1200 twelve.
const SPAN: f64 = 3.0;
/// Looks at the queue while it is to be full.
const LOOK: Duration = Duration::from_millis(50);
/// The relay rests when it uses less processor time than this, seconds in a fifth of a second.
const AT_REST: f64 = 0.02;

/// Milliseconds.
const A_DAY: u64 = 24 * 3600 * 1000;
/// Loading the key takes a second.
const PATIENCE: Duration = Duration::from_secs(30);

const GATE_KEY: &str = "0123456789abcdef0123456789abcdef";
const JSON: &str = "Content-Type: application/json\r\n";
const BYTES: &str = "Content-Type: application/octet-stream\r\n";

/// Measures.
pub fn run(effort: Effort, binary: &Path) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(effort, binary))
}

async fn measure(effort: Effort, binary: &Path) -> Result<Vec<Row>> {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let relay = Relay::start(binary)?;
    let host = relay.process.host.clone();
    let accounts = relay.accounts("u", MAILBOXES, &mut rng).await?;
    let sender = account::register(&relay.client, "sender", &mut rng).await?;
    let players = players(&relay, &sender, &mut rng).await?;
    let mut body = vec![0; BODY_LEN];
    rng.fill_bytes(&mut body);
    let body = Arc::new(body);
    let time = Duration::from_secs_f64(effort.seconds * SPAN);
    let send = || sends(&host, &accounts, &body, time);

    let (mut idle, mut saturated, mut ratios, mut rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // The first round warms what is lazy, and is not counted.
    for round in 0..=effort.rounds {
        rest(&relay).await?;
        let calm = p99(send().await?);
        let load = Load::start(&relay.process, &players);
        load.is_full().await?;
        let (busy, fewest) = tokio::join!(send(), fewest_waiting(&relay.process.metrics, time));
        let rate = load.stop().await?;
        ensure!(
            fewest? > 0.0,
            "the pool was not saturated: at some moment no play waited"
        );
        let busy = p99(busy?);
        if round > 0 {
            idle.push(calm);
            saturated.push(busy);
            ratios.push(busy / calm);
            rates.push(rate);
        }
    }
    let row = |name: &str, value, unit| Row::new(format!("saturated: {name}"), value, unit);
    Ok(vec![
        row("p99 of send, gate idle", median(idle), "ms"),
        row("p99 of send, gate saturated", median(saturated), "ms"),
        row("p99 of send, saturated / idle", median(ratios), "ratio").with(Target::AtMost(SATURATED_TO_IDLE)),
        row("plays meanwhile", median(rates), "1/s"),
    ])
}

/// Until the relay has done what was due behind the last plays.
async fn rest(relay: &Relay) -> Result<()> {
    let cpu = || {
        let seconds = relay.process.cpu_seconds();
        seconds.context("processor time of a process is known on Linux only")
    };
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let before = cpu()?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        if cpu()? - before <= AT_REST {
            return Ok(());
        }
    }
    bail!("the relay does not come to rest")
}

fn p99(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = (times.len() * 99).div_ceil(100);
    times.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// Milliseconds of each of [`SENDS_A_SECOND`] messages a second for `time`, from the moment at which it was due if its connection was held up by then.
async fn sends(host: &str, accounts: &Arc<Vec<Account>>, body: &Arc<Vec<u8>>, time: Duration) -> Result<Vec<f64>> {
    let start = Instant::now();
    let gap = Duration::from_secs(1) / SENDS_A_SECOND;
    let senders: Vec<_> = (0..SENDERS)
        .map(|first| {
            let (host, accounts, body) = (host.to_owned(), Arc::clone(accounts), Arc::clone(body));
            tokio::spawn(async move {
                let mut connection = Connection::open(&host).await?;
                let mut times = Vec::new();
                for n in (first..).step_by(SENDERS as usize) {
                    let due = start + gap * n;
                    if due.duration_since(start) >= time {
                        break;
                    }
                    let late = Instant::now() > due;
                    tokio::time::sleep_until(due).await;
                    let n = n as usize;
                    let from = accounts.get((n + 1) % accounts.len()).context("no sender")?;
                    let to = accounts.get(n % accounts.len()).context("no recipient")?;
                    let path = format!("POST /v1/messages?to={}&id={}", to.user, Uuid::new_v4());
                    let headers = format!("{BYTES}{}", from.authorization);
                    // The clock of sleeping ticks in milliseconds, which is nobody's fault.
                    let begun = if late { due } else { Instant::now() };
                    let answer = connection.request(&path, &headers, &body).await?;
                    answer.expect_ok()?;
                    times.push(begun.elapsed().as_secs_f64() * 1e3);
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for sender in senders {
        times.extend(sender.await??);
    }
    Ok(times)
}

/// One who plays one license again and again.
struct Player {
    path: String,
    capability: Base64,
    opening: Arc<OpeningKey>,
}

impl Player {
    /// Asks once; whether there was a place.
    async fn play(&self, connection: &mut Connection, request: &PlayRequest) -> Result<bool> {
        let body = types::ObliviousPlayRequest {
            play_id: Uuid::new_v4(),
            capability: self.capability.clone(),
            request: request.to_bytes().into(),
        };
        let answer = connection
            .request(&self.path, JSON, &serde_json::to_vec(&body)?)
            .await?;
        if answer.status == 503 {
            return Ok(false);
        }
        answer.expect_ok()?;
        Ok(true)
    }
}

/// Uploads a gate key, sends a message under it to each player, and uses up its pads, so that each request is a sealed one: the dearest there is.
async fn players(relay: &Relay, sender: &Account, rng: &mut ChaCha20Rng) -> Result<Arc<Vec<Player>>> {
    let status = relay.client.status().send().await.map_err(sdk::SdkError::from)?;
    let expires_at = status.time + A_DAY;
    let gate = GateKey::generate(rng);
    let evaluation = gate.evaluation_key(rng, &mut |_| ());
    let opening = Arc::new(gate.opening_key());
    let capability = Capability::generate(rng);
    let mut connection = Connection::open(&relay.process.host).await?;
    let headers = format!(
        "{BYTES}Latchkey-Capability-Hash: {}\r\n{}",
        Base64::from(capability.hash()),
        sender.authorization
    );
    let path = format!("PUT /v1/gate-keys/{GATE_KEY}");
    connection.request(&path, &headers, &evaluation).await?.expect_ok()?;

    let mut players = Vec::new();
    for _ in 0..PLAYERS {
        let (counter, pads) = gate.seal(PlayLimit::new(15)?, rng);
        let (play, owner) = (Capability::generate(rng), Capability::generate(rng));
        let mut own_half = [0; 16];
        rng.fill_bytes(&mut own_half);
        let license = LicenseId::new(&sender.user, own_half);
        let body = types::ObliviousRequest {
            to: sender.user.clone(),
            id: Uuid::new_v4(),
            envelope: Base64::from([0; 64]),
            license: types::NewObliviousLicense {
                id: license.into(),
                gate_key: GATE_KEY.to_owned(),
                gate_key_capability: Base64::from(capability.as_bytes()),
                counter: counter.to_bytes().into(),
                expires_at,
                share: Base64::from(PlayShare::generate(rng).as_bytes()),
                play_capability_hash: Base64::from(play.hash()),
                owner_capability_hash: Base64::from(owner.hash()),
            },
        };
        let headers = format!("{JSON}{}", sender.authorization);
        let body = serde_json::to_vec(&body)?;
        let answer = connection
            .request("POST /v1/messages/oblivious", &headers, &body)
            .await?;
        answer.expect_ok()?;
        let player = Player {
            path: format!("POST /v1/licenses/{license}/oblivious-plays"),
            capability: Base64::from(play.as_bytes()),
            opening: Arc::clone(&opening),
        };
        let last = PlayRequest::padded(&pads, PAD_SLOTS - 1, Want::Decoy).context("no such slot")?;
        ensure!(player.play(&mut connection, &last).await?, "an idle gate was busy");
        players.push(player);
    }
    Ok(Arc::new(players))
}

/// Players at work.
struct Load {
    stop: Arc<AtomicBool>,
    played: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Result<()>>>,
    begun: Instant,
    metrics: String,
}

impl Load {
    fn start(relay: &Process, players: &Arc<Vec<Player>>) -> Self {
        let (stop, played) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..players.len()).map(|n| {
            let (players, stop, played) = (Arc::clone(players), Arc::clone(&stop), Arc::clone(&played));
            let host = relay.host.clone();
            tokio::spawn(async move {
                let player = players.get(n).context("no player")?;
                let mut connection = Connection::open(&host).await?;
                let mut rng = ChaCha20Rng::seed_from_u64(n as u64);
                while !stop.load(Ordering::Relaxed) {
                    let request = PlayRequest::sealed(&player.opening, Want::Play, &mut rng);
                    if player.play(&mut connection, &request).await? {
                        played.fetch_add(1, Ordering::Relaxed);
                    } else {
                        tokio::time::sleep(LOOK).await;
                    }
                }
                Ok(())
            })
        });
        Self {
            tasks: tasks.collect(),
            begun: Instant::now(),
            metrics: relay.metrics.clone(),
            stop,
            played,
        }
    }

    /// Until plays wait for a thread.
    async fn is_full(&self) -> Result<()> {
        let mut connection = Connection::open(&self.metrics).await?;
        while waiting(&mut connection).await? == 0.0 {
            tokio::time::sleep(LOOK).await;
            ensure!(self.begun.elapsed() < PATIENCE, "the pool does not fill");
        }
        Ok(())
    }

    /// Plays a second, of all players together.
    async fn stop(self) -> Result<f64> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await??;
        }
        Ok(self.played.load(Ordering::Relaxed) as f64 / self.begun.elapsed().as_secs_f64())
    }
}

async fn waiting(connection: &mut Connection) -> Result<f64> {
    metrics::read(connection, "latchkey_gate_queue").await
}

/// The fewest plays that waited for a thread at any look within `time`.
async fn fewest_waiting(host: &str, time: Duration) -> Result<f64> {
    let mut connection = Connection::open(host).await?;
    let (start, mut fewest) = (Instant::now(), f64::INFINITY);
    while start.elapsed() < time {
        fewest = fewest.min(waiting(&mut connection).await?);
        tokio::time::sleep(LOOK).await;
    }
    Ok(fewest)
}
