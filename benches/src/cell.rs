//! One workload on one allocator: the program that each `neap-bench-<name>` is.
//!
//! ```text
//! neap-bench-neap random --rounds 3
//! ```
//!
//! runs `random` in this process, with no other around it, so it can be looked at with `perf` or
//! callgrind. It prints one `name value` pair a line; the driver reads them.
//!
//! Built with the feature `pointers` or `collectors`, it runs the workloads of counted pointers or of collectors as well:
//!
//! ```text
//! neap-bench-system rc_list --pointer std --rounds 3
//! neap-bench-neap cc_pairs --collector neap --rounds 3
//! ```
//!
//! `--stack-mib N` gives the workload a thread with a stack of that size: some peers recurse.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::meter::Meter;
use crate::workloads::{self, Unit};
use crate::{Hooks, SUITES, median, memory};

/// What a cell has measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// Time per operation of each round, in the workload's unit.
    pub rounds: Vec<f64>,
    /// The most that was resident, in KiB.
    pub peak_kib: f64,
    /// What is resident at the end, everything freed and the program idle, in KiB. `None` when the cell was
    /// not asked to idle.
    pub end_kib: Option<f64>,
    /// Further figures of the workload.
    pub figures: Vec<(String, f64)>,
}

impl Cell {
    /// The median of the rounds.
    pub fn time(&self) -> f64 {
        median(&self.rounds)
    }

    /// Reads what [`main`] printed. `None` when it is not that.
    pub fn parse(text: &str) -> Option<Cell> {
        let mut cell = Cell::default();
        for line in text.lines() {
            let (name, values) = line.split_once(' ')?;
            match name {
                "workload" | "unit" | "median" => {}
                "rounds" => {
                    cell.rounds =
                        values.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
                }
                "peak_kib" => cell.peak_kib = values.parse().ok()?,
                "end_kib" => cell.end_kib = Some(values.parse().ok()?),
                _ => cell.figures.push((name.to_owned(), values.parse().ok()?)),
            }
        }
        (cell.peak_kib > 0.0).then_some(cell)
    }
}

/// How a cell is to run.
struct Options {
    name: String,
    run: fn(&mut Meter),
    unit: Unit,
    rounds: usize,
    budget: Duration,
    idle: Duration,
    stack_mib: Option<usize>,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let name = arguments.next().ok_or("which workload?")?;
        let mut subject = None;
        let mut rounds = 5;
        let mut budget = Duration::from_secs(10);
        let mut idle = Duration::from_millis(200);
        let mut stack_mib = None;
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("`{option}` needs a value"))?;
            let suite =
                SUITES.iter().find(|suite| option.strip_prefix("--") == Some(suite.subject));
            if let Some(suite) = suite {
                subject = Some((suite, value));
                continue;
            }
            let number = value.parse::<u32>();
            let number =
                number.map_err(|_| format!("no option `{option}`, or it needs a number"))?;
            match option.as_str() {
                "--rounds" => rounds = number as usize,
                "--budget-ms" => budget = Duration::from_millis(number.into()),
                "--idle-ms" => idle = Duration::from_millis(number.into()),
                "--stack-mib" => stack_mib = Some(number as usize),
                _ => return Err(format!("no option `{option}`")),
            }
        }
        let (run, unit) = match subject {
            Some((suite, subject)) => (suite.find(&name, &subject)?, Unit::Nanoseconds),
            None => {
                let workload = workloads::ALL.iter().find(|workload| workload.name == name);
                let workload = workload.ok_or_else(|| format!("no workload `{name}`"))?;
                (workload.run, workload.unit)
            }
        };
        Ok(Options { name, run, unit, rounds, budget, idle, stack_mib })
    }
}

/// What can be run, for whoever asked for something else.
fn list_workloads() {
    eprintln!("usage: WORKLOAD [--rounds N] [--budget-ms N] [--idle-ms N]; the workloads are:");
    for workload in &workloads::ALL {
        eprintln!("  {:<14} {}", workload.name, workload.summary);
    }
    for suite in SUITES {
        let names: Vec<&str> = suite.subjects.iter().map(|subject| subject.name).collect();
        eprintln!("and with --{} {}:", suite.subject, names.join("|"));
        for workload in suite.workloads {
            eprintln!("  {:<22} {}", workload.name, workload.summary);
        }
    }
}

/// The program.
pub fn main(hooks: Hooks) -> ExitCode {
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("{reason}");
            list_workloads();
            return ExitCode::FAILURE;
        }
    };
    let Options { name, run, unit, rounds, budget, idle, stack_mib } = options;
    let mut meter = Meter::new(rounds, budget, hooks);
    match stack_mib {
        Some(mib) => on_stack(mib << 20, || run(&mut meter)),
        None => run(&mut meter),
    }
    std::thread::sleep(idle);
    let resident = memory::resident();

    let (rounds, figures) = meter.into_results();
    let rounds: Vec<f64> = rounds.iter().map(|time| time / unit.nanoseconds()).collect();
    println!("workload {name}");
    println!("unit {}", unit.label());
    if !rounds.is_empty() {
        let texts: Vec<String> = rounds.iter().map(|time| format!("{time:.4}")).collect();
        println!("rounds {}", texts.join(" "));
        println!("median {:.4}", median(&rounds));
    }
    println!("peak_kib {}", resident.peak_kib);
    if !idle.is_zero() {
        println!("end_kib {}", resident.now_kib);
    }
    for (name, value) in figures {
        println!("{name} {value:.6}");
    }
    ExitCode::SUCCESS
}

/// Runs on a thread whose stack has so many bytes, or not at all, where the system does not give them.
/// They are addresses only, until they are used.
pub fn on_stack(bytes: usize, run: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(bytes).spawn_scoped(scope, run);
        if let Err(reason) = thread {
            eprintln!("left out, for want of a stack of {} MiB: {reason}", bytes >> 20);
        }
    });
}
