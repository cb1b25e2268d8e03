//! How things stand: what neap says of itself, and what the system says of the process.

use crate::print;
use neap::heap::{self, HeapStats, Item};
use std::fs;
use std::time::{Duration, Instant};

/// One look at the whole process.
pub struct Moment {
    pub what: &'static str,
    /// How long the step before it took.
    pub took: Duration,
    pub heap: HeapStats,
    /// Resident bytes of the process, program and stacks included.
    pub rss: Option<usize>,
}

impl Moment {
    pub fn now(what: &'static str, took: Duration) -> Self {
        // The system first: asking neap touches no new memory, reading a file may.
        let rss = resident();
        Self { what, took, heap: heap::stats(), rss }
    }
}

/// Resident bytes as the kernel counts them. `status` is cheap but rounds per processor, so the
/// exact count is read where the kernel offers it.
fn resident() -> Option<usize> {
    let find = |file, field| {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        let kib: usize = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    };
    find("/proc/self/smaps_rollup", "Rss:").or_else(|| find("/proc/self/status", "VmRSS:"))
}

/// Runs `step` and says how long it took.
pub fn timed<T>(step: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = step();
    (result, start.elapsed())
}

/// How full the arenas are, a cell for every `1 / CELLS` of an arena.
pub struct Chart {
    arenas: [Row; ARENAS],
    len: usize,
    /// Arenas that had no room in `arenas`.
    pub more: usize,
    pub pools: usize,
    pub blocks: usize,
}

pub const CELLS: usize = 64;
const ARENAS: usize = 6;

#[derive(Clone, Copy)]
pub struct Row {
    address: usize,
    bytes: usize,
    /// Live bytes in each cell.
    live: [usize; CELLS],
}

impl Row {
    const EMPTY: Self = Self { address: 0, bytes: 0, live: [0; CELLS] };

    /// Live bytes of cell `i`, from 0.0 to 1.0 of what it could hold.
    pub fn fill(&self, i: usize) -> f64 {
        self.live[i] as f64 * CELLS as f64 / self.bytes as f64
    }

    /// Spreads `live` bytes evenly over the cells that `[address, address + bytes)` touches.
    fn add(&mut self, address: usize, bytes: usize, live: usize) {
        let cell = self.bytes / CELLS;
        let start = address - self.address;
        let mut at = start;
        while at < start + bytes {
            let end = (at / cell * cell + cell).min(start + bytes);
            self.live[at / cell] += live * (end - at) / bytes;
            at = end;
        }
    }
}

impl Chart {
    /// Walks the heap. The visitor writes into the chart and allocates nothing, so that it does not
    /// change what it looks at.
    pub fn draw() -> Self {
        let mut chart = Self { arenas: [Row::EMPTY; ARENAS], len: 0, more: 0, pools: 0, blocks: 0 };
        heap::walk(|item| chart.visit(item));
        chart
    }

    pub fn rows(&self) -> &[Row] {
        &self.arenas[..self.len]
    }

    fn visit(&mut self, item: Item) {
        match item {
            Item::Arena { address, bytes } if self.len < ARENAS => {
                self.arenas[self.len] = Row { address, bytes, ..Row::EMPTY };
                self.len += 1;
            }
            Item::Arena { .. } => self.more += 1,
            Item::Pool { address, bytes, block_size, used, .. } => {
                self.pools += 1;
                self.add(address, bytes, block_size * used);
            }
            Item::Block { .. } => self.blocks += 1,
            Item::Large { address, bytes } => {
                self.blocks += 1;
                self.add(address, bytes, bytes);
            }
            _ => {}
        }
    }

    fn add(&mut self, address: usize, bytes: usize, live: usize) {
        // What lies in no charted arena has a mapping of its own.
        let inside = |row: &&mut Row| address.wrapping_sub(row.address) < row.bytes;
        if let Some(row) = self.arenas[..self.len].iter_mut().find(inside) {
            row.add(address, bytes, live);
        }
    }
}

/// Where an address lies, as a walk of the heap finds it.
pub fn home_of(wanted: usize) -> String {
    #[derive(Clone, Copy)]
    enum Home {
        Unknown,
        Pool { bytes: usize, blocks: usize },
        Run { bytes: usize },
        Mapping { bytes: usize },
    }
    let mut home = Home::Unknown;
    let mut in_arena = false;
    // Only numbers are written here: the visitor allocates nothing.
    heap::walk(|item| match item {
        Item::Arena { address, bytes } => in_arena |= wanted.wrapping_sub(address) < bytes,
        Item::Pool { address, bytes, blocks, .. } if wanted.wrapping_sub(address) < bytes => {
            home = Home::Pool { bytes, blocks };
        }
        Item::Large { address, bytes } if wanted.wrapping_sub(address) < bytes => {
            home = if in_arena { Home::Run { bytes } } else { Home::Mapping { bytes } };
        }
        _ => {}
    });
    match home {
        Home::Unknown => "not found on the walk".into(),
        Home::Pool { bytes, blocks } => {
            format!("a pool of {}, {} blocks", print::bytes(bytes), print::count(blocks))
        }
        Home::Run { bytes } => format!("a run of {} in an arena", print::bytes(bytes)),
        Home::Mapping { bytes } => format!("a mapping of its own, {}", print::bytes(bytes)),
    }
}
