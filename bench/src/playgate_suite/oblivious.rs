//! The homomorphic gate, in bootstraps of its own parameter set and, with the feature `naive`, against the naive gate.

use anyhow::{Context, Result, ensure};
use playgate::oblivious::{
    Class, EvaluationKey, GateKey, PAD_SLOTS, PadKey, PlayContext, PlayRequest, PlayState, RELEASE_LEN, Want, fold,
    play,
};
use playgate::{PlayLimit, PlayShare};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tfhe::shortint::parameters::v1_8::V1_8_PARAM_MESSAGE_2_CARRY_2_KS32_PBS_TUNIFORM_2M128;
use tfhe::shortint::{ClientKey, ServerKey};

use crate::measure::{Effort, median, timed};
use crate::table::{Row, Target};

/// Plays of a round: the high digit of the larger class is refreshed once in eight.
const PLAYS: u32 = 8;

const CONTEXT: PlayContext = PlayContext {
    license: [1; 32],
    play_id: [2; 16],
};

/// One sender's key, and licenses under it.
pub struct Side {
    pub gate: GateKey,
    pub evaluation: EvaluationKey,
    wire_len: usize,
    making: f64,
    loading: f64,
}

impl Side {
    pub fn make(seed: u64) -> Result<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let gate = GateKey::generate(&mut rng);
        let (wire, making) = timed(|| gate.evaluation_key(&mut rng, &mut |_| ()));
        let (evaluation, loading) = timed(|| EvaluationKey::load(&wire));
        Ok(Self {
            gate,
            evaluation: evaluation?,
            wire_len: wire.len(),
            making,
            loading,
        })
    }

    fn license(&self, class: Class, rng: &mut ChaCha20Rng) -> Result<License<'_>> {
        let limit = PlayLimit::new(if class == Class::To15 { 15 } else { 200 })?;
        let (counter, pads) = self.gate.seal(limit, rng);
        Ok(License {
            side: self,
            state: PlayState::new(&counter),
            pads,
            share: PlayShare::generate(rng),
        })
    }
}

struct License<'a> {
    side: &'a Side,
    state: PlayState,
    pads: PadKey,
    share: PlayShare,
}

impl License<'_> {
    /// Seconds to the answer and seconds of the fold.
    fn play(&mut self, rng: &mut ChaCha20Rng) -> Result<(f64, f64)> {
        let slot = self.state.next_slot() % PAD_SLOTS;
        let request = PlayRequest::padded(&self.pads, slot, Want::Play).context("no such slot")?;
        let (played, answer) = timed(|| play(&self.side.evaluation, &self.state, &request, &self.share, &CONTEXT, rng));
        let (state, release) = played?;
        let opened = self.side.gate.opening_key().open(&release, &CONTEXT);
        ensure!(opened.as_ref() == Some(&self.share), "a play was denied");
        let (folded, folding) = timed(|| fold(&self.side.evaluation, &state));
        self.state = folded?;
        Ok((answer, folding))
    }
}

/// Milliseconds a play: to the answer, and the whole of it.
fn plays(side: &Side, class: Class, rng: &mut ChaCha20Rng) -> Result<[f64; 2]> {
    let mut license = side.license(class, rng)?;
    let (mut answers, mut folds) = (0.0, 0.0);
    for _ in 0..PLAYS {
        let (answer, fold) = license.play(rng)?;
        answers += answer;
        folds += fold;
    }
    let each = 1e3 / f64::from(PLAYS);
    Ok([answers * each, (answers + folds) * each])
}

/// One keyswitch and bootstrap of the gate's parameter set, in the one-threaded pool that it is called in.
struct Bootstrap {
    client: ClientKey,
    server: ServerKey,
}

impl Bootstrap {
    fn make() -> Self {
        let client = ClientKey::new(V1_8_PARAM_MESSAGE_2_CARRY_2_KS32_PBS_TUNIFORM_2M128);
        let server = ServerKey::new(&client);
        Self { client, server }
    }

    /// Milliseconds of one.
    fn run(&self) -> f64 {
        let table = self.server.generate_lookup_table(|x| x);
        let input = self.client.encrypt(1);
        let (_, seconds) = timed(|| {
            for _ in 0..PLAYS {
                let _ = std::hint::black_box(self.server.apply_lookup_table(&input, &table));
            }
        });
        seconds * 1e3 / f64::from(PLAYS)
    }
}

