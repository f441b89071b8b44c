//! What the two web pages of Onefold share: the client's window, and the administrator's page.
//!
//! - [`guard`] lets in only who brings the key, and answers 403 to everyone else.
//! - [`STYLE`] is the one stylesheet: every size, space and colour is decided there, once.
//! - [`DOM`] is how pages make elements: names of files are only ever text in them.
//!
//! All of it is embedded in the program; nothing is fetched from elsewhere, and there is no build step.

pub mod guard;

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The stylesheet.
pub const STYLE: Asset = Asset::css(include_str!("style.css"));
/// The ES module by which pages make elements, show names and ask the program.
pub const DOM: Asset = Asset::script(include_str!("dom.js"));
/// The icon of both.
pub const ICON: Asset = Asset::svg(include_str!("icon.svg"));
/// The ES module of the icons.
pub const ICONS: Asset = Asset::script(include_str!("icons.js"));

/// A file of a page, embedded in the program.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    kind: &'static str,
    text: &'static str,
}

impl Asset {
    /// An HTML page.
    pub const fn html(text: &'static str) -> Self {
        Self { kind: "text/html; charset=utf-8", text }
    }

    /// A stylesheet.
    pub const fn css(text: &'static str) -> Self {
        Self { kind: "text/css; charset=utf-8", text }
    }

    /// A picture.
    pub const fn svg(text: &'static str) -> Self {
        Self { kind: "image/svg+xml", text }
    }

    /// An ES module.
    pub const fn script(text: &'static str) -> Self {
        Self { kind: "text/javascript; charset=utf-8", text }
    }
}

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, self.kind)], self.text).into_response()
    }
}
