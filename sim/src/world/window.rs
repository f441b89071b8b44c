//! Changes of a disk, with users, or the end of the process, in their windows.

use onefold_core::client::event::{Effect, Event, TaskId};
use onefold_core::disk::Change;
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;

use crate::disk::guard::{Crashed, Moment};
use crate::oracle::Broken;
use crate::planted;
use crate::user::intrude::{INTRUSIONS, target};
use crate::user::script::PACES_MS;

use super::World;
use super::arranged::Meanwhile;
use super::device::{Stage, Task};

impl World {
    /// The paths of a device that its client is at work on right now.
    pub(super) fn hot_paths(&self, index: usize) -> Vec<RelPath> {
        if self.setting.faults.window == 0 {
            return Vec::new();
        }
        let path = |task: &Task| match &task.stage {
            Stage::Begun(effect, _) => match &**effect {
                Effect::Change { change, .. } => Some(target(change).clone()),
                Effect::Hash { path, .. } | Effect::Upload { path, .. } => Some(path.clone()),
                Effect::Fetch { alike, .. } => alike.clone(),
                _ => None,
            },
            Stage::Done(_) => None,
        };
        self.devices[index].tasks.iter().filter_map(path).collect()
    }

    /// Whether someone may act on this device out of turn: not where nobody ever does, nor on what
    /// belongs to others.
    fn may_intrude(&self, index: usize, change: &Change) -> bool {
        let home = format!("home{index}");
        let own = |path: &RelPath| {
            path.names().first().is_some_and(|name| name.as_bytes() == home.as_bytes())
        };
        self.setting.faults.window > 0
            && self.inhabited >> index & 1 == 1
            && (!self.setting.apart || own(target(change)))
    }

    /// Carries a change out.
    pub(super) fn change(
        &mut self,
        index: usize,
        id: TaskId,
        node: NodeId,
        change: &Change,
    ) -> Result<Option<Event>, Broken> {
        self.begin_user_step_in_window(index);
        let may_intrude = self.may_intrude(index, change);
        let Self {
            devices,
            users,
            schedule,
            story,
            setting,
            writer,
            now_ms,
            arranged,
            witness,
            ..
        } = self;
        let (users, intruders) = users.split_at_mut(devices.len());
        let (user, intruder) = (&mut users[index], &mut intruders[index]);
        let faults = setting.faults;
        let mut acted = false;
        story.strike("change", || format!("device {index}: change {} is carried out", id.0));
        witness.change_begins(index, node, change, &devices[index].disk);
        let disk = &mut devices[index].disk;
        let changed = planted::change::change(disk, change, &mut |disk, moment| {
            witness.at_moment(index, disk);
            if faults.window > 0 && schedule.strikes(faults.window.into()) {
                let other = may_intrude && !(user.is_active() && schedule.strikes(500));
                if other && !intruder.is_active() {
                    let how = schedule.below(INTRUSIONS);
                    let pace_ms = PACES_MS[schedule.below(PACES_MS.len())];
                    intruder.run(writer.intrusion(disk, change, how), pace_ms, *now_ms);
                }
                let who = if other { &mut *intruder } else { &mut *user };
                // Mostly one call; sometimes all that he meant to do.
                let calls = if schedule.strikes(300) { 4 } else { 1 };
                for _ in 0..calls {
                    let Some(call) = who.next() else { break };
                    let kind = call.kind();
                    story.strike(kind, || format!("device {index}: a user acts at {moment:?}"));
                    who.call(disk, index, story);
                    acted = true;
                    witness.user_disturbs(index, disk, story);
                }
            }
            match arranged.take(index, moment) {
                Some(Meanwhile::Act) => {
                    user.act(std::mem::take(&mut arranged.calls), disk, index, story);
                    acted = true;
                    witness.user_disturbs(index, disk, story);
                }
                Some(Meanwhile::Die) => return true,
                None => {}
            }
            let dies = moment != Moment::Begin
                && faults.kill_in_change > 0
                && schedule.strikes(faults.kill_in_change.into());
            if dies {
                story.strike("kill_in_change", || format!("device {index}: killed at {moment:?}"));
            }
            dies
        });
        witness.changed(index, change, changed.as_ref().ok(), &mut devices[index].disk);
        if acted {
            self.note_epoch(index, true);
        }
        self.note_deeds(index);
        self.witness.verdict()?;
        match changed {
            Ok(result) => Ok(Some(Event::Changed(id, result))),
            Err(Crashed) => {
                self.kill_client(index);
                Ok(None)
            }
        }
    }
}
