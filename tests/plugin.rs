//! Two copies of neap in one process: the program has one and a plugin, loaded with `dlopen`, brings
//! its own. Each knows its own blocks and no others; the plugin may be unloaded while threads
//! that used it are alive, and loading it again and again adds nothing.
//!
//! The plugin is the package in `tests/plugin`, built here with the same toolchain.

mod common;

use common::cases::{entries, main as run_cases};
use common::{Block, MIB, address_space, join, mib, resident, scaled};
use libloading::{Library, Symbol};
use neap::heap::{owns, stats};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::thread::{scope, spawn};

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    run_cases(
        entries![
            both_allocate_and_free_their_own,
            in_threads_of_the_program,
            in_threads_of_the_plugin,
            with_destructors_of_the_plugin,
            two_plugins_and_the_program,
            unloaded_while_threads_that_used_it_live,
            unloaded_at_the_moment_when_threads_end,
            unloaded_by_a_thread_that_then_ends,
            loaded_and_unloaded_again_and_again,
            loaded_when_the_process_ends,
        ],
        &[],
    );
}

/// Builds the plugin, if that was not done before, and says where it lies.
fn build() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugin/Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin");
    let run = |offline: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.arg("build").args(offline).arg("--manifest-path").arg(&manifest);
        // The program's own folder for builds is another, also where the environment names it.
        cargo.arg("--target-dir").arg(&target).env_remove("CARGO_BUILD_TARGET");
        cargo.output().expect("cargo")
    };
    // What the plugin depends on is here already, as the program depends on it too.
    let mut output = run(&["--offline"]);
    if !output.status.success() {
        output = run(&[]);
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file =
        format!("{}neap_plugin{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    target.join("debug").join(file)
}

/// A loaded plugin. Dropping it unloads it, which must not be while one of its functions runs.
struct Plugin(Library);

impl Plugin {
    fn load(path: &Path) -> Plugin {
        // SAFETY: the plugin's constructors are those of Rust's std, which need nothing.
        Plugin(unsafe { Library::new(path) }.expect("the plugin"))
    }

    fn function<T>(&self, name: &str) -> Symbol<'_, T> {
        // SAFETY: the callers below name the types that the plugin's source has.
        unsafe { self.0.get(name) }.expect("a function of the plugin")
    }

    fn allocate(&self, bytes: usize) -> *mut u8 {
        let start = self.function::<extern "C" fn(usize) -> *mut u8>("plugin_allocate")(bytes);
        assert!(!start.is_null());
        // SAFETY: the block has that many bytes and is nobody else's.
        unsafe { start.write_bytes(bytes as u8, bytes) };
        start
    }

    fn free(&self, start: *mut u8, bytes: usize) {
        // SAFETY: `allocate` wrote all bytes.
        let contents = unsafe { std::slice::from_raw_parts(start, bytes) };
        assert!(contents.iter().all(|byte| *byte == bytes as u8), "the block has changed");
        // SAFETY: it came from `allocate`, and the callers have no other use for it.
        unsafe {
            self.function::<unsafe extern "C" fn(*mut u8, usize)>("plugin_free")(start, bytes)
        }
    }

    fn owns(&self, start: *const u8) -> bool {
        self.function::<extern "C" fn(*const u8) -> bool>("plugin_owns")(start)
    }

    fn live_blocks(&self) -> usize {
        self.function::<extern "C" fn() -> usize>("plugin_live_blocks")()
    }

    fn work(&self, seed: u64) -> u64 {
        self.function::<extern "C" fn(u64) -> u64>("plugin_work")(seed)
    }

    fn work_in_threads(&self, seed: u64) -> u64 {
        self.function::<extern "C" fn(u64) -> u64>("plugin_work_in_threads")(seed)
    }

    fn keep(&self, bytes: usize) {
        self.function::<extern "C" fn(usize)>("plugin_keep")(bytes);
    }
}

const SIZES: [usize; 8] = [1, 16, 100, 3000, 20_000, 100_000, 3 * MIB, 20 * MIB];

