//! The driver: runs every workload on every allocator and makes the tables.
//!
//! It starts one process for each cell (see `neap_bench::cell`), all allocators of a workload one after
//! another, and begins each round with another of them. Progress goes to stderr, a line for each workload
//! and round; results go to stdout or to the files that were named.

mod plot;
mod report;
mod results;
mod run;
mod warm;

use std::process::ExitCode;

use neap_bench::ALLOCATORS;
use neap_bench::workloads::{self, Workload};

use results::Results;
use run::Effort;

const USAGE: &str = "\
usage: neap-bench [OPTION]...
  --quick              two rounds in about two minutes, in place of five in about ten
  --rounds N           processes for each cell
  --only A,B,…         these allocators
  --workload A,B,…     these workloads
  --table[=FILE]       a table for the terminal (this is what is printed without any of the three)
  --markdown[=FILE]    tables in Markdown
  --json[=FILE]        every single measurement
  --svg FILE           a plot of the ratios to the best peer
Without a FILE, to stdout.";

/// Turns results into text.
type Format = fn(&Results) -> String;

/// What the command line asks for.
struct Request {
    effort: Effort,
    allocators: Vec<&'static str>,
    /// The allocators were named, so a missing one is an error.
    named: bool,
    workloads: Vec<&'static Workload>,
    /// A format and the file that it goes to, or stdout.
    texts: Vec<(Format, Option<String>)>,
    svg: Option<String>,
}

impl Request {
    fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Request, String> {
        let mut request = Request {
            effort: Effort::FULL,
            allocators: ALLOCATORS.iter().map(|&(name, _)| name).collect(),
            named: false,
            workloads: workloads::ALL.iter().collect(),
            texts: Vec::new(),
            svg: None,
        };
        let mut rounds = None;
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            let (option, mut value) = match argument.split_once('=') {
                Some((option, value)) => (option.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let needs_value =
                ["--rounds", "--only", "--workload", "--svg"].contains(&option.as_str());
            if needs_value && value.is_none() {
                value = Some(arguments.next().ok_or_else(|| format!("`{option}` needs a value"))?);
            }
            match (option.as_str(), value) {
                ("--quick", None) => request.effort = Effort::QUICK,
                ("--rounds", Some(value)) => {
                    let number = value.parse::<u32>().ok().filter(|&number| number > 0);
                    rounds = Some(number.ok_or("`--rounds` needs a number above 0")?);
                }
                ("--only", Some(value)) => {
                    request.named = true;
                    let all = ALLOCATORS.map(|(name, _)| name);
                    request.allocators = chosen(&value, &all, |name| name)?;
                }
                ("--workload", Some(value)) => {
                    let all: Vec<&Workload> = workloads::ALL.iter().collect();
                    request.workloads = chosen(&value, &all, |workload| workload.name)?;
                }
                ("--table", file) => request.texts.push((report::terminal, file)),
                ("--markdown", file) => request.texts.push((report::markdown, file)),
                ("--json", file) => request.texts.push((report::json, file)),
                ("--svg", Some(file)) => request.svg = Some(file),
                (other, _) => return Err(format!("no option `{other}`")),
            }
        }
        if let Some(rounds) = rounds {
            request.effort.rounds = rounds;
            request.effort.dear_rounds = rounds;
        }
        if request.texts.is_empty() {
            request.texts.push((report::terminal, None));
        }
        Ok(request)
    }
}

/// The items whose names stand in a list with commas, in the order of `all`.
fn chosen<T: Copy>(
    list: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, String> {
    let wanted: Vec<&str> = list.split(',').collect();
    if let Some(unknown) =
        wanted.iter().find(|&&wanted| all.iter().all(|&item| name(item) != wanted))
    {
        let names: Vec<&str> = all.iter().map(|&item| name(item)).collect();
        return Err(format!("`{unknown}` is none of {}", names.join(", ")));
    }
    Ok(all.iter().copied().filter(|&item| wanted.contains(&name(item))).collect())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let outcome = Request::from_arguments(arguments.into_iter())
        .map_err(|reason| format!("{reason}\n{USAGE}"))
        .and_then(|request| compare(&request));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and reports.
fn compare(request: &Request) -> Result<(), String> {
    let (built, missing): (Vec<&str>, Vec<&str>) = request
        .allocators
        .iter()
        .partition(|name| run::binary(name).is_some_and(|path| path.exists()));
    if !missing.is_empty() {
        eprintln!(
            "NOT BUILT, so not in the tables: {}. `benches/compare.sh` builds them.",
            missing.join(", ")
        );
        if request.named || built.is_empty() {
            return Err("an allocator that was asked for is not there".to_owned());
        }
    }
    let results = run::all(&built, &missing, &request.workloads, &request.effort);
    for (format, file) in &request.texts {
        let text = format(&results);
        match file {
            Some(file) => std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))?,
            None => print!("{text}"),
        }
    }
    if let Some(file) = &request.svg {
        plot::ratios(&results, file).map_err(|error| format!("{file}: {error}"))?;
    }
    match results.failures.len() {
        0 => Ok(()),
        count => Err(format!("{count} cells failed; they are listed above")),
    }
}
