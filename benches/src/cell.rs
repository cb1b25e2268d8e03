//! One workload on one allocator: the program that each `neap-bench-<name>` is.
//!
//! ```text
//! neap-bench-neap random --rounds 3
//! ```
//!
//! runs `random` in this process, with no other around it, so it can be looked at with `perf` or
//! callgrind. It prints one `name value` pair a line; the driver reads them.
//!
//! Built with the feature `pointers`, it runs the workloads of counted pointers as well:
//!
//! ```text
//! neap-bench-system rc_list --pointer std --rounds 3
//! ```

use std::process::ExitCode;
use std::time::Duration;

use crate::meter::Meter;
use crate::workloads::{self, Unit};
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
    name: String,
    run: fn(&mut Meter),
    unit: Unit,
    rounds: usize,
    budget: Duration,
    idle: Duration,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let name = arguments.next().ok_or("which workload?")?;
        let mut pointer = None;
        let mut rounds = 5;
        let mut budget = Duration::from_secs(10);
        let mut idle = Duration::from_millis(200);
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("`{option}` needs a value"))?;
            if option == "--pointer" {
                pointer = Some(value);
                continue;
            }
            let number = value.parse::<u32>();
            let number = number.map_err(|_| format!("`{option}` needs a number"))?;
            match option.as_str() {
                "--rounds" => rounds = number as usize,
                "--budget-ms" => budget = Duration::from_millis(number.into()),
                "--idle-ms" => idle = Duration::from_millis(number.into()),
                _ => return Err(format!("no option `{option}`")),
            }
        }
        let (run, unit) = match pointer {
            Some(pointer) => (find(&name, &pointer)?, Unit::Nanoseconds),
            None => {
                let workload = workloads::ALL.iter().find(|workload| workload.name == name);
                let workload = workload.ok_or_else(|| format!("no workload `{name}`"))?;
                (workload.run, workload.unit)
            }
        };
        Ok(Options { name, run, unit, rounds, budget, idle })
    }
}

#[cfg(feature = "pointers")]
use crate::pointers::find;

/// Stands in for the workloads of pointers where they are left out.
#[cfg(not(feature = "pointers"))]
fn find(_name: &str, _pointer: &str) -> Result<fn(&mut Meter), String> {
    Err("this program was built without the feature `pointers`".to_owned())
}

/// What can be run, for whoever asked for something else.
fn list_workloads() {
    eprintln!("usage: WORKLOAD [--rounds N] [--budget-ms N] [--idle-ms N]; the workloads are:");
    for workload in &workloads::ALL {
        eprintln!("  {:<14} {}", workload.name, workload.summary);
    }
    #[cfg(feature = "pointers")]
    {
        use crate::pointers::{ALL, POINTERS};
        let names = POINTERS.map(|(name, ..)| name).join("|");
        eprintln!("and with --pointer {names}:");
        for workload in &ALL {
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
    let Options { name, run, unit, rounds, budget, idle } = options;
    let mut meter = Meter::new(rounds, budget, hooks);
    run(&mut meter);
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
