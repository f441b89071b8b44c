//! Runs the simulation from the command line: replays a failing run and tells its story, or looks for
//! failing runs, or shows that it can fail, or how fast it is.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use sim::planner::{self, tally::Tally};
use sim::planted::Planted;
use sim::planted::table::{Caught, MAX_RUNS};
use sim::run::{Case, Outcome};
use sim::{search, turmoil};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["replay", text] if text.starts_with(turmoil::case::PREFIX) => replay_turmoil(text),
        ["replay", text] if text.starts_with(planner::case::PREFIX) => replay_planner(text),
        ["replay", text] => replay(text),
        ["search", from, count] => match (from.parse(), count.parse()) {
            (Ok(from), Ok(count)) => search(from, count),
            _ => usage(),
        },
        ["search", "turmoil", from, count] => match (from.parse(), count.parse()) {
            (Ok(from), Ok(count)) => search_turmoil(from, count),
            _ => usage(),
        },
        ["speed"] => speed(),
        ["planted"] => planted(),
        ["planted", name] => named(name).map_or_else(usage, planted_one),
        ["planted", name, seed] => match (named(name), seed.parse()) {
            (Some(fault), Ok(seed)) => replay_case(&fault.case(seed)),
            _ => usage(),
        },
        ["search", "planner", from, count] => match (from.parse(), count.parse()) {
            (Ok(from), Ok(count)) => search_planner(from, count),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: sim replay [planner:|turmoil:]CASE|SEED");
    eprintln!("       sim search [planner|turmoil] FIRST_SEED COUNT");
    eprintln!("       sim planted [FAULT [SEED]]");
    eprintln!("       sim speed");
    ExitCode::from(2)
}

fn replay(text: &str) -> ExitCode {
    Case::decode(text).map_or_else(usage, |case| replay_case(&case))
}

fn replay_case(case: &Case) -> ExitCode {
    println!("{:?}", case.setting);
    tell(&case.run(true))
}

fn replay_turmoil(text: &str) -> ExitCode {
    let Some(case) = turmoil::case::Case::decode(text) else { return usage() };
    println!("{:?}\n{:?}", case.setting, case.chances);
    tell(&case.run(true))
}

fn tell(outcome: &Outcome) -> ExitCode {
    for line in &outcome.lines {
        println!("{line}");
    }
    match &outcome.result {
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

/// How fast the engine world is, on one core, at one size.
fn speed() -> ExitCode {
    const DEVICES: u8 = 3;
    const STEPS: u64 = 50;
    const RUNS: u64 = 2_000;
    let began = Instant::now();
    let mut virtual_ms = 0;
    for seed in 1..=RUNS {
        virtual_ms += Case::of_size(seed, DEVICES, STEPS).run(false).virtual_ms;
    }
    let real_ms = (began.elapsed().as_millis() as u64).max(1);
    println!(
        "{DEVICES} clients, {STEPS} user actions: {} runs a minute on one core, {} virtual seconds \
         in a second ({RUNS} runs in {real_ms} ms)",
        RUNS * 60_000 / real_ms,
        virtual_ms / real_ms,
    );
    ExitCode::SUCCESS
}

/// Each planted fault, and how it is caught.
fn planted() -> ExitCode {
    let mut all_caught = true;
    for fault in Planted::ALL {
        let caught = Caught::look_for(*fault, MAX_RUNS);
        println!("{caught}");
        all_caught &= caught.is_for_the_right_reason();
    }
    if all_caught { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One planted fault, and the simplest run found that breaks a rule by it.
fn planted_one(fault: Planted) -> ExitCode {
    let caught = Caught::look_for(fault, MAX_RUNS);
    println!("{caught}");
    let Some((broken, run)) = caught.by else { return ExitCode::FAILURE };
    let case = search::shrunk(fault.case(run), broken.rule);
    if let Err(broken) = case.run(false).result {
        println!("{broken}");
    }
    println!("cargo run --release -p sim -- replay {}", case.encode());
    ExitCode::SUCCESS
}

fn named(name: &str) -> Option<Planted> {
    Planted::ALL.iter().copied().find(|fault| format!("{fault:?}") == name)
}

fn replay_planner(text: &str) -> ExitCode {
    let Some(case) = planner::case::Case::decode(text) else { return usage() };
    println!("{case:?}");
    let outcome = case.run(&mut Tally::default(), planner::case::Record::Story);
    outcome.lines.iter().for_each(|line| println!("{line}"));
    match outcome.result {
        Ok(()) => {
            println!("all rules held");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("{broken}");
            ExitCode::FAILURE
        }
    }
}

fn search_planner(from: u64, count: u64) -> ExitCode {
    let found = planner::search::search(from, count);
    println!("{}", found.tally);
    found.told().iter().for_each(|line| println!("{line}"));
    if found.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn search_turmoil(from: u64, count: u64) -> ExitCode {
    let mut summary = search::Summary::default();
    let mut failures: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    for seed in from..from + count {
        let outcome = turmoil::case::Case::draw(seed).run(false);
        summary.add(&outcome);
        if let Err(broken) = outcome.result {
            failures.entry(broken.rule).or_default().push(seed);
        }
    }
    println!("{summary}");
    for (rule, seeds) in &failures {
        println!("\n{} runs broke: {rule} ({:?} …)", seeds.len(), &seeds[..seeds.len().min(8)]);
        let case = turmoil::shrink::shrunk(turmoil::case::Case::draw(seeds[0]), rule);
        println!("{} user steps, {:?}, {:?}", case.users.len(), case.strikes, case.chances);
        if let Err(broken) = case.run(false).result {
            println!("{broken}");
        }
        println!("cargo run --release -p sim -- replay {}", case.encode());
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn search(from: u64, count: u64) -> ExitCode {
    let mut summary = search::Summary::default();
    let mut failures: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    for seed in from..from + count {
        let outcome = Case::draw(seed).run(false);
        summary.add(&outcome);
        if let Err(broken) = outcome.result {
            failures.entry(broken.rule).or_default().push(seed);
        }
    }
    println!("{summary}");
    for (rule, seeds) in &failures {
        println!("\n{} runs broke: {rule} ({:?} …)", seeds.len(), &seeds[..seeds.len().min(8)]);
        let shrunk = seeds.iter().take(2).map(|seed| search::shrunk(Case::draw(*seed), rule));
        let size =
            |case: &Case| case.users.len() * 10 + case.schedule.iter().filter(|n| **n > 0).count();
        if let Some(case) = shrunk.min_by_key(size) {
            println!("{} user steps, {:?}", case.users.len(), case.setting.faults);
            if let Err(broken) = case.run(false).result {
                println!("{broken}");
            }
            println!("cargo run --release -p sim -- replay {}", case.encode());
        }
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
