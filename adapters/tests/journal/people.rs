//! Folders, devices, invites and settings.

use onefold_adapters::journal::{Invite, Journal, Pass, Redeemed, SecretHash};
use onefold_core::blob::Blob;
use onefold_core::id::FolderId;
use onefold_core::time::WallTime;

use crate::bench::*;

fn secret() -> SecretHash {
    SecretHash::of(b"an invite's secret")
}

fn invite(uses: u32) -> Invite {
    let expires = WallTime(NOW.0 + 1);
    Invite { secret: secret(), folder: FOLDER, read_only: false, expires, uses }
}

pub(crate) async fn a_folder_is_made_once_and_found_by_its_name(arm: impl Arm) {
    let journal = arm.open().await;
    assert_eq!(journal.folder("photos").await.unwrap(), None);
    let made = journal.create_folder(FOLDER, "photos").await.unwrap();
    let again = journal.create_folder(FolderId::from_bytes([7; 16]), "photos").await.unwrap();
    assert_eq!((made.id, &again), (FOLDER, &made));
    assert_eq!(journal.folder("photos").await.unwrap(), Some(made));
    assert_eq!(journal.folder("Photos").await.unwrap(), None);
    journal.create_folder(FolderId::from_bytes([7; 16]), "more photos").await.unwrap();
    let names: Vec<_> =
        journal.folders().await.unwrap().into_iter().map(|folder| folder.name).collect();
    assert_eq!(names, ["more photos", "photos"]);
}

pub(crate) async fn a_device_is_found_by_its_token(arm: impl Arm) {
    let journal = furnished(&arm).await;
    let found = journal.device_by_token(new_device(2).token).await.unwrap().unwrap();
    assert_eq!((found.id, found.folder, found.writable), (LAPTOP, FOLDER, true));
    assert_eq!((found.name.as_str(), found.revoked, found.last_seen), ("device 2", false, None));
    assert_eq!(journal.device_by_token(SecretHash::of(b"guess")).await.unwrap(), None);
}

pub(crate) async fn devices_are_listed_renamed_and_revoked(arm: impl Arm) {
    let journal = furnished(&arm).await;
    assert!(journal.rename_device(LAPTOP, "zoé's laptop").await.unwrap());
    assert!(journal.revoke(DESKTOP).await.unwrap());
    assert!(journal.revoke(DESKTOP).await.unwrap());
    assert!(!journal.revoke(new_device(99).id).await.unwrap());
    assert!(!journal.rename_device(new_device(99).id, "x").await.unwrap());
    journal.poll(LAPTOP, NOW).await.unwrap();
    let devices = journal.devices().await.unwrap();
    let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
    assert_eq!(names, ["device 3", "zoé's laptop"]);
    assert!(devices[0].revoked && !devices[1].revoked);
    assert_eq!(devices[1].last_seen, Some(NOW));
    let shut_out = journal.device_by_token(new_device(3).token).await.unwrap().unwrap();
    assert!(shut_out.revoked);
    assert_eq!(journal.revoked().await.unwrap(), [DESKTOP]);
}

pub(crate) async fn invites_are_listed_by_when_they_expire_and_taken_back(arm: impl Arm) {
    let journal = furnished(&arm).await;
    assert_eq!(journal.invites().await.unwrap(), []);
    let other = SecretHash::of(b"another invite's secret");
    let later =
        Invite { secret: other, read_only: true, expires: WallTime(NOW.0 + 9), ..invite(3) };
    journal.add_invite(later.clone()).await.unwrap();
    journal.add_invite(invite(1)).await.unwrap();
    assert_eq!(journal.invites().await.unwrap(), [invite(1), later.clone()]);
    journal.redeem(other, NOW, new_device(10)).await.unwrap();
    assert!(journal.revoke_invite(secret()).await.unwrap());
    assert!(!journal.revoke_invite(secret()).await.unwrap());
    let taken_back = journal.redeem(secret(), NOW, new_device(11)).await.unwrap();
    assert_eq!(taken_back, Redeemed::Unknown);
    assert_eq!(journal.invites().await.unwrap(), [Invite { uses: 2, ..later }]);
}

pub(crate) async fn an_invite_makes_as_many_devices_as_it_may(arm: impl Arm) {
    let journal = furnished(&arm).await;
    journal.add_invite(Invite { read_only: true, ..invite(2) }).await.unwrap();
    for number in [10, 11] {
        let redeemed = journal.redeem(secret(), NOW, new_device(number)).await.unwrap();
        let Redeemed::Device(device, folder) = redeemed else { panic!("{redeemed:?}") };
        assert_eq!((device.id, folder.id), (new_device(number).id, FOLDER));
        assert!(!device.writable);
        let found = journal.device_by_token(new_device(number).token).await.unwrap();
        assert_eq!(found, Some(device));
    }
    let third = journal.redeem(secret(), NOW, new_device(12)).await.unwrap();
    assert_eq!(third, Redeemed::UsedUp);
    assert_eq!(journal.device_by_token(new_device(12).token).await.unwrap(), None);
    let guess = journal.redeem(SecretHash::of(b"guess"), NOW, new_device(12)).await.unwrap();
    assert_eq!(guess, Redeemed::Unknown);
}

