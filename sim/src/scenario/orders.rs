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

/// What a user does on his device.
pub type Deed<'a> = &'a dyn Fn(&mut Scenario, usize);

/// So many users as there are deeds change what all have while they are offline; then they come
/// online one by one, in every order. One more device only watches. `judge` is told the order.
pub fn every_order(
    before: impl Fn(&mut Scenario),
    deeds: &[Deed<'_>],
    judge: impl Fn(&mut Scenario, &[usize]),
) {
    for order in orders(deeds.len()) {
        let devices = u8::try_from(deeds.len() + 1).expect("a handful of devices");
        let mut scenario = Scenario::new(devices);
        before(&mut scenario);
        scenario.settle().mark();
        for device in 0..deeds.len() {
            scenario.offline(device);
        }
        for (device, deed) in deeds.iter().enumerate() {
            deed(&mut scenario, device);
        }
        for device in &order {
            scenario.settle().online(*device);
        }
        judge(scenario.settle(), &order);
    }
}

/// Every order of so many.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in orders(last) {
        for at in (0..count).rev() {
            let mut longer = order.clone();
            longer.insert(at, last);
            all.push(longer);
        }
    }
    all
}
