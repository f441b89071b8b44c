//! Runs the simulation from the command line: replays a failing run and tells its story, or looks for
//! failing runs.

use std::process::ExitCode;

use sim::run::Case;
use sim::search;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["replay", text] => replay(text),
        ["search", from, count] => match (from.parse(), count.parse()) {
            (Ok(from), Ok(count)) => search(from, count),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: sim replay CASE|SEED");
    eprintln!("       sim search FIRST_SEED COUNT");
    ExitCode::from(2)
}

fn replay(text: &str) -> ExitCode {
    let Some(case) = Case::decode(text) else { return usage() };
    println!("{:?}", case.setting);
    let outcome = case.run(true);
    for line in &outcome.lines {
        println!("{line}");
    }
    match outcome.result {
        Ok(()) => {
            println!("all rules held, after {} steps", outcome.steps);
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("{broken}");
            ExitCode::FAILURE
        }
    }
}

fn search(from: u64, count: u64) -> ExitCode {
    let mut summary = search::Summary::default();
    for seed in from..from + count {
        let outcome = Case::draw(seed).run(false);
        summary.add(&outcome);
        if let Err(broken) = outcome.result {
            println!("seed {seed}: {broken}");
            let case = search::shrunk(Case::draw(seed), broken.rule);
            println!("{} user steps: {:?}", case.users.len(), case.users);
            println!("cargo run --release -p sim -- replay {}", case.encode());
            return ExitCode::FAILURE;
        }
    }
    println!("{summary}");
    ExitCode::SUCCESS
}
