//! A count that would overflow ends the process, with a line on stderr, and not before two thousand million references:
//! else an object would be freed that is still in use.
//!
//! Each way to make references is counted up in a process of its own. That takes seconds in optimised builds and
//! minutes in others, which leave it out and say so, but for `NEAP_LONG=1`.

mod common;

use common::cases::{Entry, child, entries, main as run_cases};
use common::long;
use neap::rc::{Rc, Weak};
use std::io::Write;
use std::mem::forget;
use std::time::Duration;

const FAST: &[Entry] = entries![forgotten_references_keep_the_value];

const SLOW: &[Entry] = entries![
    too_many_clones,
    too_many_increments,
    too_many_upgrades,
    too_many_downgrades,
    too_many_weak_clones,
];

const MODES: &[Entry] = entries![clone_on, increment_on, upgrade_on, downgrade_on, clone_weak_on];

fn main() {
    if long() || !cfg!(debug_assertions) {
        return run_cases(&[FAST, SLOW].concat(), MODES);
    }
    run_cases(FAST, MODES);
    println!(
        "NOT RUN in an unoptimised build: {} cases. Use --release, or NEAP_LONG=1.",
        SLOW.len()
    );
}

/// How many references there may be at the least.
const ENOUGH: u32 = 2_000_000_000;
/// And so many there must not be.
const TOO_MANY: u32 = 1 << 31;

/// Does it until the process ends, but at most [`TOO_MANY`] times; says on stdout when it was enough.
fn on_and_on(mut again: impl FnMut()) {
    for _ in 0..ENOUGH {
        again();
    }
    println!("enough");
    std::io::stdout().flush().expect("stdout");
    for _ in ENOUGH..TOO_MANY {
        again();
    }
    println!("too many");
}

/// Runs a mode and panics unless it ended as it must.
fn assert_aborts(mode: &str) {
    let ended = child(mode).limited(libc::RLIMIT_CORE, 0).within(Duration::from_secs(230)).run();
    assert!(ended.aborted() && !ended.late, "not aborted: {}", ended.describe());
    assert_eq!(ended.stdout, "enough\n", "{}", ended.describe());
    let line = ended.stderr.trim_end();
    assert!(
        line.starts_with("neap: ") && line.lines().count() == 1 && line.contains("references"),
        "not one line: {}",
        ended.describe()
    );
}

fn clone_on() {
    let rc = Rc::new(5_u64);
    on_and_on(|| forget(rc.clone()));
}

fn upgrade_on() {
    let rc = Rc::new(5_u64);
    let weak = Rc::downgrade(&rc);
    on_and_on(|| forget(weak.upgrade()));
}

fn downgrade_on() {
    let rc = Rc::new(5_u64);
    on_and_on(|| forget(Rc::downgrade(&rc)));
}

fn increment_on() {
    let raw = Rc::into_raw(Rc::new(5_u64));
    // SAFETY: the raw pointer owns a reference.
    on_and_on(|| unsafe { Rc::increment_strong_count(raw) });
}

fn clone_weak_on() {
    let weak = Rc::downgrade(&Rc::new(5_u64));
    on_and_on(|| forget(weak.clone()));
}

fn too_many_clones() {
    assert_aborts("clone_on");
}

fn too_many_upgrades() {
    assert_aborts("upgrade_on");
}

fn too_many_downgrades() {
    assert_aborts("downgrade_on");
}

fn too_many_increments() {
    assert_aborts("increment_on");
}

fn too_many_weak_clones() {
    assert_aborts("clone_weak_on");
}

fn forgotten_references_keep_the_value() {
    let rc = Rc::new(String::from("still there"));
    let weak: Weak<String> = Rc::downgrade(&rc);
    for _ in 0..1_000_000 {
        forget(rc.clone());
        forget(weak.clone());
    }
    drop(rc);
    assert_eq!((weak.strong_count(), weak.weak_count()), (1_000_000, 1_000_001));
    assert_eq!(weak.upgrade().as_deref().map(String::as_str), Some("still there"));
}
