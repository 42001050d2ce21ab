//! What travels and is stored of play limits, but for the evaluation key: its body is bare numbers of one length.

use std::sync::OnceLock;

use playgate::oblivious::{
    CounterView, EvaluationKey, GateKey, OpeningKey, PadKey, PlayContext, PlayRelease, PlayRequest, PlayState,
    SealedCounter, Want, play,
};
use playgate::share::PlayShare;
use playgate::{Mode, PlayLimit, Policy};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::altered;
use crate::edit::Script;

const CONTEXT: PlayContext = PlayContext {
    license: [1; 32],
    play_id: [2; 16],
};

struct Genuine {
    gate: GateKey,
    opening: OpeningKey,
    /// The forms, each with its kind's number.
    forms: Vec<(u8, Vec<u8>)>,
}

fn genuine() -> &'static Genuine {
    static GENUINE: OnceLock<Genuine> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let gate = GateKey::generate_insecure_toy(&mut rng);
        let evaluation = gate.evaluation_key(&mut rng, &mut |_| ());
        let key = EvaluationKey::load(&evaluation).unwrap();
        let opening = gate.opening_key();
        let mut forms = vec![
            (6, opening.to_bytes().to_vec()),
            (7, gate.to_bytes().to_vec()),
            (9, evaluation[..32].to_vec()),
        ];
        for limit in [3, 200] {
            let (counter, pads): (SealedCounter, PadKey) = gate.seal(PlayLimit::new(limit).unwrap(), &mut rng);
            let state = PlayState::new(&counter);
            let padded = PlayRequest::padded(&pads, 0, Want::Play).unwrap();
            let sealed = PlayRequest::sealed(&opening, Want::Decoy, &mut rng);
            let share = PlayShare::from_bytes([3; 32]);
            let (after, release) = play(&key, &state, &padded, &share, &CONTEXT, &mut rng).unwrap();
            forms.extend([
                (0, counter.to_bytes()),
                (1, state.to_bytes()),
                (1, after.to_bytes()),
                (2, after.view().to_bytes()),
                (3, padded.to_bytes()),
                (3, sealed.to_bytes()),
                (4, release.to_bytes()),
            ]);
            let policy = Policy {
                mode: Mode::Counted,
                limit: PlayLimit::new(limit).unwrap(),
                expires_at: Some(1_790_000_000_000),
            };
            forms.push((8, policy.encode()));
        }
        Genuine { gate, opening, forms }
    })
}

/// How many forms there are to edit.
#[must_use]
pub fn choices() -> usize {
    genuine().forms.len()
}

/// The first byte names a genuine form; the rest edits it, or stands for itself.
pub fn run(data: &[u8]) {
    let (mut script, genuine) = (Script::new(data), genuine());
    let (kind, form) = &genuine.forms[usize::from(script.byte()) % genuine.forms.len()];
    let same: Vec<&[u8]> = genuine
        .forms
        .iter()
        .filter(|(other, _)| other == kind)
        .map(|(_, form)| form.as_slice())
        .collect();
    let bytes = altered(form, &mut script, &same);
    let written = match kind {
        0 => SealedCounter::from_bytes(&bytes).ok().map(|counter| {
            let _ = genuine.gate.left(&PlayState::new(&counter).view());
            counter.to_bytes()
        }),
        1 => PlayState::from_bytes(&bytes).ok().map(|state| state.to_bytes()),
        2 => CounterView::from_bytes(&bytes).ok().map(|view| {
            // A count, or why there is none: never a panic, whatever a relay shows.
            let _ = genuine.gate.left(&view);
            view.to_bytes()
        }),
        3 => PlayRequest::from_bytes(&bytes).ok().map(|request| request.to_bytes()),
        4 => PlayRelease::from_bytes(&bytes).ok().map(|release| {
            let opened = genuine.opening.open(&release, &CONTEXT);
            // The share, or nothing: it is sealed, so no third thing comes out.
            assert!(opened.is_none_or(|share| share.as_bytes() == &[3; 32]));
            release.to_bytes()
        }),
        6 => OpeningKey::from_bytes(&bytes).ok().map(|key| key.to_bytes().to_vec()),
        7 => GateKey::from_bytes(&bytes).ok().map(|key| key.to_bytes().to_vec()),
        8 => Policy::decode(&bytes).ok().map(|policy| policy.encode()),
        _ => {
            let _ = EvaluationKey::peek(&bytes);
            assert!(EvaluationKey::load(&bytes).is_err(), "a head is no key");
            None
        }
    };
    if let Some(written) = written {
        assert_eq!(written, bytes, "one encoding a value");
    }
}
