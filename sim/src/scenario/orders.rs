//! Users who act at once, and every order in which the server hears of it.

use super::Scenario;

/// Two users change what both have while they are offline; then one comes online, then the other,
/// in both orders. A third device only watches.
pub fn both_orders(
    before: impl Fn(&mut Scenario),
    here: impl Fn(&mut Scenario, usize),
    there: impl Fn(&mut Scenario, usize),
    expected: [&str; 2],
) {
    for (order, expected) in [[0, 1], [1, 0]].into_iter().zip(expected) {
        let mut scenario = Scenario::new(3);
        before(&mut scenario);
        scenario.settle().offline(0).offline(1);
        here(&mut scenario, 0);
        there(&mut scenario, 1);
        for device in order {
            scenario.settle().online(device);
        }
        scenario.everywhere(expected);
    }
}
