//! The environment variables of neap: good values do what they say, each bad value is named in one
//! line on stderr, and the program runs on with the default.

mod common;

use common::cases::{Child, Ended, child, entries, main as run_cases};
use common::{Block, KIB, MIB, Rng, mib, resident};
use neap::heap::{Item, walk};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            nothing_is_printed_without_being_asked_for,
            statistics_at_exit,
            statistics_at_exit_also_when_threads_run_on,
            statistics_that_are_not_asked_for,
            good_values,
            arenas_have_the_size_that_is_asked_for,
            no_delay,
            huge_pages_always,
            huge_pages_never,
            bad_values,
            bad_values_that_are_hardly_text,
            all_bad_at_once,
            the_default_is_used_for_a_bad_value,
        ],
        entries![
            work,
            work_and_exit_beside_a_thread,
            print_arena_sizes,
            print_resident_after_freeing,
            print_huge_page_bytes,
        ],
    );
}

fn program(mode: &str) -> Child {
    child(mode).unconfigured()
}

/// A mode: a program that uses memory of all layers and prints that it is through.
fn work() {
    let mut rng = Rng(60);
    let mut blocks: Vec<_> = (0..5000).map(|_| Block::new(rng.size(20_000), 8)).collect();
    blocks.push(Block::new(100_000, 8));
    blocks.push(Block::new(40 * MIB, 8));
    let thread = std::thread::spawn(move || blocks.iter().for_each(Block::verify));
    thread.join().expect("the thread");
    println!("done");
}

/// A mode: as [`work`], and then ends while another thread allocates.
fn work_and_exit_beside_a_thread() {
    std::thread::spawn(|| {
        let mut rng = Rng(61);
        loop {
            drop((0..100).map(|_| Block::new(rng.size(5000), 8)).collect::<Vec<_>>());
        }
    });
    work();
    std::process::exit(0);
}

/// A mode: prints the bytes of each arena.
fn print_arena_sizes() {
    let blocks: Vec<_> = (0..60).map(|_| Block::new(MIB, 8)).collect();
    let mut sizes = Vec::with_capacity(100);
    walk(|item| {
        if let Item::Arena { bytes, .. } = item {
            sizes.push(bytes.to_string());
        }
    });
    blocks.iter().for_each(Block::verify);
    println!("{}", sizes.join(" "));
}

/// A mode: prints how many bytes are more in memory after much was allocated and freed.
fn print_resident_after_freeing() {
    let before = resident();
    let mut rng = Rng(62);
    drop((0..20_000).map(|_| Block::new(rng.size(4000), 8)).collect::<Vec<_>>());
    drop((0..30).map(|_| Block::new(MIB, 8)).collect::<Vec<_>>());
    println!("{}", resident().saturating_sub(before));
}

/// A mode: prints the bytes of huge pages that a program with 100 MiB has.
fn print_huge_page_bytes() {
    let blocks: Vec<_> = (0..100 * KIB).map(|_| Block::new(KIB, 8)).collect();
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("smaps_rollup");
    let line = text.lines().find_map(|line| line.strip_prefix("AnonHugePages:"));
    let kib = line.expect("the line").trim().trim_end_matches(" kB");
    println!("{}", kib.parse::<usize>().expect("a number") * KIB);
    blocks.iter().for_each(Block::verify);
}

fn printed_number(ended: &Ended) -> usize {
    ended.stdout.trim().parse().expect("a number")
}

fn nothing_is_printed_without_being_asked_for() {
    assert_eq!(program("work").succeed().stdout, "done\n");
}

/// Panics unless `stderr` is the statistics of the mode `work`.
#[track_caller]
fn assert_statistics(ended: &Ended) {
    let text = ended.stderr.to_lowercase();
    let well = ended.status.success()
        && ended.stdout == "done\n"
        && text.lines().count() >= 5
        && text.contains("arena")
        && !text.contains("bad value");
    assert!(well, "{}", ended.describe());
}

fn statistics_at_exit() {
    assert_statistics(&program("work").env("NEAP_STATS", "1").run());
}

fn statistics_at_exit_also_when_threads_run_on() {
    for _ in 0..5 {
        let ended = program("work_and_exit_beside_a_thread").env("NEAP_STATS", "1").run();
        assert_statistics(&ended);
    }
}

fn statistics_that_are_not_asked_for() {
    program("work").env("NEAP_STATS", "0").succeed();
}

fn good_values() {
    for (name, values) in [
        ("NEAP_PURGE_DELAY_MS", &["0", "1", "10", "1000", "100000"][..]),
        ("NEAP_THP", &["always", "madvise", "never"]),
        ("NEAP_ARENA_MIB", &["4", "8", "16", "32"]),
    ] {
        for value in values {
            assert_eq!(program("work").env(name, value).succeed().stdout, "done\n");
        }
    }
    let all = program("work")
        .env("NEAP_PURGE_DELAY_MS", "0")
        .env("NEAP_THP", "never")
        .env("NEAP_ARENA_MIB", "4")
        .env("NEAP_STATS", "1");
    assert_statistics(&all.run());
}

fn arenas_have_the_size_that_is_asked_for() {
    for size in [4, 8, 16, 32] {
        let ended = program("print_arena_sizes").env("NEAP_ARENA_MIB", size.to_string()).succeed();
        let sizes: Vec<usize> =
            ended.stdout.split_whitespace().map(|bytes| bytes.parse().expect("bytes")).collect();
        assert!(sizes.len() >= 60 / size, "60 MiB are there: {sizes:?}");
        assert!(sizes.iter().all(|bytes| *bytes == size * MIB), "{size} MiB: {sizes:?}");
    }
}

