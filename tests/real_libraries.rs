//! Real libraries do real work on neap and give the answers that they give on the system's
//! allocator: each piece of work runs in one process with neap, in one with neap that keeps nothing,
//! and in one with the system's, and all print the same.

mod common;

use common::cases::{child, entries, main as run_cases};
use common::switch::{SYSTEM, Switch};
use common::{KIB, MIB, Rng, scaled};
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static GLOBAL: Switch = Switch::new();

fn main() {
    run_cases(
        entries![
            serde_json_over_large_documents,
            regex_over_a_source_tree,
            rayon_sorts_and_counts,
            a_tokio_server_under_load,
            hashbrown_and_bumpalo,
        ],
        entries![documents, source_tree, sorting, echo_server, tables],
    );
}

/// Panics unless `mode` prints the same, and something, on neap and on the system's allocator.
fn compare(mode: &str) {
    let start = || child(mode).unconfigured().within(Duration::from_secs(100));
    let system = start().env(SYSTEM, "1").succeed().stdout;
    assert!(system.lines().count() >= 3, "{mode} prints its answers: {system}");
    assert_eq!(start().succeed().stdout, system, "{mode} on neap");
    let kept = start().env("NEAP_PURGE_DELAY_MS", "0").env("NEAP_ARENA_MIB", "4").succeed();
    assert_eq!(kept.stdout, system, "{mode} on neap that keeps nothing");
}

/// A number that stands for all of `value`.
fn digest(value: &impl Hash) -> String {
    // Its keys are fixed, so processes agree.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn serde_json_over_large_documents() {
    compare("documents");
}

/// A random document, nested `depth` deep at most.
fn document(rng: &mut Rng, depth: usize) -> Value {
    let name = |rng: &mut Rng| format!("name {} \u{2602}\n\"{}\"", rng.below(500), rng.next());
    match if depth == 0 { rng.below(5) } else { 5 + rng.below(2) } {
        0 => Value::Null,
        1 => json!(rng.next().is_multiple_of(2)),
        2 => json!(rng.next() as i64),
        3 => json!(rng.below(1 << 20) as f64 / 8.0),
        4 => json!(name(rng).repeat(rng.below(6))),
        5 => (0..rng.below(9)).map(|_| document(rng, depth - 1)).collect(),
        _ => {
            let entries = (0..rng.below(9)).map(|_| (name(rng), document(rng, depth - 1)));
            entries.collect::<Vec<_>>().into_iter().collect::<Map<_, _>>().into()
        }
    }
}

/// A mode.
fn documents() {
    let threads: Vec<_> = (0..3)
        .map(|seed| {
            std::thread::spawn(move || {
                let mut rng = Rng(seed);
                let mut lines = Vec::new();
                let mut wanted = scaled(2 * MIB, 50 * MIB);
                while wanted > 0 {
                    let value = document(&mut rng, 6);
                    let text = serde_json::to_string_pretty(&value).expect("text");
                    let again: Value = serde_json::from_str(&text).expect("the same document");
                    assert!(again == value);
                    lines.push((text.len(), digest(&again.to_string())));
                    wanted = wanted.saturating_sub(text.len());
                }
                lines
            })
        })
        .collect();
    for thread in threads {
        let lines = thread.join().expect("the thread");
        println!("{} documents, {}", lines.len(), digest(&lines));
    }
}

fn regex_over_a_source_tree() {
    // Gathered once, as a source tree may change at any time.
    let files = sources();
    assert!(files.len() > 10, "{} files", files.len());
    std::fs::write(gathered(), files.join(BETWEEN_FILES)).expect("to write the sources");
    compare("source_tree");
}

/// Where the sources lie that were gathered.
fn gathered() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("gathered-sources.txt")
}

/// A character that no source has.
const BETWEEN_FILES: &str = "\u{c}";

/// Rust sources: this crate's, and those of what it depends on where they lie, up to a few MiB.
fn sources() -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let mut folders = Vec::from_iter(home.map(|home| home.join("registry/src")));
    // The last one is taken first.
    folders.extend(["src", "tests"].map(|own| Path::new(env!("CARGO_MANIFEST_DIR")).join(own)));
    let mut files = Vec::new();
    let mut left = scaled(3 * MIB, 60 * MIB);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && let Ok(text) = std::fs::read_to_string(&path)
                && text.len() <= left
                && !text.contains(BETWEEN_FILES)
            {
                left -= text.len();
                files.push(text);
            }
        }
    }
    files
}

