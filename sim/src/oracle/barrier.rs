//! Rules that hold whenever users wait until all is quiet.
//!
//! Where only one user did anything since it was last quiet, everyone's tree is as he left his: no
//! engine changed his disk, and everything he did is everywhere.

use super::epoch::Epoch;
use super::scene::Scene;
use super::{Broken, Tally, judge, rules, tree};

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
