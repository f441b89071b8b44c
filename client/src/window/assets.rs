//! The files of the window's pages.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use onefold_server::page::{Asset, DOM, ICON, ICONS, STYLE};

use super::Window;

/// A module of the pages.
macro_rules! script {
    ($name:literal) => {
        Asset::script(include_str!(concat!("page/", $name)))
    };
}

/// All files, at their addresses.
pub(super) fn routes() -> Router<Arc<Window>> {
    let assets = [
        ("/", Asset::html(include_str!("page/index.html"))),
        ("/icon.svg", ICON),
        ("/style.css", STYLE),
        ("/window.css", Asset::css(include_str!("page/window.css"))),
        ("/dom.js", DOM),
        ("/icons.js", ICONS),
        ("/window.js", script!("window.js")),
        ("/now.js", script!("now.js")),
        ("/log.js", script!("log.js")),
        ("/rows.js", script!("rows.js")),
        ("/conflicts.js", script!("conflicts.js")),
        ("/settings.js", script!("settings.js")),
        ("/ignore.js", script!("ignore.js")),
    ];
    assets
        .into_iter()
        .fold(Router::new(), |router, (path, asset)| router.route(path, get(async move || asset)))
}
