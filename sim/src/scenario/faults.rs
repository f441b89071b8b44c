//! What befalls devices, disks, the network and the server.

use std::collections::VecDeque;

use onefold_adapters::journal::MemoryStore;
use onefold_adapters::trees::MemoryTrees;
use onefold_core::client::saved::SaveBatch;
use onefold_core::protocol::{ClientMessage, ServerMessage};

use crate::disk::guard::Moment;
use crate::disk::user::name;
use crate::user::script::Call;
use crate::world::arranged::{Hold, Meanwhile};
use crate::world::device::Link;

use super::Scenario;

/// So long may it take until what a scenario waits for happens, in steps.
const MAX_STEPS: u64 = 20_000;
/// A session asks how its device stands at least this often.
const POLLED_MS: u64 = 6_000;

impl Scenario {
    /// A device loses the network.
    pub fn offline(&mut self, device: usize) -> &mut Self {
        self.world.devices[device].reachable = false;
        self.cut(device)
    }

    /// A device has the network again.
    pub fn online(&mut self, device: usize) -> &mut Self {
        self.world.devices[device].reachable = true;
        self
    }

    /// A device's connection is cut; it may connect again at once.
    pub fn cut(&mut self, device: usize) -> &mut Self {
        if self.world.devices[device].link != Link::Down {
            self.world.drop_link(device, "the network is gone");
        }
        self
    }

    /// A device's connection goes silent, and nobody is told.
    pub fn mute(&mut self, device: usize) -> &mut Self {
        if let Link::Up { muted, .. } = &mut self.world.devices[device].link {
            *muted = true;
        }
        self
    }

    /// A device's client is killed; it starts again as soon as it may.
    pub fn kill(&mut self, device: usize) -> &mut Self {
        self.world.kill_client(device);
        self
    }

    /// A device's client is killed, and does not start again before it is released.
    pub fn stop(&mut self, device: usize) -> &mut Self {
        self.hold(device, Hold::Start).kill(device)
    }

    /// A stopped client starts again.
    pub fn start(&mut self, device: usize) -> &mut Self {
        self.release(device, Hold::Start)
    }

    /// The server's machine loses power, and is there again.
    pub fn kill_server(&mut self) -> &mut Self {
        self.world.kill_server();
        self
    }

    /// Holds work of a device back.
    pub fn hold(&mut self, device: usize, what: Hold) -> &mut Self {
        self.world.arranged.held.insert((device, what));
        self
    }

    /// Lets work that was held back go on.
    pub fn release(&mut self, device: usize, what: Hold) -> &mut Self {
        self.world.arranged.held.remove(&(device, what));
        self
    }

    /// A device's user makes these calls at a moment of the device's next change.
    pub fn act_in_change(&mut self, device: usize, at: Moment, calls: Vec<Call>) -> &mut Self {
        self.world.arranged.in_change = Some((device, at, Meanwhile::Act));
        self.world.arranged.calls = calls;
        self
    }

    /// A device's client is killed at a moment of its next change.
    pub fn die_in_change(&mut self, device: usize, at: Moment) -> &mut Self {
        self.world.arranged.in_change = Some((device, at, Meanwhile::Die));
        self
    }

    /// Lets so much time go by, and all happen that is due meanwhile.
    pub fn wait(&mut self, ms: u64) -> &mut Self {
        let until = self.world.now_ms() + ms;
        self.world.arranged.alarm_ms = Some(until);
        while self.world.now_ms() < until {
            self.step();
        }
        self.world.arranged.alarm_ms = None;
        self
    }