/// Measures the gate.
pub fn run(effort: Effort) -> Result<Vec<Row>> {
    let side = Side::make(1)?;
    let other = Side::make(2)?;
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let bootstrap = one_thread.install(Bootstrap::make);
    #[cfg(feature = "naive")]
    let naive = one_thread.install(super::naive::Naive::make);
    let mut rng = ChaCha20Rng::seed_from_u64(3);

    let mut times: [Vec<f64>; 7] = std::array::from_fn(|_| Vec::new());
    #[cfg(feature = "naive")]
    let mut naives = Vec::new();
    for _ in 0..effort.rounds {
        let [small, small_whole] = plays(&side, Class::To15, &mut rng)?;
        let [large, large_whole] = plays(&side, Class::To255, &mut rng)?;
        let bootstrap = one_thread.install(|| bootstrap.run());
        let (alone, together) = (one_after_the_other(&side, &other)?, at_once(&side, &other)?);
        #[cfg(feature = "naive")]
        naives.push(one_thread.install(|| naive.play())?);
        let round = [small, small_whole, large, large_whole, bootstrap, alone, together];
        for (times, time) in times.iter_mut().zip(round) {
            times.push(time);
        }
    }
    let [small, small_whole, large, large_whole, bootstrap, alone, together] = times.map(median);

    let row = |name: &str, value, unit| Row::new(format!("oblivious: {name}"), value, unit);
    let license_to = |limit: u8| -> Result<f64> {
        let (counter, _) = side
            .gate
            .seal(PlayLimit::new(limit)?, &mut ChaCha20Rng::seed_from_u64(4));
        Ok(counter.to_bytes().len() as f64)
    };
    let sealed = PlayRequest::sealed(&side.gate.opening_key(), Want::Play, &mut rng)
        .to_bytes()
        .len();
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    let mut rows = Vec::new();
    #[cfg(feature = "naive")]
    {
        let naive = median(naives);
        rows.extend([
            row("naive play: plain tfhe counter, one thread", naive, "ms"),
            row("naive / play to 15, to the answer", naive / small, "ratio"),
            row("naive / play to 15, whole", naive / small_whole, "ratio").with(Target::AtLeast(45.0)),
            row("naive / play to 255, to the answer", naive / large, "ratio"),
            row("naive / play to 255, whole", naive / large_whole, "ratio").with(Target::AtLeast(18.0)),
        ]);
    }
    rows.extend([
        row("keyswitch + bootstrap, one thread", bootstrap, "ms"),
        row("play to 15, to the answer", small, "ms"),
        row("play to 15, whole", small_whole, "ms"),
        row("play to 255, to the answer", large, "ms"),
        row("play to 255, whole", large_whole, "ms"),
        row("play to 15, to the answer, in bootstraps", small / bootstrap, "ratio"),
        row("play to 15, whole, in bootstraps", small_whole / bootstrap, "ratio").with(Target::AtMost(3.3)),
        row("play to 255, to the answer, in bootstraps", large / bootstrap, "ratio"),
        row("play to 255, whole, in bootstraps", large_whole / bootstrap, "ratio").with(Target::AtMost(4.0)),
        row("two keys: two threads / one", alone / together, "ratio").with(Target::AtLeast(1.7)),
        row("license to 15", license_to(15)?, "B").with(Target::AtMost(256.0)),
        row("license to 255", license_to(255)?, "B").with(Target::AtMost(256.0)),
        row("request, sealed", sealed as f64, "B").with(Target::AtMost(128.0)),
        row("release", RELEASE_LEN as f64, "B").with(Target::AtMost(4096.0)),
        row("evaluation key on the wire", megabytes(side.wire_len), "MB").with(Target::AtMost(31.0)),
        row("evaluation key loaded", megabytes(side.evaluation.loaded_bytes()), "MB").with(Target::AtMost(125.0)),
        row("making an evaluation key", side.making.min(other.making), "s"),
        row("loading an evaluation key", side.loading.min(other.loading), "s"),
    ]);
    Ok(rows)
}

/// Seconds for [`PLAYS`] plays under each of two keys, on this thread.
fn one_after_the_other(one: &Side, other: &Side) -> Result<f64> {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (done, seconds) = timed(|| -> Result<()> {
        for side in [one, other] {
            plays(side, Class::To15, &mut rng)?;
        }
        Ok(())
    });
    done.map(|()| seconds)
}

/// The same on a thread each.
fn at_once(one: &Side, other: &Side) -> Result<f64> {
    let (done, seconds) = timed(|| {
        std::thread::scope(|scope| {
            let threads = [one, other].map(|side| {
                scope.spawn(move || plays(side, Class::To15, &mut ChaCha20Rng::seed_from_u64(5)).map(drop))
            });
            threads.map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a play panicked")))
        })
    });
    done.into_iter().collect::<Result<()>>()?;
    Ok(seconds)
}
