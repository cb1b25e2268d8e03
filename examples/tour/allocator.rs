//! Part one: the global allocator, from the size of a block to memory that has gone back.

use crate::index::{self, Index, Step, Tally};
use crate::measure::{Chart, Moment, home_of, timed};
use crate::print::{self, Page, bytes, count, mib};
use crate::sources::{self, Sources};
use std::alloc::Layout;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// Of the index, one phrase in this many is kept before the rest is dropped.
const KEEP_ONE_IN: u64 = 100;
const THINNED: &str = "1 phrase in 100 kept";

pub fn run(page: &Page) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    page.title(
        &format!("neap {} · the allocator", env!("CARGO_PKG_VERSION")),
        &format!("{}, {cores} core{}", std::env::consts::OS, if cores == 1 { "" } else { "s" }),
    );
    page.line("Every Box, String and Vec of this program comes out of neap. It takes two lines:");
    page.line(page.green("    #[global_allocator]"));
    page.line(page.green("    static GLOBAL: neap::Neap = neap::Neap::new();"));

    what_a_block_is(page);
    a_day_of_work(page, cores);
}

/// A few requests, and the blocks that neap made of them.
fn what_a_block_is(page: &Page) {
    page.heading("What a request becomes");
    let requests = [24, 100, 1_000, 6_000, 100_000, 40 << 20];
    let held: Vec<Vec<u8>> = requests.iter().map(|&n| Vec::with_capacity(n)).collect();
    let rows: Vec<Vec<String>> = held
        .iter()
        .map(|vec| {
            let layout = Layout::array::<u8>(vec.capacity()).expect("the Vec has this layout");
            // SAFETY: the Vec is alive, and this is the layout it allocated with.
            let usable = unsafe { neap::heap::usable_size(vec.as_ptr(), layout) };
            let waste = (usable - vec.capacity()) as f64 * 100.0 / usable as f64;
            vec![
                format!("{} B", count(vec.capacity())),
                format!("{} B", count(usable)),
                format!("{waste:.1} %"),
                home_of(vec.as_ptr().addr()),
            ]
        })
        .collect();
    page.table(&[" request", " block", " unused", "where"], &rows);
}

/// Read, index on several threads, merge, thin out, drop: and how the heap stood at each step.
fn a_day_of_work(page: &Page, cores: usize) {
    let threads = cores.clamp(2, 4);
    // Made first, and filled with words that the program holds anyway: so that nothing of the
    // tour's own is alive at the end that was not at the beginning.
    let mut moments = Vec::with_capacity(10);
    moments.push(Moment::now("the program has begun", Duration::ZERO));

    page.heading("A real job: an index of every phrase of one to three words");
    let (sources, took) = timed(sources::read);
    moments.push(Moment::now("the files are read", took));
    page.line(format!("  read     {}", sources.origin));
    page.line(format!(
        "           {}, {} files{}",
        bytes(sources.bytes),
        count(sources.texts.len()),
        again(sources.rounds)
    ));
    let Sources { texts, origin, .. } = sources;
    drop(origin);

    let tally = Tally::default();
    let mut clock = Instant::now();
    let mut parts = index::build(&texts, threads, &tally, |step| {
        let took = clock.elapsed();
        match step {
            Step::Begun => {}
            Step::Indexed => moments.push(Moment::now("indexed, each thread its share", took)),
            Step::Merged => moments.push(Moment::now("merged, each phrase once", took)),
        }
        clock = Instant::now();
    });
    let tokens = tally.tokens.load(Ordering::Relaxed);
    let phrases: usize = parts.iter().map(HashMap::len).sum();
    let full = Moment::now("the threads have ended", clock.elapsed());
    let full_chart = Chart::draw();

    let ((), took) = timed(|| thin_out(&mut parts));
    let kept: usize = parts.iter().map(HashMap::len).sum();
    let thinned = Moment::now(THINNED, took);
    let ((), took) = timed(neap::heap::purge);
    let purged = Moment::now("purge()", took);
    let thin_chart = Chart::draw();

    let drop_all = timed(move || drop((parts, texts))).1;
    let dropped = Moment::now("everything dropped", drop_all);
    let ((), took) = timed(neap::heap::purge);
    let end = Moment::now("purge()", took);
    let [full_at, end_at] = [moments.len(), moments.len() + 4];
    moments.extend([full, thinned, purged, dropped, end]);

    page.line(format!(
        "  made     {} different phrases out of {} words, on {threads} threads",
        count(phrases),
        count(tokens),
    ));
    page.line("");
    steps(page, &moments);

    let [start, full, end] = [&moments[0], &moments[full_at], &moments[end_at]];
    size_classes(page, full);

    page.heading("The arenas from above, a cell for every 64th of an arena  ·░▒▓█ by what is live");
    page.line(page.dim(&format!(
        "  full: {} pools, {} live blocks met on a walk",
        count(full_chart.pools),
        count(full_chart.blocks)
    )));
    arenas(page, &full_chart);
    page.line(page.dim(&format!(
        "  {THINNED}: {} pools, {} live blocks",
        count(thin_chart.pools),
        count(thin_chart.blocks)
    )));
    arenas(page, &thin_chart);

    let moved = tally.freed_by_others.load(Ordering::Relaxed);
    let made = 2 * tally.phrases_before_merge.load(Ordering::Relaxed);
    let indexing: Duration = moments[2..4].iter().map(|moment| moment.took).sum();
    let thinned = &moments[full_at + 1];
    let gone = 2 * (phrases - kept);
    page.heading("In short");
    page.line(format!(
        "  {} to index and merge a word: up to 3 look-ups, new strings, longer lists",
        print::nanos_each(indexing, tokens)
    ));
    page.line(format!(
        "  {} to drop a block, {} at random out of {}",
        print::nanos_each(thinned.took, gone),
        count(gone),
        count(2 * phrases),
    ));
    page.line(format!(
        "  {} of {} strings and lists were freed by a thread that had not made them,",
        count(moved),
        count(made)
    ));
    page.line(format!(
        "  and the {} that were left by the main thread, after their makers had ended",
        count(2 * phrases)
    ));
    memory_given_back(page, start, full, end);
    page.line("");
    page.line(
        page.dim(
            "Your own program with these two lines: NEAP_STATS=1 prints its heap when it ends.",
        ),
    );
}

