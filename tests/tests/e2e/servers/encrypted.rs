//! TLS to the database: asked for by the URL, checked against an authority of one's own, and told in
//! words where it does not hold.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tests::{Device, MariaDb, Options, Server, World};

/// A user whom the database lets in over TLS alone.
const MAKE_USER: &str = "CREATE USER careful@'127.0.0.1' IDENTIFIED BY 'secret' REQUIRE SSL; \
                         GRANT ALL ON onefold.* TO careful@'127.0.0.1'";

/// An authority that vouches for servers.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// What those are given who are to trust it.
    certificate: PathBuf,
}

impl Authority {
    fn new(directory: &Path, name: &str) -> Self {
        let key = KeyPair::generate().expect("keys can be made");
        let mut wanted = CertificateParams::new(Vec::new()).expect("no names");
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let made = wanted.self_signed(&key).expect("it signs for itself");
        let certificate = directory.join(format!("{name}.pem"));
        fs::write(&certificate, made.pem()).expect("the directory is ours");
        Self { issuer: Issuer::new(wanted, key), certificate }
    }

    /// A MariaDB server that has a certificate of this authority, for this host.
    fn database(&self, directory: &Path, host: &str) -> MariaDb {
        let key = KeyPair::generate().expect("keys can be made");
        let wanted = CertificateParams::new([host.to_owned()]).expect("a host's name");
        let made = wanted.signed_by(&key, &self.issuer).expect("the authority signs");
        let options = [("cert", made.pem()), ("key", key.serialize_pem())].map(|(what, pem)| {
            let file = directory.join(format!("{host}.{what}"));
            fs::write(&file, pem).expect("the directory is ours");
            format!("--ssl-{what}={}", file.display())
        });
        let database = MariaDb::start_with(&[&options[0], &options[1]]);
        database.sql(MAKE_USER);
        database
    }
}

/// The URL of that user's database, with these words on TLS.
fn url(database: &MariaDb, how: &str) -> String {
    format!("{}/onefold?{how}", database.url().replace("onefold:p%40ss", "careful:secret"))
}

#[test]
fn a_database_is_spoken_to_over_tls_and_one_that_cannot_be_trusted_is_not() {
    let world = World::new();
    let authority = Authority::new(world.path(), "authority");
    let stranger = Authority::new(world.path(), "stranger");
    let database = authority.database(world.path(), "127.0.0.1");
    let elsewhere = authority.database(world.path(), "elsewhere.example");
    let (ours, other) = (authority.certificate.display(), stranger.certificate.display());
    for (database, how, words) in [
        (&database, "ssl-mode=DISABLED".to_owned(), "access denied"),
        (&database, format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={other}"), "certificate"),
        (&database, format!("ssl-mode=VERIFY_CA&ssl-ca={other}"), "certificate"),
        (&database, "ssl-mode=VERIFY_IDENTITY&ssl-ca=nowhere.pem".to_owned(), "nowhere.pem"),
        (&database, format!("ssl-ca={ours}"), "only looked at with ssl-mode"),
        (&database, "ssl_mode=VERIFY_IDENTITY".to_owned(), "the url says ssl_mode"),
        (&database, "ssl-mode=PERHAPS".to_owned(), "perhaps"),
        (&elsewhere, format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={ours}"), "not valid for name"),
    ] {
        let mut command = world.command("onefold-server");
        command.args(["--data", "refused", "--listen", "127.0.0.1:0", "--database-timeout", "3s"]);
        command.env("ONEFOLD_DATABASE", url(database, &how));
        let output = world.run(command, "refused");
        let said = output.stderr.to_lowercase();
        assert!(matches!(output.code, Some(1 | 2)), "{how}: {output:?}");
        assert!(said.contains(words), "{how}: {words:?} is not in: {said}");
        assert!(!said.contains("secret"), "{how}: a password is in: {said}");
    }

    // Where only the authority is looked at, the name does not matter; where nothing is said, TLS is
    // taken as it is.
    for (number, (database, how)) in [
        (&database, format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={ours}")),
        (&elsewhere, format!("ssl-mode=VERIFY_CA&ssl-ca={ours}")),
        (&elsewhere, "ssl-mode=REQUIRED".to_owned()),
        (&elsewhere, String::new()),
    ]
    .into_iter()
    .enumerate()
    {
        let mysql = Some(url(database, &how));
        let mut server = Server::start_with(&world, Options { mysql, ..Options::default() });
        let device = Device::new(&world, &format!("device {number}"));
        device.write(&format!("{number}.txt"), &how);
        device.run_join(&server.link(), &["--once"]).expect(0);
        server.stop();
        server.check();
        fs::remove_dir_all(server.data()).expect("the server has stopped");
    }
}
