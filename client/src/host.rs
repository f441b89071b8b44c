//! `onefold host`: a server of one's own inside the client, for people who have none.
//!
//! Its data is in the home; its port is chosen once and kept, since the links that other devices
//! joined with name it. This device joins over loopback like any other.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::Duration;

use onefold_adapters::journal::MySqlOptions;
use onefold_adapters::link::{Link, Server, check_folder_name};
use onefold_server::{Config, NewInvite, Scheme, Stores};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::commands::{Signals, foreground};
use crate::console;
use crate::control::{Turn, turn};
use crate::error::{Exit, Trouble};
use crate::home::{Home, full_path, make_private, replace_durably};
use crate::join::Request;
use crate::linked::Linked;
use crate::supervisor::{Since, Supervisor};

/// How long the link waits for what is in the folder, so that who joins by it right away finds that.
const LINK_WAITS: Duration = Duration::from_secs(10);

/// Where the server listens, kept from start to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    listen: SocketAddr,
    advertise: Option<String>,
}

/// Serves a folder, syncs it, and prints a link to it.
pub async fn run(
    home: &Home,
    dir: &Path,
    listen: Option<SocketAddr>,
    advertise: Option<String>,
) -> Result<Exit, Trouble> {
    let request = Request::new(String::new(), dir, None)?;
    let root = full_path(dir)?;
    let linked = home.linked()?;
    let known = linked.iter().find(|linked| linked.root == root && linked.hosted);
    if known.is_none() {
        Linked::check_root(&root, &linked, home.path())?;
    }
    let lock = match turn(home).await? {
        Turn::Mine(lock) => lock,
        Turn::Theirs(_) => {
            return Err(Trouble::unchanged(
                format_args!("a client is running already with {}", home.path().display()),
                "End it first; or set ONEFOLD_HOME to another directory for this one",
            ));
        }
    };
    let mut signals = Signals::new()?;
    let server = start(home, listen, advertise).await?;
    let supervisor = Supervisor::new(home.clone(), lock)?;
    let folder = known.map_or_else(|| free_name(&root, &linked), |known| known.folder_name.clone());
    let invite = async |folder: &str| {
        let new = NewInvite { folder: folder.to_owned(), ..NewInvite::default() };
        server.invite(new).await.map_err(|error| failed(&error))
    };
    let linked = match known {
        Some(known) => {
            let known = Linked { server: local(&server), ..known.clone() };
            home.save(&known)?;
            known
        }
        None => {
            let link = Link { server: local(&server), ..invite(&folder).await? };
            let request = Request { link: link.to_string(), hosted: true, ..request };
            supervisor.link(&request).await?
        }
    };
    // Whoever waits for the link reads it first.
    console::hold();
    supervisor.start(&linked).await?;
    let wanted = [linked];
    let first = supervisor.wait(&wanted, Since::Start);
    let synced = tokio::select! {
        first = timeout(LINK_WAITS, first) => first.is_ok(),
        () = signals.any() => {
            supervisor.stop().await;
            server.stop().await;
            return Ok(Exit::Done);
        }
    };
    console::say_first(invite(&folder).await?);
    if !synced {
        console::say(format_args!(
            "what is in {} is still being added: who joins now gets the rest as it comes",
            wanted[0].root.display()
        ));
    }
    let exit = foreground(&supervisor, &mut signals, &wanted, false).await;
    server.stop().await;
    exit
}

async fn start(
    home: &Home,
    listen: Option<SocketAddr>,
    advertise: Option<String>,
) -> Result<onefold_server::Running, Trouble> {
    let data = home.server();
    let path = data.join("host.json");
    let kept: Option<Kept> =
        std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let listen = listen.or(kept.as_ref().map(|kept| kept.listen));
    let listen = with_port(listen.unwrap_or((Ipv4Addr::UNSPECIFIED, 0).into()));
    let advertise = advertise.or(kept.and_then(|kept| kept.advertise));
    let config = Config {
        stores: Stores {
            data: data.clone(),
            database: None,
            mysql: MySqlOptions::default(),
            blobs: None,
        },
        listen: listen.to_string(),
        advertise: Some(advertise.clone().unwrap_or_else(|| reached_at(listen).to_string())),
        scheme: Scheme::Tls,
        nats: None,
    };
    let server = onefold_server::serve(config).await.map_err(|error| failed(&error))?;
    let kept = Kept { listen: server.address, advertise };
    let bytes = serde_json::to_vec_pretty(&kept).expect("addresses are text");
    make_private(&data)
        .and_then(|()| replace_durably(&path, &bytes))
        .map_err(|error| failed(&error))?;
    Ok(server)
}

fn failed(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::new(
        format_args!("the folder cannot be served: {error}"),
        "Every file is as it was",
        "If the port is in use, end what uses it or choose another with --listen; devices that \
         joined before know this one under the old port",
    )
}

/// Chooses a free port where any would do: links must name it before the server listens.
fn with_port(listen: SocketAddr) -> SocketAddr {
    match listen.port() {
        0 => TcpListener::bind(listen).and_then(|free| free.local_addr()).unwrap_or(listen),
        _ => listen,
    }
}

/// What other devices reach a listening address by.
fn reached_at(listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        SocketAddr::new(main_address().unwrap_or(Ipv4Addr::LOCALHOST.into()), listen.port())
    } else {
        listen
    }
}

/// The address that this machine would talk to others from. No packet is sent for it.
fn main_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address of those reserved for documentation: only the route to it is looked up.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_unspecified())
}

/// The server, as this device itself reaches it.
fn local(running: &onefold_server::Running) -> Server {
    let listens = running.address;
    let ip = if listens.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listens.ip() };
    let address = SocketAddr::new(ip, listens.port()).to_string();
    Server { address, trust: running.server.trust }
}

/// What the folder is called on the server: as the directory is, and not as another one served here.
fn free_name(root: &Path, linked: &[Linked]) -> String {
    let name = root.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let valid = check_folder_name(name).is_ok() && name.len() < 200;
    let name = if valid { name } else { "default" };
    let is_taken =
        |name: &str| linked.iter().any(|linked| linked.hosted && linked.folder_name == name);
    let numbered = (2..).map(|number| format!("{name} {number}"));
    std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|name| !is_taken(name))
        .expect("there are more numbers than linked folders")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hosted_folder_has_a_name_of_its_own() {
        let mut linked = Linked::example(Path::new("/a/Shared"));
        (linked.folder_name, linked.hosted) = ("Shared".to_owned(), true);
        let name = |path: &str| free_name(Path::new(path), std::slice::from_ref(&linked));
        assert_eq!(name("/b/Shared"), "Shared 2");
        assert_eq!(name("/b/Other"), "Other");
        assert_eq!(name("/"), "default");
    }

    #[test]
    fn a_wildcard_is_reached_by_an_address_that_is_none() {
        let listen: SocketAddr = "0.0.0.0:4433".parse().unwrap();
        assert!(!reached_at(listen).ip().is_unspecified());
        assert_eq!(reached_at(listen).port(), 4433);
        let loopback: SocketAddr = "127.0.0.1:1".parse().unwrap();
        assert_eq!(reached_at(loopback), loopback);
        assert_ne!(with_port("127.0.0.1:0".parse().unwrap()).port(), 0);
    }
}
