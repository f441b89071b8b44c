//! Running a program as a person does, on a terminal.

use std::process::Command;

/// The same program on a terminal of its own (made by util-linux's `script`): what it writes there, to
/// stdout and stderr, comes out on stdout.
pub fn on_a_terminal(command: &Command) -> Command {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = words.map(|word| quoted(word.to_str().expect("a text"))).collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        script.current_dir(directory);
    }
    script.env("TERM", "xterm").env("SHELL", "/bin/sh");
    script
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
