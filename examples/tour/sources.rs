//! Something real to read, on any machine: source files.
//!
//! First choice: the sources of the crates that neap depends on, which cargo has unpacked to build
//! this very program. Else the HTML manuals of the Rust toolchain. Else neap's own sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates of `[dependencies]` in Cargo.toml.
const DEPENDENCIES: [&str; 4] = ["crossbeam-utils", "libc", "memmap2", "static_assertions"];

/// Below this much text the files are read again, above `MOST` no further file is taken.
const LEAST: usize = 4 << 20;
const MOST: usize = 12 << 20;

/// The texts, and in words where they come from.
pub struct Sources {
    pub origin: String,
    pub texts: Vec<String>,
    pub bytes: usize,
    /// How many times each file was read.
    pub rounds: usize,
}

/// In words where files come from, and the files.
type Choice = (String, Vec<PathBuf>);

/// Reads the first of the three choices that has anything to read.
pub fn read() -> Sources {
    let choices: [fn() -> Option<Choice>; 3] = [dependencies, toolchain_manuals, own_sources];
    choices
        .into_iter()
        .filter_map(|choice| choice())
        .map(|(origin, files)| load(origin, &files))
        .find(|sources| sources.bytes > 0)
        .unwrap_or_else(nothing_found)
}

fn load(origin: String, files: &[PathBuf]) -> Sources {
    let mut sources = Sources { origin, texts: Vec::new(), bytes: 0, rounds: 0 };
    while sources.bytes < LEAST {
        for file in files {
            // A file that is not UTF-8, or not ours to read, is left out.
            if let Ok(text) = fs::read_to_string(file) {
                sources.bytes += text.len();
                sources.texts.push(text);
            }
            if sources.bytes >= MOST {
                break;
            }
        }
        sources.rounds += 1;
        if sources.bytes == 0 {
            break;
        }
    }
    sources
}

/// `$CARGO_HOME/registry/src/<registry>/<crate>-<version>`, the newest version of each.
fn dependencies() -> Option<Choice> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    let mut unpacked: Vec<PathBuf> = children(&home.join("registry/src"))
        .iter()
        .flat_map(|registry| children(registry))
        .collect();
    unpacked.sort();
    let mut files = Vec::new();
    let mut names = Vec::new();
    for name in DEPENDENCIES {
        let newest = unpacked.iter().rfind(|dir| {
            let dir = dir.file_name().and_then(|n| n.to_str()).unwrap_or("");
            dir.strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
        });
        if let Some(dir) = newest {
            collect(dir, "rs", &mut files);
            names.push(name);
        }
    }
    (!files.is_empty()).then(|| (format!("the sources of {}", names.join(", ")), files))
}

fn toolchain_manuals() -> Option<Choice> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let mut files = Vec::new();
    collect(&sysroot.join("share/doc/rust/html"), "html", &mut files);
    (!files.is_empty()).then(|| ("the manuals of the Rust toolchain".into(), files))
}

fn own_sources() -> Option<Choice> {
    let mut files = Vec::new();
    collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), "rs", &mut files);
    (!files.is_empty()).then(|| ("neap's own sources".into(), files))
}

/// The program was moved away from everything it could read: it still carries this file.
fn nothing_found() -> Sources {
    let text = include_str!("sources.rs");
    let rounds = LEAST / text.len() + 1;
    Sources {
        origin: "the file that looks for something to read".into(),
        texts: vec![text.to_owned(); rounds],
        bytes: rounds * text.len(),
        rounds,
    }
}

/// All files below `dir` with this extension, in the order of their names.
fn collect(dir: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for path in children(dir) {
        // No link is followed, so there is no going round in circles.
        let Ok(kind) = fs::symlink_metadata(&path).map(|m| m.file_type()) else {
            continue;
        };
        if kind.is_dir() {
            collect(&path, extension, files);
        } else if kind.is_file() && path.extension().is_some_and(|e| e == extension) {
            files.push(path);
        }
    }
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    all.sort();
    all
}