fn both_allocate_and_free_their_own() {
    let plugin = Plugin::load(&build());
    // What a first call sets up stays.
    plugin.work(1);
    let before = (stats().live_blocks, plugin.live_blocks());
    for _ in 0..50 {
        let ours: Vec<_> = SIZES.iter().map(|size| Block::new(*size, 8)).collect();
        let theirs: Vec<_> = SIZES.iter().map(|size| (plugin.allocate(*size), *size)).collect();
        assert_eq!(plugin.live_blocks(), before.1 + SIZES.len());
        for block in &ours {
            assert!(owns(block.pointer()) && !plugin.owns(block.pointer()));
        }
        for (start, _) in &theirs {
            assert!(plugin.owns(*start) && !owns(*start));
        }
        drop(ours);
        theirs.into_iter().for_each(|(start, size)| plugin.free(start, size));
    }
    assert_eq!((stats().live_blocks, plugin.live_blocks()), before);
}

fn in_threads_of_the_program() {
    let plugin = Plugin::load(&build());
    let answers: Vec<_> = (0..20).map(|seed| plugin.work(seed)).collect();
    scope(|scope| {
        for seed in 0..20 {
            let (plugin, answers) = (&plugin, &answers);
            scope.spawn(move || {
                let ours: Vec<_> = (1..300).map(|i| Block::new(i * 17, 8)).collect();
                assert_eq!(plugin.work(seed), answers[seed as usize]);
                ours.iter().for_each(Block::verify);
            });
        }
    });
    // Allocated by one thread and freed by another, on both sides.
    let before = plugin.live_blocks();
    for _ in 0..50 {
        let (ours, theirs) = scope(|scope| {
            let make = || {
                let ours: Vec<_> = (1..100).map(|i| Block::new(i * 31, 8)).collect();
                let theirs =
                    (1..100).map(|i| (plugin.allocate(i * 31).expose_provenance(), i * 31));
                (ours, theirs.collect::<Vec<_>>())
            };
            scope.spawn(make).join().expect("the thread")
        });
        ours.iter().for_each(Block::verify);
        for (address, size) in theirs {
            plugin.free(std::ptr::with_exposed_provenance_mut(address), size);
        }
    }
    assert!(plugin.live_blocks() <= before + 10);
}

fn in_threads_of_the_plugin() {
    let plugin = Plugin::load(&build());
    for seed in 0..20 {
        let ours: Vec<_> = (1..300).map(|i| Block::new(i * 17, 8)).collect();
        let alone = (0..3).map(|i| plugin.work(seed + i)).fold(0, u64::wrapping_add);
        assert_eq!(plugin.work_in_threads(seed), alone);
        ours.iter().for_each(Block::verify);
    }
}

fn with_destructors_of_the_plugin() {
    let plugin = Plugin::load(&build());
    plugin.work(1);
    let mut early = 0;
    for i in 0..500 {
        scope(|scope| {
            let thread = scope.spawn(|| {
                plugin.keep(100);
                plugin.keep(50_000);
                drop(Block::new(1000, 8));
            });
            join([thread]);
        });
        if i == 50 {
            early = plugin.live_blocks();
        }
    }
    assert!(plugin.live_blocks() <= early, "the plugin's thread-locals have been dropped");
}

fn two_plugins_and_the_program() {
    // The same file under another name is loaded beside the first.
    let path = build();
    let copy = path.with_file_name(format!("copy-{}.so", std::process::id()));
    std::fs::copy(&path, &copy).expect("a copy");
    let (first, second) = (Plugin::load(&path), Plugin::load(&copy));
    std::fs::remove_file(&copy).expect("to remove the copy");
    scope(|scope| {
        let threads = [(); 3].map(|()| {
            let (first, second) = (&first, &second);
            scope.spawn(move || {
                for size in SIZES {
                    let (ours, a, b) =
                        (Block::new(size, 8), first.allocate(size), second.allocate(size));
                    assert!(first.owns(a) && !first.owns(b) && !first.owns(ours.pointer()));
                    assert!(second.owns(b) && !second.owns(a) && !second.owns(ours.pointer()));
                    assert!(owns(ours.pointer()) && !owns(a) && !owns(b));
                    first.free(a, size);
                    second.free(b, size);
                }
            })
        });
        join(threads);
    });
    drop(first);
    // The other one is none the worse for it.
    second.work_in_threads(5);
}

