//! Two devices and a server: what most tests start from.

use std::path::Path;

use tests::{Device, Server, World};

/// Two devices and a server.
pub(crate) struct Pair<'w> {
    pub(crate) one: Device<'w>,
    pub(crate) two: Device<'w>,
    pub(crate) server: Server<'w>,
}

impl<'w> Pair<'w> {
    /// Both sync all the time, and hold what `before` makes.
    pub(crate) fn live(world: &'w World, before: impl FnOnce(&Path)) -> Self {
        Self::live_with(world, Server::start(world), before)
    }

    /// The same, with this server.
    pub(crate) fn live_with(
        world: &'w World,
        server: Server<'w>,
        before: impl FnOnce(&Path),
    ) -> Self {
        let mut one = Device::new(world, "one");
        before(one.folder());
        one.start_joining(&server.link());
        one.wait_until_in_sync();
        let two = Device::join(world, "two", &server.link());
        let pair = Self { one, two, server };
        pair.two.wait_for_tree(&pair.one.tree());
        pair
    }

    /// Neither syncs; both hold what `before` makes, and the server has it.
    pub(crate) fn offline(world: &'w World, before: impl FnOnce(&Path)) -> Self {
        let server = Server::start(world);
        let one = Device::new(world, "one");
        before(one.folder());
        one.run_join(&server.link(), &["--once"]).expect(0);
        let two = Device::join_once(world, "two", &server.link());
        let pair = Self { one, two, server };
        pair.assert_same();
        pair
    }

    /// Insists that both hold the same, in every respect.
    #[track_caller]
    pub(crate) fn assert_same(&self) {
        if let Err(differ) = self.one.tree().same(&self.two.tree()) {
            panic!("one / two: {differ}");
        }
    }

    /// Ends both clients and the server as one should, and insists that all is well.
    #[track_caller]
    pub(crate) fn end(mut self) {
        for device in [&mut self.one, &mut self.two] {
            if device.is_running() {
                device.stop();
            }
        }
        self.server.stop();
        self.server.check();
    }
}