pub(crate) async fn an_invite_shown_again_by_the_same_device_costs_nothing(arm: impl Arm) {
    let journal = furnished(&arm).await;
    journal.add_invite(invite(1)).await.unwrap();
    let first = journal.redeem(secret(), NOW, new_device(10)).await.unwrap();
    assert!(matches!(first, Redeemed::Device(..)));
    assert_eq!(journal.redeem(secret(), NOW, new_device(10)).await.unwrap(), first);
    let late = WallTime(NOW.0 + 100);
    assert_eq!(journal.redeem(secret(), late, new_device(10)).await.unwrap(), first);
    let mut thief = new_device(10);
    thief.token = SecretHash::of(b"another token");
    assert_eq!(journal.redeem(secret(), NOW, thief).await.unwrap(), Redeemed::UsedUp);
}

pub(crate) async fn an_expired_invite_makes_nothing(arm: impl Arm) {
    let journal = furnished(&arm).await;
    journal.add_invite(invite(1)).await.unwrap();
    let late = WallTime(NOW.0 + 1);
    let redeemed = journal.redeem(secret(), late, new_device(10)).await.unwrap();
    assert_eq!(redeemed, Redeemed::Expired);
    assert_eq!(journal.device_by_token(new_device(10).token).await.unwrap(), None);
}

pub(crate) async fn of_many_that_show_a_one_time_invite_one_gets_in(arm: impl Arm) {
    furnished(&arm).await.add_invite(invite(1)).await.unwrap();
    let mut tasks = Vec::new();
    for number in 10..18 {
        let journal = arm.open().await;
        tasks.push(tokio::spawn(async move {
            journal.redeem(secret(), NOW, new_device(number)).await.unwrap()
        }));
    }
    let mut devices = 0;
    for task in tasks {
        match task.await.unwrap() {
            Redeemed::Device(..) => devices += 1,
            other => assert_eq!(other, Redeemed::UsedUp),
        }
    }
    assert_eq!(devices, 1);
}

pub(crate) async fn a_setting_is_set_once(arm: impl Arm) {
    let journal = arm.open().await;
    let [first, second] = [b"first".as_slice(), b"second"].map(Blob::from);
    assert_eq!(journal.setting("tls").await.unwrap(), None);
    assert_eq!(journal.set_setting_once("tls", first.clone()).await.unwrap(), first);
    assert_eq!(journal.set_setting_once("tls", second).await.unwrap(), first);
    assert_eq!(journal.setting("tls").await.unwrap(), Some(first));
}

pub(crate) async fn a_pass_is_exchanged_once_and_the_one_in_its_place_is_good_until_it_expires(
    arm: impl Arm,
) {
    let journal = arm.open().await;
    let pass = |name: &str, lasts| Pass {
        secret: SecretHash::of(name.as_bytes()),
        expires: WallTime(NOW.0 + lasts),
    };
    let (once, lasting, late) = (pass("once", 5), pass("lasting", 50), pass("late", 5));
    journal.add_pass(once, NOW).await.unwrap();
    journal.add_pass(late, NOW).await.unwrap();
    assert!(!journal.is_pass(once.secret, NOW).await.unwrap(), "it opens nothing by itself");
    let exchange = async |which: Pass, after, place: Pass| {
        let time = WallTime(NOW.0 + after);
        journal.exchange_pass(which.secret, time, place).await.unwrap()
    };
    assert!(!exchange(lasting, 0, pass("guess", 9)).await);
    assert!(!exchange(late, 5, pass("too late", 9)).await);
    assert!(exchange(once, 4, lasting).await);
    assert!(!exchange(once, 4, pass("twice", 9)).await);
    let good = async |pass: Pass, after| {
        journal.is_pass(pass.secret, WallTime(NOW.0 + after)).await.unwrap()
    };
    assert!(good(lasting, 49).await && !good(lasting, 50).await);
    assert!(!good(pass("twice", 9), 4).await && !good(pass("too late", 9), 5).await);
    // What has expired is forgotten when another is added.
    journal.add_pass(pass("another", 99), WallTime(NOW.0 + 60)).await.unwrap();
    assert!(!good(lasting, 49).await);
}

pub(crate) async fn a_setting_that_many_servers_put_at_once_is_what_one_of_them_said(
    arm: impl Arm,
) {
    drop(arm.open().await);
    let mut tasks = Vec::new();
    for number in 0..8_u8 {
        let journal = arm.open().await;
        tasks.push(tokio::spawn(async move {
            journal.put_setting("address", [number].as_slice().into()).await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let journal = arm.open().await;
    assert!(journal.setting("address").await.unwrap().is_some_and(|said| said[0] < 8));
    journal.put_setting("address", b"another".as_slice().into()).await.unwrap();
    assert_eq!(journal.setting("address").await.unwrap(), Some(b"another".as_slice().into()));
}