fn unloaded_while_threads_that_used_it_live() {
    let path = build();
    for round in 0..20 {
        let plugin = Plugin::load(&path);
        let (used, unloaded) = (Barrier::new(4), Barrier::new(4));
        scope(|scope| {
            let threads = [0, 1, 2].map(|i| {
                let (used, unloaded) = (&used, &unloaded);
                // Taken now: what `plugin` is must not be asked once it is unloaded.
                let work = *plugin.function::<extern "C" fn(u64) -> u64>("plugin_work");
                let keep = *plugin.function::<extern "C" fn(usize)>("plugin_keep");
                scope.spawn(move || {
                    work(i);
                    if round % 2 == 0 {
                        keep(1000);
                    }
                    used.wait();
                    unloaded.wait();
                    // The thread goes on with the program's own memory, and ends.
                    (1..300).map(|n| Block::new(n * 17, 8)).for_each(|block| block.verify());
                })
            });
            used.wait();
            // SAFETY: none of its functions runs, and none is called again.
            unsafe { close(&plugin) };
            unloaded.wait();
            join(threads);
        });
        std::mem::forget(plugin);
    }
}

fn unloaded_at_the_moment_when_threads_end() {
    // The threads have done their work, and what the C library does for a thread that ends may just
    // be running: a program that waits for the work alone cannot know.
    let path = build();
    for _ in 0..100 {
        let plugin = Plugin::load(&path);
        scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for size in SIZES {
                        plugin.free(plugin.allocate(size), size);
                    }
                });
            }
        });
        drop(plugin);
    }
}

/// Unloads a plugin that others still have a reference to.
///
/// # Safety
///
/// None of its functions runs or is called again, and it is not dropped.
unsafe fn close(plugin: &Plugin) {
    // SAFETY: the library is not dropped, so this copy of its handle is the one that is closed.
    let library = unsafe { std::ptr::read(&plugin.0) };
    library.close().expect("to unload the plugin");
}

fn unloaded_by_a_thread_that_then_ends() {
    let path = build();
    for round in 0..20 {
        let path = path.clone();
        let work = move || {
            let plugin = Plugin::load(&path);
            plugin.work(round);
            plugin.work_in_threads(round);
        };
        spawn(work).join().expect("the thread");
    }
}

fn loaded_and_unloaded_again_and_again() {
    let path = build();
    let use_it = |seed: u64| {
        let path = &path;
        scope(|scope| {
            let work = move || {
                let plugin = Plugin::load(path);
                plugin.work(seed);
                plugin.work_in_threads(seed);
            };
            scope.spawn(work).join().expect("the thread");
        });
    };
    let mut early = (0, 0);
    for i in 0..scaled(50, 1000) {
        if i == 10 {
            early = (resident(), address_space());
        }
        use_it(i as u64);
    }
    let late = (resident(), address_space());
    assert!(late.0 < early.0 + 8 * MIB, "in memory: {} early, {} late", mib(early.0), mib(late.0));
    assert!(
        late.1 < early.1 + 128 * MIB,
        "address space: {} early, {} late",
        mib(early.1),
        mib(late.1)
    );
}

fn loaded_when_the_process_ends() {
    // It stays loaded, as nothing drops it: the process ends with blocks and threads of both.
    let plugin: &'static Plugin = Box::leak(Box::new(Plugin::load(&build())));
    for seed in 0..2 {
        spawn(move || {
            loop {
                plugin.work(seed);
                drop(Block::new(1000, 8));
            }
        });
    }
    plugin.keep(5000);
    plugin.work_in_threads(3);
}