    /// Goes on step by step until this is so.
    pub fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) -> &mut Self {
        for _ in 0..MAX_STEPS {
            if is_so(self) {
                return self;
            }
            self.step();
        }
        panic!("it never was so: {what}\n{}", self.world.story.lines.join("\n"));
    }

    /// One step of the world.
    pub fn step(&mut self) -> &mut Self {
        if let Err(broken) = self.world.step() {
            panic!("{broken}\n{}", self.world.story.lines.join("\n"));
        }
        self
    }

    /// From here on faults and disorder are drawn from these numbers.
    pub fn disorder(&mut self, numbers: Vec<u32>) -> &mut Self {
        self.world.set_schedule(numbers);
        self
    }

    /// No fault strikes any more.
    pub fn calm(&mut self) -> &mut Self {
        self.world.heal();
        self
    }

    /// A device's machine loses power, and with it so many of its disk's last unsynced changes.
    pub fn cut_power(&mut self, device: usize, back: usize) -> &mut Self {
        self.world.lose_power(device, back, false);
        self
    }

    /// Something that has a device's credentials says this on its stream.
    pub fn send(&mut self, device: usize, message: ClientMessage) -> &mut Self {
        self.world.send(device, message);
        self
    }

    /// The first message on its way to a device is lost.
    pub fn lose_first_message(&mut self, device: usize) -> &mut Self {
        self.messages_to(device).pop_front().expect("a message is on its way");
        self
    }

    /// Every message on its way to a device comes twice.
    pub fn double_messages(&mut self, device: usize) -> &mut Self {
        let messages = self.messages_to(device);
        *messages = messages.drain(..).flat_map(|one| [one.clone(), one]).collect();
        self
    }

    fn messages_to(&mut self, device: usize) -> &mut VecDeque<(u64, ServerMessage)> {
        let Link::Up { connection, .. } = self.world.devices[device].link else {
            panic!("device {device} is not connected");
        };
        let connection = self.world.server.connections.get_mut(&connection);
        &mut connection.expect("the server has it").down
    }

    /// Goes on until a device's engine has asked for what these words say.
    pub fn until_asked(&mut self, device: usize, words: &str) -> &mut Self {
        self.until(words, |scenario| scenario.asked(device, words) > 0)
    }

    /// A device's disk is full, or has room again.
    pub fn full(&mut self, device: usize, full: bool) -> &mut Self {
        self.world.devices[device].disk.full = full;
        self
    }

    /// What a device has staged is gone.
    pub fn lose_staged(&mut self, device: usize) -> &mut Self {
        self.world.devices[device].disk.lose_staged();
        self
    }

    /// The server has no room for large contents, or has room again.
    pub fn server_full(&mut self, full: bool) -> &mut Self {
        self.world.arranged.server_full = full;
        self
    }

    /// The folder may grow no more, or as much as it likes.
    pub fn limit(&mut self, limited: bool) -> &mut Self {
        self.world.server.journal.limit(limited);
        self
    }

    /// A device may change the folder, or only read it; the server hears of it within seconds.
    pub fn may_write(&mut self, device: usize, writable: bool) -> &mut Self {
        let id = self.world.server.device_id(device);
        self.world.server.journal.let_write(id, writable);
        self.wait(POLLED_MS)
    }

    /// A device's folder is unmounted, or mounted again.
    pub fn unmount(&mut self, device: usize, unmounted: bool) -> &mut Self {
        self.world.devices[device].disk.unmounted = unmounted;
        self
    }

    /// On all devices this name is ignored from now on, or no longer.
    pub fn ignore(&mut self, text: &str, ignored: bool) -> &mut Self {
        self.world.witness_mut().had_unknown = true;
        for device in &mut self.world.devices {
            if ignored {
                device.disk.ignored.insert(name(text));
            } else {
                device.disk.ignored.remove(&name(text));
            }
        }
        self
    }

    /// Of what a device's watcher has to tell, only the first so many events are left.
    pub fn keep_events(&mut self, device: usize, count: usize) -> &mut Self {
        let disk = &mut self.world.devices[device].disk;
        while disk.take_event(count).is_some() {}
        self
    }

    /// A device's watcher says at last that it lost something.
    pub fn tell_overflow(&mut self, device: usize) -> &mut Self {
        self.world.devices[device].disk.tell_overflow();
        self
    }

    /// A device's watcher loses all that waits, and says so.
    pub fn overflow(&mut self, device: usize) -> &mut Self {
        self.world.devices[device].disk.overflow();
        self
    }

    /// A device's watcher loses all that waits, and says nothing.
    pub fn lose_events(&mut self, device: usize) -> &mut Self {
        let disk = &mut self.world.devices[device].disk;
        while disk.take_event(0).is_some() {}
        self.world.witness_mut().blinded(device);
        self
    }

    /// A device's clock jumps by so many years.
    pub fn jump(&mut self, device: usize, years: i64) -> &mut Self {
        let now_ms = self.world.now_ms();
        self.world.devices[device].jump_clock(now_ms, years * 365 * 24 * 60 * 60 * 1000);
        self
    }

    /// A copy of the server's database.
    pub fn backup(&self) -> MemoryStore {
        self.world.server.journal.backup()
    }

    /// The server comes back with an older database.
    pub fn restore(&mut self, backup: MemoryStore) -> &mut Self {
        self.world.restore_server(backup);
        self
    }

    /// A device may no longer come.
    pub fn revoke(&mut self, device: usize) -> &mut Self {
        let id = self.world.server.device_id(device);
        self.world.server.journal.revoke(id).expect("the store takes it");
        self
    }

    /// A device becomes a copy of another, disk and client's state: both run, as one device.
    pub fn copy(&mut self, of: usize, device: usize) -> &mut Self {
        self.world.copy_device(of, device, false);
        self
    }

    /// A copy of what a device's client saved.
    pub fn saved(&self, device: usize) -> SaveBatch {
        let saved = self.world.devices[device].store.load_now();
        let records = saved.records.into_iter().map(|(node, row)| (node, Some(row))).collect();
        SaveBatch { clear: true, records, header: saved.header }
    }

    /// A device's client finds an older state, as after a backup was restored.
    pub fn bring_back(&mut self, device: usize, saved: SaveBatch) -> &mut Self {
        self.kill(device);
        let store = MemoryTrees::new();
        store.save_now(saved).expect("it is in memory");
        self.world.devices[device].store = store;
        self
    }
}
