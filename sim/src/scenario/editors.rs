//! How programs save: every step of it, as they were watched doing it.

use super::Scenario;

impl Scenario {
    /// vim: probes the directory, moves the file aside, writes it anew, drops the old one.
    pub fn vim(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let probe = beside(at, "", "4913");
        self.write(device, &probe, "").delete(device, &probe);
        let aside = format!("{at}~");
        self.rename(device, at, &aside).write(device, at, text).delete(device, &aside)
    }

    /// emacs: a dangling link for a lock, autosaves, and a backup that stays.
    pub fn emacs(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let (lock, auto) = (beside(at, ".#", ""), beside(at, "#", "#"));
        self.symlink(device, &lock, "me@here.1:1").write(device, &auto, "half");
        self.rename(device, at, &format!("{at}~")).write(device, at, text);
        self.delete(device, &auto).delete(device, &lock)
    }

    /// MS Office: writes a new file, moves the old one aside, the new one in, drops the old one.
    pub fn office(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let (lock, new, old) =
            (beside(at, "~$", ""), beside(at, "", ".1A2B"), beside(at, "", ".3C4D"));
        self.write(device, &lock, "me").write(device, &new, text);
        self.rename(device, at, &old).rename(device, &new, at);
        self.delete(device, &old).delete(device, &lock)
    }

    /// LibreOffice: a lock, a whole new file, renamed over the old one.
    pub fn libre_office(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let (lock, new) = (beside(at, ".~lock.", "#"), beside(at, "", ".osl-tmp"));
        self.write(device, &lock, "me").write(device, &new, text);
        self.rename(device, &new, at).delete(device, &lock)
    }

    /// JetBrains: writes a new file, moves the old one aside, the new one in, drops the old one.
    pub fn jet_brains(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let (new, old) = (format!("{at}___jb_tmp___"), format!("{at}___jb_old___"));
        self.write(device, &new, text).rename(device, at, &old);
        self.rename(device, &new, at).delete(device, &old)
    }

    /// gedit: a new file, renamed over the old one.
    pub fn gedit(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let new = beside(at, ".goutputstream-", "");
        self.write(device, &new, text).rename(device, &new, at)
    }

    /// KeePass: a new file, the old one deleted, the new one renamed.
    pub fn keepass(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let new = format!("{at}.tmp");
        self.write(device, &new, text).delete(device, at).rename(device, &new, at)
    }

    /// InDesign: a new file, deleted again, then the old one rewritten.
    pub fn in_design(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let new = beside(at, "dbtmp", "");
        self.write(device, &new, text).delete(device, &new).write(device, at, text)
    }

    /// macOS: a directory for the new file, which is renamed over the old one.
    pub fn mac_os(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let dir = format!("{at}.sb-1a2b");
        let new = format!("{dir}/new");
        self.mkdir(device, &dir).write(device, &new, text);
        self.rename(device, &new, at).remove_all(device, &dir)
    }
}

/// The path of a name beside this one, with something before and after its name.
fn beside(at: &str, before: &str, after: &str) -> String {
    let (dir, name) = at.rsplit_once('/').map_or(("", at), |(dir, name)| (dir, name));
    let slash = if dir.is_empty() { "" } else { "/" };
    format!("{dir}{slash}{before}{name}{after}")
}