fn again(rounds: usize) -> String {
    if rounds == 1 { String::new() } else { format!(", {rounds} times over") }
}

fn thin_out(parts: &mut [Index]) {
    for part in parts {
        part.retain(|phrase, _| index::fingerprint(phrase).is_multiple_of(KEEP_ONE_IN));
        part.shrink_to_fit();
    }
}

fn steps(page: &Page, moments: &[Moment]) {
    let rows: Vec<Vec<String>> = moments
        .iter()
        .enumerate()
        .map(|(i, moment)| {
            let heap = &moment.heap;
            vec![
                moment.what.into(),
                if i == 0 { "–".into() } else { print::millis(moment.took) },
                moment.rss.map_or("–".into(), mib),
                mib(heap.live_bytes),
                count(heap.live_blocks),
                count(heap.pools),
                count(heap.arenas),
            ]
        })
        .collect();
    page.table(
        &["step", " ms", " RSS MiB", " live MiB", " live blocks", " pools", " arenas"],
        &rows,
    );
}

/// The size classes that hold most, when the index was at its fullest.
fn size_classes(page: &Page, full: &Moment) {
    const SHOWN: usize = 10;
    let mut classes: Vec<_> = full.heap.classes().iter().filter(|c| c.blocks_used > 0).collect();
    classes.sort_by_key(|c| std::cmp::Reverse(c.block_size * c.blocks_used));
    let used = classes.len();
    let most = classes.first().map_or(1, |c| c.block_size * c.blocks_used);
    classes.truncate(SHOWN);
    classes.sort_by_key(|c| c.block_size);
    page.heading(&format!(
        "Size classes at that moment: {used} of {} in use, the {} that hold most",
        full.heap.classes().len(),
        classes.len(),
    ));
    let rows: Vec<Vec<String>> = classes
        .iter()
        .map(|c| {
            let bytes = c.block_size * c.blocks_used;
            let all = c.blocks_used + c.blocks_free;
            vec![
                format!("{} B", count(c.block_size)),
                count(c.pools),
                count(c.blocks_used),
                format!("{:.0} %", c.blocks_used as f64 * 100.0 / all as f64),
                mib(bytes),
                print::bar(bytes as f64 / most as f64, 24),
            ]
        })
        .collect();
    page.table(&[" block", " pools", " in use", " full", " MiB", ""], &rows);
}

fn arenas(page: &Page, chart: &Chart) {
    for row in chart.rows() {
        let cells: String = (0..crate::measure::CELLS).map(|i| print::shade(row.fill(i))).collect();
        page.line(format!("  {cells}"));
    }
    if chart.more > 0 {
        page.line(page.dim(&format!("  and {} more", chart.more)));
    }
}

fn memory_given_back(page: &Page, start: &Moment, full: &Moment, end: &Moment) {
    page.line(format!(
        "  {} live blocks before, {} after; {} of descriptors and bitmaps at the fullest",
        count(start.heap.live_blocks),
        count(end.heap.live_blocks),
        bytes(full.heap.metadata_bytes),
    ));
    if let (Some(start), Some(full), Some(end)) = (start.rss, full.rss, end.rss) {
        let taken = full.saturating_sub(start);
        let back = full.saturating_sub(end);
        page.line(format!(
            "  {} resident before, {} at the fullest, {} now: {:.1} % has gone back",
            bytes(start),
            bytes(full),
            page.bold(&bytes(end)),
            back as f64 * 100.0 / taken.max(1) as f64,
        ));
    }
}
