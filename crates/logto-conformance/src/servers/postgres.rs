//! A PostgreSQL server for tests, without durability.

use super::{Folder, Server, find};
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The superuser needs no password: to check one takes long where nothing is optimised. The others do.
const WHO: &str = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// Runs the server until the input ends, which it does however the test ends; then nothing is left of it,
/// unless a line was read before.
const KEEPER: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
"$@" >"$folder/log" 2>&1 &
while read -r line; do keep=$line; done
kill -QUIT $!
wait $!
[ -n "$keep" ] || rm -rf "$folder"
"#;

impl Server {
    /// A PostgreSQL server on a free port of loopback; `None` where there is no program for it. It stops when
    /// it is dropped, and also when the test's process ends without that, so that it may be kept in a static.
    ///
    /// The program is named by `LOGTO_TEST_POSTGRES`, or found on the path, or where Debian keeps it. As root
    /// it runs under another user, as it demands.
    ///
    /// # Panics
    ///
    /// Where the program does not come up within ten seconds.
    #[must_use]
    pub fn postgres() -> Option<Self> {
        let program = program()?;
        let folder = Folder::new("postgres");
        let user = prepare(folder.path());
        let data = folder.path().join("data");
        let mut initdb = Command::new(program.with_file_name("initdb"));
        initdb.args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"]);
        initdb.arg("--no-sync").arg("-D").arg(&data);
        let output = as_user(&mut initdb, user).output().expect("initdb runs");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(data.join("pg_hba.conf"), WHO).expect("the file that says who may come in");
        Some(Self::launch("postgres", folder, Stdio::piped(), |port, folder| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", KEEPER, "keeper"]).arg(folder).arg(&program).arg("-D").arg(&data);
            command.arg("-p").arg(port.to_string()).args(["-h", "127.0.0.1", "-k", "", "-N", "500"]);
            let settings = [
                "fsync=off",
                "full_page_writes=off",
                "shared_buffers=32MB",
                "dynamic_shared_memory_type=mmap",
            ];
            command.args(settings.iter().flat_map(|setting| ["-c", setting]));
            as_user(&mut command, user);
            command
        }))
    }

    /// The address of a database of this PostgreSQL server, for its superuser.
    #[must_use]
    pub fn postgres_url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port())
    }
}

fn program() -> Option<PathBuf> {
    let named = find("LOGTO_TEST_POSTGRES", &["postgres"]).map(|path| {
        let inside = path.join("postgres");
        if inside.is_file() { inside } else { path }
    });
    named.or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        versions.map(|version| version.path().join("bin/postgres")).filter(|file| file.is_file()).max()
    })
}

/// Gives the folder to whom the server runs as, where that is somebody else.
fn prepare(folder: &Path) -> Option<(u32, u32)> {
    let root = fs::metadata(folder).expect("the folder is there").uid() == 0;
    let user = root.then(|| ["postgres", "nobody"].iter().find_map(|name| ids(name)));
    let user = user.map(|user| user.expect("a user that is not root"))?;
    chown(folder, Some(user.0), Some(user.1)).expect("the folder changes its owner");
    Some(user)
}

fn ids(name: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let fields =
        users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user[0] == name)?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

/// In a folder that everybody may enter.
fn as_user(command: &mut Command, user: Option<(u32, u32)>) -> &mut Command {
    command.current_dir("/");
    match user {
        Some((user, group)) => command.uid(user).gid(group),
        None => command,
    }
}
