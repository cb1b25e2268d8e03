//! One workload on one allocator: the program that each `neap-bench-<name>` is.
//!
//! ```text
//! neap-bench-neap random --rounds 3
//! ```
//!
//! runs `random` in this process, with no other around it, so it can be looked at with `perf` or
//! callgrind. It prints one `name value` pair a line; the driver reads them.

use std::process::ExitCode;
use std::time::Duration;

use crate::meter::Meter;
use crate::workloads::{self, Workload};
use crate::{Hooks, median, memory};

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
    workload: &'static Workload,
    rounds: usize,
    budget: Duration,
    idle: Duration,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            workload: &workloads::ALL[0],
            rounds: 5,
            budget: Duration::from_secs(10),
            idle: Duration::from_millis(200),
        };
        let name = arguments.next().ok_or("which workload?")?;
        options.workload = workloads::ALL
            .iter()
            .find(|workload| workload.name == name)
            .ok_or_else(|| format!("no workload `{name}`"))?;
        while let Some(option) = arguments.next() {
            let value = arguments.next().and_then(|value| value.parse::<u32>().ok());
            let value = value.ok_or_else(|| format!("`{option}` needs a number"))?;
            match option.as_str() {
                "--rounds" => options.rounds = value as usize,
                "--budget-ms" => options.budget = Duration::from_millis(value.into()),
                "--idle-ms" => options.idle = Duration::from_millis(value.into()),
                _ => return Err(format!("no option `{option}`")),
            }
        }
        Ok(options)
    }
}

/// The program.
pub fn main(hooks: Hooks) -> ExitCode {
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("{reason}");
            eprintln!(
                "usage: WORKLOAD [--rounds N] [--budget-ms N] [--idle-ms N]; the workloads are:"
            );
            for workload in &workloads::ALL {
                eprintln!("  {:<14} {}", workload.name, workload.summary);
            }
            return ExitCode::FAILURE;
        }
    };
    let Options { workload, rounds, budget, idle } = options;
    let mut meter = Meter::new(rounds, budget, hooks);
    (workload.run)(&mut meter);
    std::thread::sleep(idle);
    let resident = memory::resident();

    let (rounds, figures) = meter.into_results();
    let rounds: Vec<f64> = rounds.iter().map(|time| time / workload.unit.nanoseconds()).collect();
    println!("workload {}", workload.name);
    println!("unit {}", workload.unit.label());
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