/// A mode.
fn source_tree() {
    let text = std::fs::read_to_string(gathered()).expect("the sources");
    let files: Vec<&str> = text.split(BETWEEN_FILES).collect();
    for pattern in [
        r"fn\s+(\w+)",
        r#""([^"\\\n]|\\.)*""#,
        r"(?m)^\s*//[/!]? .*$",
        r"(?i)\b(unsafe|alloc\w*|heap)\b",
        r"\p{Lu}\w+::\w+",
    ] {
        let regex = regex::Regex::new(pattern).expect("a pattern");
        let mut found: HashMap<&str, usize> = HashMap::new();
        for text in &files {
            for hit in regex.find_iter(text) {
                *found.entry(hit.as_str()).or_default() += 1;
            }
        }
        let sorted: BTreeMap<_, _> = found.into_iter().collect();
        println!("{pattern}: {} different, {}", sorted.len(), digest(&sorted));
    }
    let word = regex::Regex::new(r"\b[a-z]+\b").expect("a pattern");
    let lengths: Vec<_> = files
        .iter()
        .map(|text| {
            let short = &text[..text.floor_char_boundary(20 * KIB)];
            word.replace_all(short, |hit: &regex::Captures| hit[0].to_uppercase()).into_owned()
        })
        .collect();
    println!("in capitals: {}", digest(&lengths));
}

fn rayon_sorts_and_counts() {
    compare("sorting");
}

/// A mode.
fn sorting() {
    let count = scaled(120_000, 5_000_000);
    let mut rng = Rng(101);
    let mut texts: Vec<String> =
        (0..count).map(|_| format!("{:x}", rng.next() >> rng.below(60))).collect();
    texts.par_sort();
    assert!(texts.is_sorted());
    println!("sorted: {}", digest(&texts));
    texts.par_sort_unstable_by_key(|text| (text.len(), text.clone()));
    println!("by length: {}", digest(&texts));
    let by_length = texts
        .par_iter()
        .fold(BTreeMap::new, |mut counts: BTreeMap<usize, Vec<String>>, text| {
            counts.entry(text.len()).or_default().push(text.to_uppercase());
            counts
        })
        .reduce(BTreeMap::new, |mut a, b| {
            for (length, mut texts) in b {
                a.entry(length).or_default().append(&mut texts);
            }
            a
        });
    println!("groups: {}", digest(&by_length));
    let squares: Vec<Vec<u64>> =
        (0..2000_u64).into_par_iter().map(|n| (0..n % 300).map(|i| i * n).collect()).collect();
    println!("nested: {}", digest(&squares));
}

fn a_tokio_server_under_load() {
    compare("echo_server");
}

/// A mode: a server on the loopback address sends back what its clients send.
fn echo_server() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_io()
        .build()
        .expect("a runtime");
    let digests = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.expect("a connection");
                tokio::spawn(echo(connection));
            }
        });
        let clients: Vec<_> = (0..24)
            .map(|seed| {
                tokio::spawn(async move {
                    let connection = TcpStream::connect(address).await.expect("the server");
                    ask(connection, seed).await
                })
            })
            .collect();
        let mut digests = Vec::new();
        for client in clients {
            digests.push(client.await.expect("the client"));
        }
        digests
    });
    for digest in digests {
        println!("{digest}");
    }
}

/// Sends each message back, from a buffer of its own.
async fn echo(mut connection: TcpStream) {
    // An error is the end of the connection.
    while let Ok(length) = connection.read_u32().await {
        let mut message = vec![0; length as usize];
        connection.read_exact(&mut message).await.expect("the message");
        let shared: Arc<[u8]> = message.into();
        connection.write_all(&shared).await.expect("to answer");
    }
}

/// Sends messages of many sizes and gives a digest of the answers.
async fn ask(mut connection: TcpStream, seed: u64) -> String {
    let mut rng = Rng(seed);
    let mut answers = Vec::new();
    for _ in 0..scaled(60, 2000) {
        let message: Vec<u8> = (0..rng.size(16 * KIB)).map(|_| rng.next() as u8).collect();
        connection.write_u32(message.len() as u32).await.expect("to send");
        connection.write_all(&message).await.expect("to send");
        let mut answer = vec![0; message.len()];
        connection.read_exact(&mut answer).await.expect("the answer");
        assert!(answer == message);
        answers.push(answer);
    }
    digest(&answers)
}

fn hashbrown_and_bumpalo() {
    compare("tables");
}

/// A mode: tables that grow and shrink, of strings that lie in arenas.
fn tables() {
    for seed in 0..3 {
        let mut rng = Rng(seed);
        let bump = bumpalo::Bump::new();
        let mut table: hashbrown::HashMap<&str, Vec<u32>> = hashbrown::HashMap::new();
        for i in 0..60_000 {
            let word: &str = bump.alloc_str(&format!("{:x}", rng.below(20_000)));
            table.entry(word).or_default().push(i);
            if i % 10_000 == 9999 {
                table.retain(|_, places| places.len() % 2 == 1);
                table.shrink_to_fit();
            }
        }
        let sorted: BTreeMap<_, _> = table.into_iter().collect();
        println!("{} words, {}", sorted.len(), digest(&sorted));
    }
}
