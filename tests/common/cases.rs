//! A small test harness: each case runs in a process of its own, the test binary started again.
//!
//! So a case may measure its whole process, crash it, end it or hang, and the next one starts from
//! nothing. The first thread of that process runs the case; no other thread is there. Besides
//! *cases*, which are run and counted, a binary has *modes*: what cases start as further processes.
//!
//! The arguments of the usual harness are understood where they make sense: filters, `--exact`,
//! `--skip` and `--list`. To run one case by hand: `NEAP_TEST_RUN=name target/debug/deps/…`.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Names the case or mode that a process shall run.
const RUN: &str = "NEAP_TEST_RUN";

/// A case or a mode: its name and what it does.
pub type Entry = (&'static str, fn());

/// Makes entries of functions: `entries![grow, shrink]`.
macro_rules! entries {
    ($($function:ident),* $(,)?) => {
        &[$((stringify!($function), $function as fn())),*]
    };
}
pub(crate) use entries;

/// `main` of a test binary.
pub fn main(cases: &[Entry], modes: &[Entry]) {
    if let Some(name) = std::env::var_os(RUN) {
        let entry = cases.iter().chain(modes).find(|(known, _)| name == *known);
        let (_, run) = entry.unwrap_or_else(|| panic!("no case or mode is called {name:?}"));
        return run();
    }
    let choice = Choice::from_arguments();
    let chosen: Vec<_> = cases.iter().filter(|(name, _)| choice.takes(name)).collect();
    if choice.list {
        for (name, _) in chosen {
            println!("{name}: test");
        }
        return;
    }
    println!("\nrunning {} tests", chosen.len());
    let start = Instant::now();
    let mut failed = Vec::new();
    for (name, _) in &chosen {
        let limit = if super::long() { 3600 } else { 240 };
        let ended = child(name).within(Duration::from_secs(limit)).run();
        let ok = ended.status.success() && !ended.late;
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        if !ok {
            failed.push((name, ended));
        }
    }
    for (name, ended) in &failed {
        println!("\n---- {name} ----\n{}", ended.describe());
    }
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; \
         finished in {:.2}s\n",
        if failed.is_empty() { "ok" } else { "FAILED" },
        chosen.len() - failed.len(),
        failed.len(),
        cases.len() - chosen.len(),
        start.elapsed().as_secs_f64(),
    );
    if !failed.is_empty() {
        std::process::exit(101);
    }
}

/// Which cases the arguments ask for.
#[derive(Default)]
struct Choice {
    filters: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    list: bool,
    /// Only cases that are marked as ignored: here none is.
    ignored: bool,
}

impl Choice {
    fn from_arguments() -> Choice {
        let mut choice = Choice::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => choice.exact = true,
                "--list" => choice.list = true,
                "--ignored" => choice.ignored = true,
                "--skip" => choice.skipped.extend(arguments.next()),
                "--test-threads" | "--format" | "--color" | "--logfile" | "-Z" => {
                    arguments.next();
                }
                option if option.starts_with('-') => {}
                _ => choice.filters.push(argument),
            }
        }
        choice
    }

    fn takes(&self, name: &str) -> bool {
        let fits = |filter: &String| {
            if self.exact { name == filter } else { name.contains(filter.as_str()) }
        };
        !self.ignored
            && (self.filters.is_empty() || self.filters.iter().any(fits))
            && !self.skipped.iter().any(fits)
    }
}

/// A process about to be started: this binary again, in one of its modes or cases.
pub struct Child {
    command: Command,
    limit: Duration,
}

/// This binary again, to run the mode or case `name`.
pub fn child(name: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.env(RUN, name).stdin(Stdio::null());
    // A backtrace takes memory, of which some cases leave none: std would then wait for itself.
    command.env("RUST_BACKTRACE", "0");
    Child { command, limit: Duration::from_secs(60) }
}

impl Child {
    /// With an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Child {
        self.command.env(name, value);
        self
    }

    /// Without any of the variables that neap reads.
    pub fn unconfigured(mut self) -> Child {
        for name in ["NEAP_STATS", "NEAP_PURGE_DELAY_MS", "NEAP_THP", "NEAP_ARENA_MIB"] {
            self.command.env_remove(name);
        }
        self
    }

    /// With a limit on a resource (`libc::RLIMIT_…`) from its start on.
    pub fn limited(mut self, resource: libc::__rlimit_resource_t, bytes: usize) -> Child {
        let set = move || {
            let limit = libc::rlimit { rlim_cur: bytes as u64, rlim_max: bytes as u64 };
            // SAFETY: `limit` lives through the call, which reads it.
            match unsafe { libc::setrlimit(resource, &limit) } {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        };
        // SAFETY: between fork and exec the closure makes one system call and touches nothing else.
        unsafe { self.command.pre_exec(set) };
        self
    }

    /// With this long to end; a process that takes longer is killed and counts as hanging.
    pub fn within(mut self, limit: Duration) -> Child {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> Ended {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = self.command.spawn().expect("a process");
        let read = |mut pipe: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                // What was read before an error is all that there is to show.
                let _ = pipe.read_to_end(&mut bytes);
                bytes
            })
        };
        let stdout = read(Box::new(process.stdout.take().expect("a pipe")));
        let stderr = read(Box::new(process.stderr.take().expect("a pipe")));
        let start = Instant::now();
        let mut late = false;
        let mut pause = Duration::from_micros(500);
        let status = loop {
            if let Some(status) = process.try_wait().expect("to wait") {
                break status;
            }
            if start.elapsed() > self.limit {
                late = true;
                // It may end just now, and then there is nothing to kill.
                let _ = process.kill();
                break process.wait().expect("to wait");
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let stdout = text(stdout.join().expect("a reader"));
        let stderr = text(stderr.join().expect("a reader"));
        Ended { status, late, stdout, stderr }
    }

    /// Runs it to its end and panics unless it says success and prints nothing on stderr.
    #[track_caller]
    pub fn succeed(self) -> Ended {
        let ended = self.run();
        assert!(
            ended.status.success() && !ended.late && ended.stderr.is_empty(),
            "the process failed:\n{}",
            ended.describe()
        );
        ended
    }
}

/// How a process ended.
pub struct Ended {
    /// Its exit code or signal.
    pub status: ExitStatus,
    /// Whether it had to be killed because it did not end in time.
    pub late: bool,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Ended {
    /// Whether it aborted, by the signal `SIGABRT`.
    pub fn aborted(&self) -> bool {
        self.status.signal() == Some(libc::SIGABRT)
    }

    /// All that is known, for messages.
    pub fn describe(&self) -> String {
        let late = if self.late { " (killed: it did not end in time)" } else { "" };
        format!(
            "ended with {}{late}\nstdout:\n{}\nstderr:\n{}",
            self.status, self.stdout, self.stderr
        )
    }
}
