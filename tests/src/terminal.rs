//! Running a program as a person does, on a terminal, or where its words go to something else.

use std::path::Path;
use std::process::Command;

/// The same program on a terminal of its own (made by util-linux's `script`): what it writes there, to
/// stdout and stderr, comes out on stdout.
pub fn on_a_terminal(command: &Command) -> Command {
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line(command), "/dev/null"]);
    set_up_like(command, &mut script);
    script.env("TERM", "xterm").env("SHELL", "/bin/sh");
    script
}

/// The same program, with what it writes to stdout and stderr going to a file, or a FIFO.
pub fn with_words_to(command: &Command, to: &Path) -> Command {
    let to = quoted(to.to_str().expect("a text"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec {} >{to} 2>&1", line(command))]);
    set_up_like(command, &mut shell);
    shell
}

/// A command as a line for a shell.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = words.map(|word| quoted(word.to_str().expect("a text"))).collect();
    line.join(" ")
}

/// Gives another command the same directory and environment.
fn set_up_like(command: &Command, other: &mut Command) {
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        other.current_dir(directory);
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