fn no_delay() {
    let kept = printed_number(
        &program("print_resident_after_freeing").env("NEAP_PURGE_DELAY_MS", "0").succeed(),
    );
    assert!(kept < 8 * MIB, "{} are kept without a delay", mib(kept));
    // A long delay does not mean that all is kept.
    let kept = printed_number(
        &program("print_resident_after_freeing").env("NEAP_PURGE_DELAY_MS", "3600000").succeed(),
    );
    assert!(kept < 45 * MIB, "{} are kept with a long delay", mib(kept));
}

/// What the kernel does with huge pages by itself: `always`, `madvise` or `never`.
fn kernel_setting() -> String {
    let text = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    let text = text.unwrap_or_else(|_| "[never]".into());
    let chosen = text.split(['[', ']']).nth(1);
    chosen.expect("a chosen setting").into()
}

fn huge_pages_always() {
    let ended = program("print_huge_page_bytes").env("NEAP_THP", "always").succeed();
    if kernel_setting() != "never" {
        assert!(printed_number(&ended) >= 16 * MIB, "{}", ended.describe());
    }
}

fn huge_pages_never() {
    let ended = program("print_huge_page_bytes").env("NEAP_THP", "never").succeed();
    assert_eq!(printed_number(&ended), 0, "{}", ended.describe());
}

/// Panics unless the program did its work and stderr is one line with the name and the value.
#[track_caller]
fn assert_complains(name: &str, value: &str, ended: &Ended) {
    let lines: Vec<_> = ended.stderr.lines().collect();
    let well = ended.status.success()
        && ended.stdout == "done\n"
        && lines.len() == 1
        && lines[0].starts_with("neap: ")
        && lines[0].contains(name)
        && lines[0].contains(value)
        && ended.stderr.ends_with('\n');
    assert!(well, "{name}={value}: {}", ended.describe());
}

fn bad_values() {
    for (name, values) in [
        ("NEAP_STATS", &["2", "yes", "banana", "-1", "1 "][..]),
        (
            "NEAP_PURGE_DELAY_MS",
            &[
                "-1",
                "abc",
                "1.5",
                "10ms",
                "99999999999999999999",
                "18446744073709551616",
                " 7",
                "0x10",
            ],
        ),
        ("NEAP_THP", &["sometimes", "1", "never,always", "madvise "]),
        ("NEAP_ARENA_MIB", &["0", "1", "3", "5", "12", "33", "32MiB", "-4", "4194304", "4.0"]),
    ] {
        for value in values {
            assert_complains(name, value, &program("work").env(name, value).run());
        }
    }
}

fn bad_values_that_are_hardly_text() {
    for name in ["NEAP_STATS", "NEAP_PURGE_DELAY_MS", "NEAP_THP", "NEAP_ARENA_MIB"] {
        // Very long: how it begins is enough.
        let long = "abcdefgh".repeat(10_000);
        assert_complains(name, &long[..16], &program("work").env(name, &long).run());
        // Long, with a character of three bytes anywhere the cut may be.
        for shift in 0..3 {
            let umbrellas = format!("{}{}", &"xyz"[..shift], "\u{2602}".repeat(200));
            assert_complains(name, "", &program("work").env(name, umbrellas).run());
        }
        // It must stay one line, and no line of another.
        let ended = program("work").env(name, "bad\nneap: all is well\r\u{1b}[2J").run();
        assert_complains(name, "bad", &ended);
        assert!(!ended.stderr.trim_end().contains(char::is_control), "{}", ended.describe());
        // Not UTF-8.
        let ended = program("work").env(name, OsStr::from_bytes(b"\xff\xfe\x80")).run();
        assert_complains(name, "", &ended);
    }
    // Empty: nothing was said, or it is bad; either way the program runs on.
    for name in ["NEAP_STATS", "NEAP_PURGE_DELAY_MS", "NEAP_THP", "NEAP_ARENA_MIB"] {
        let ended = program("work").env(name, "").run();
        assert!(ended.status.success() && ended.stdout == "done\n", "{}", ended.describe());
        assert!(ended.stderr.is_empty() || ended.stderr.lines().count() == 1);
    }
}

fn all_bad_at_once() {
    let ended = program("work")
        .env("NEAP_STATS", "maybe")
        .env("NEAP_PURGE_DELAY_MS", "soon")
        .env("NEAP_THP", "perhaps")
        .env("NEAP_ARENA_MIB", "many")
        .run();
    assert!(ended.status.success() && ended.stdout == "done\n", "{}", ended.describe());
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{}", ended.describe());
    for (name, value) in [
        ("NEAP_STATS", "maybe"),
        ("NEAP_PURGE_DELAY_MS", "soon"),
        ("NEAP_THP", "perhaps"),
        ("NEAP_ARENA_MIB", "many"),
    ] {
        let naming = lines.iter().filter(|line| line.contains(name) && line.contains(value));
        assert_eq!(naming.count(), 1, "{}", ended.describe());
    }
}

fn the_default_is_used_for_a_bad_value() {
    let usual = program("print_arena_sizes").run();
    let bad = program("print_arena_sizes").env("NEAP_ARENA_MIB", "5").run();
    assert_eq!(bad.stdout, usual.stdout);
    // One that is good beside one that is bad holds.
    let ended =
        program("print_arena_sizes").env("NEAP_ARENA_MIB", "8").env("NEAP_THP", "sometimes").run();
    let bytes = (8 * MIB).to_string();
    assert!(ended.stdout.split_whitespace().all(|word| word == bytes), "{}", ended.describe());
}
