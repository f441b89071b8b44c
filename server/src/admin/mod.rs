//! The administrator's page: folders, devices, invites, and what takes up space; `onefold-server admin`
//! prints an address of it that is good once.
//!
//! Invariants: who enters has a pass that this database knows, whichever server over it is asked;
//! what is shown is what the database says now. It changes nothing that a subcommand does not, too.

mod address;
mod doing;
mod keys;
mod view;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use onefold_adapters::blobs::Blobs;
use onefold_adapters::journal::Journal;
use onefold_adapters::link::{Server, Trust};

use crate::app::App;
use crate::page::guard::{Guard, stand};
use crate::page::{Asset, DOM, ICON, ICONS, STYLE};
use keys::{Passes, STAYS};

pub use address::{AdminAddress, AdminError, admin};

/// Where the page is, on every server.
const PATH: &str = "/admin";
/// What a person reads who has no good key.
const REFUSAL: &str = "This address is not good (any more): it is for one browser, and soon. On the \
                       server, `onefold-server admin` prints a fresh one.";

/// The page and all that it asks for, of a server that listens there.
pub(crate) fn router<J: Journal, B: Blobs>(
    app: Arc<App<J, B>>,
    server: &Server,
    listens: SocketAddr,
) -> Router {
    let keys = Passes { journal: Arc::clone(&app.journal), clock: app.clock };
    let tls = server.trust != Trust::Plain;
    let guard = Guard::new(keys, hosts(server, listens, tls), "onefold-admin".to_owned());
    let guard = guard.below(PATH).lasting(STAYS).refusing(REFUSAL);
    let guard = if tls { guard.over_tls() } else { guard };
    Router::new()
        .route("/admin/", get(async || Asset::html(include_str!("page/index.html"))))
        .route("/admin/icon.svg", get(async || ICON))
        .route("/admin/style.css", get(async || STYLE))
        .route("/admin/admin.css", get(async || Asset::css(include_str!("page/admin.css"))))
        .route("/admin/dom.js", get(async || DOM))
        .route("/admin/icons.js", get(async || ICONS))
        .route("/admin/admin.js", get(async || Asset::script(include_str!("page/admin.js"))))
        .route("/admin/api/view", get(view::all::<J, B>))
        .route("/admin/api/space", get(view::space::<J, B>))
        .route("/admin/api/revoke", post(doing::revoke::<J, B>))
        .route("/admin/api/invite", post(doing::invite::<J, B>))
        .route("/admin/api/take-back", post(doing::take_back::<J, B>))
        .with_state(app)
        .layer(from_fn_with_state(Arc::new(guard), stand::<Passes<J>>))
}

/// By what names a browser may reach the page: as links name the server, and from the same machine.
fn hosts(server: &Server, listens: SocketAddr, tls: bool) -> Vec<String> {
    let port = listens.port();
    let local = [format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    let mut hosts = vec![server.address.clone(), listens.to_string()];
    hosts.extend(local);
    // The port that a scheme has by itself is left out by browsers.
    let usual = if tls { ":443" } else { ":80" };
    let bare = hosts.iter().filter_map(|host| host.strip_suffix(usual).map(str::to_owned));
    let bare: Vec<_> = bare.collect();
    hosts.extend(bare);
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_reached_as_links_name_the_server_also_where_the_port_is_left_out() {
        let server = Server { address: "sync.example.org:443".to_owned(), trust: Trust::Web };
        let hosts = hosts(&server, "127.0.0.1:8080".parse().unwrap(), true);
        for host in ["sync.example.org:443", "sync.example.org", "127.0.0.1:8080"] {
            assert!(hosts.iter().any(|own| own == host), "{host}: {hosts:?}");
        }
    }
}
