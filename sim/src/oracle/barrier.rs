//! Rules that hold whenever users wait until all is quiet.
//!
//! Where only one user did anything since it was last quiet, everyone's tree is as he left his: no
//! engine changed his disk, and everything he did is everywhere.

use super::epoch::{Epoch, Pace};
use super::scene::Scene;
use super::{Broken, Tally, judge, rules, tree};

/// More new names than these make a storm, in which names settle longer.
const STORM_NAMES: u64 = 4;

/// One user acted, with nothing in anyone's way, and at this time everyone has all of it: it came
/// as quickly as it should.
pub fn was_quick(epoch: &Epoch, now_ms: u64, tally: &mut Tally) -> Result<(), Broken> {
    let alone = epoch.deeds.iter().filter(|deeds| **deeds > 0).count() == 1;
    let disturbed = epoch.spoiled || epoch.network_changed || epoch.names > STORM_NAMES;
    if !alone || !epoch.agreed || disturbed {
        return Ok(());
    }
    let took_ms = now_ms - epoch.changed_ms;
    // A name that was made and is gone settles as one that stays, though nothing comes of it.
    // What is written where something was that moved, and is gone since, may be an edit of that.
    let made = match epoch.names {
        0 => Pace::Nothing,
        _ if epoch.moved && epoch.gone => Pace::Deletion,
        _ => Pace::Name,
    };
    let pace = epoch.pace.max(made);
    tally.judged(rules::LATENCY, u64::from(pace != Pace::Nothing));
    if took_ms > pace.bound_ms() {
        let what = format!("{pace:?} took {took_ms} ms");
        return Err(Broken::new(rules::LATENCY, what));
    }
    Ok(())
}

/// All is quiet, and nothing is in anyone's way: judges what came of the epoch that ends here.
pub fn at_quiet(scene: &Scene<'_>, epoch: &Epoch) -> Result<Tally, Broken> {
    let mut tally = Tally::default();
    let server = tree::of_rows(&scene.server.rows, &mut tally)?;
    judge::same_trees(scene, &server, &mut tally)?;
    let actors = epoch.deeds.iter().filter(|deeds| **deeds > 0).count();
    let Some((actor, left)) = &epoch.last else { return Ok(tally) };
    if epoch.spoiled || actors != 1 || scene.witness.has_links {
        return Ok(tally);
    }
    tally.judged(rules::ALONE, 1u64);
    let now = &scene.devices[*actor].tree;
    if now != left {
        let gone = left.iter().filter(|(path, leaf)| now.get(*path) != Some(leaf));
        let new = now.iter().filter(|(path, leaf)| left.get(*path) != Some(leaf));
        let what = format!(
            "device {actor} was alone; gone: {:?}; new: {:?}",
            gone.collect::<Vec<_>>(),
            new.collect::<Vec<_>>()
        );
        return Err(Broken::new(rules::ALONE, what));
    }
    Ok(tally)
}
