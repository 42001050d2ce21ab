//! A machine that is copied while it runs, as a virtual one is by a snapshot: state and generator go on twice.

use super::*;

/// The key and the nonce of a message are those of its text: two runs of one state with the same randomness share them only for the same envelope.
#[test]
fn a_snapshot_that_runs_twice_seals_no_two_texts_under_one_key() {
    let mut scene = Scene::in_epoch_2(71);
    let (mut copy, mut repeated) = (scene.alice.clone(), scene.rng.clone());
    let say = |words: &str| Content {
        id: ContentId([9; 16]),
        sent_at: NOW,
        body: Body::Text(words.into()),
    };
    let one = scene
        .alice
        .send(&address("bob"), &say("attack at dawn"), NOW, &mut scene.rng)
        .unwrap();
    let (mut third, mut again) = (copy.clone(), repeated.clone());
    let two = copy
        .send(&address("bob"), &say("attack at noon"), NOW, &mut repeated)
        .unwrap();
    // The control: the generator does repeat, and the same text gives the same bytes.
    let same = third
        .send(&address("bob"), &say("attack at dawn"), NOW, &mut again)
        .unwrap();
    assert_eq!(same, one);
    // The commitment stands for the key: it is derived beside it, and its beginning is the nonce.
    let commitment = |out: &Outgoing| out.envelope[34..66].to_vec();
    assert_eq!(one.envelope.len(), two.envelope.len());
    assert_ne!(one.id, two.id);
    assert_ne!(commitment(&one), commitment(&two));
    // Were key and nonce the same, the difference of the sealed texts would be that of the texts, which is zero almost everywhere.
    let alike = one.envelope[66..]
        .iter()
        .zip(&two.envelope[66..])
        .filter(|(a, b)| a == b)
        .count();
    assert!(alike < 20, "{alike} of {} bytes agree", one.envelope.len() - 66);
}
