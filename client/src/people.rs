//! What the server is asked on behalf of people: a link for another device, another name for this.

use std::fmt;

use onefold_adapters::http::HttpTransfer;
use onefold_adapters::wire::{InviteRequest, check_device_name};

use crate::error::Trouble;
use crate::home::Home;
use crate::linked::Linked;

/// A link with which another device joins the folder.
pub async fn invite(linked: &Linked, request: &InviteRequest) -> Result<String, Trouble> {
    let invited = server(linked)?.invite(request).await;
    invited.map_err(|error| refused("no link was made", linked, &error))
}

/// Gives this device another name in a folder, at the server first. Who calls holds the home's lock.
pub async fn rename(home: &Home, linked: &Linked, name: &str) -> Result<Linked, Trouble> {
    if let Err(error) = check_device_name(name) {
        return Err(Trouble::unchanged(
            format_args!("the device cannot be called {name:?}: {error}"),
            "Choose another name",
        ));
    }
    let renamed = server(linked)?.rename(name).await;
    renamed.map_err(|error| refused("the device keeps its name", linked, &error))?;
    let linked = Linked { device_name: name.to_owned(), ..linked.clone() };
    home.save(&linked)?;
    Ok(linked)
}

fn server(linked: &Linked) -> Result<HttpTransfer, Trouble> {
    HttpTransfer::new(&linked.server, &linked.token).map_err(Trouble::bug)
}

fn refused(what: &str, linked: &Linked, error: &dyn fmt::Display) -> Trouble {
    Trouble::unchanged(
        format_args!("{what} for {}: {error}", linked.root.display()),
        "Check that the server runs and that this device reaches it, and try again",
    )
}
