//! The job: an index of every phrase of one, two and three words, with the places where it stands.
//!
//! Each thread indexes its share of the texts, deals its index out by phrase to all threads, and
//! merges what it was dealt. So of every phrase that two threads met, one copy is freed by a thread
//! that did not allocate it. Between the steps all threads wait for the caller, who looks at the
//! heap meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

/// Text and line.
pub type Place = (u32, u32);
pub type Index = HashMap<Box<str>, Vec<Place>>;

/// What the threads counted while they worked.
#[derive(Default)]
pub struct Tally {
    pub tokens: AtomicUsize,
    pub phrases_before_merge: AtomicUsize,
    /// Strings and lists that came from another thread and were freed by the one that merged them.
    pub freed_by_others: AtomicUsize,
}

/// The steps after which the caller is asked to look.
#[derive(Clone, Copy)]
pub enum Step {
    Begun,
    Indexed,
    Merged,
}

/// Indexes `texts` on as many threads as `threads`; returns one part of the index per thread.
pub fn build(
    texts: &[String],
    threads: usize,
    tally: &Tally,
    mut look: impl FnMut(Step),
) -> Vec<Index> {
    let barrier = Barrier::new(threads + 1);
    let dealt: Vec<Mutex<Vec<(usize, Index)>>> = (0..threads).map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|me| {
                let (barrier, dealt) = (&barrier, &dealt);
                scope.spawn(move || {
                    barrier.wait();
                    let index = index_share(texts, me, threads, tally);
                    barrier.wait();
                    barrier.wait();
                    deal(index, me, dealt);
                    barrier.wait();
                    let merged = merge(me, &dealt[me], tally);
                    barrier.wait();
                    merged
                })
            })
            .collect();
        look(Step::Begun);
        barrier.wait(); // start indexing
        barrier.wait(); // all have indexed
        look(Step::Indexed);
        barrier.wait(); // start dealing
        barrier.wait(); // all have dealt, start merging
        barrier.wait(); // all have merged
        look(Step::Merged);
        workers.into_iter().map(|worker| worker.join().expect("a worker panicked")).collect()
    })
}

fn index_share(texts: &[String], me: usize, threads: usize, tally: &Tally) -> Index {
    let mut index = Index::new();
    let mut tokens = 0;
    let mut phrase = String::new();
    for (number, text) in texts.iter().enumerate().skip(me).step_by(threads) {
        for (line_number, line) in text.lines().enumerate() {
            let place = (number as u32, line_number as u32);
            let mut before = ["", ""];
            for word in words(line) {
                tokens += 1;
                phrase.clear();
                phrase.push_str(word);
                note(&mut index, &phrase, place);
                for earlier in before.iter().filter(|w| !w.is_empty()) {
                    phrase.insert(0, ' ');
                    phrase.insert_str(0, earlier);
                    note(&mut index, &phrase, place);
                }
                before = [word, before[0]];
            }
        }
    }
    tally.tokens.fetch_add(tokens, Ordering::Relaxed);
    tally.phrases_before_merge.fetch_add(index.len(), Ordering::Relaxed);
    index
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn note(index: &mut Index, phrase: &str, place: Place) {
    match index.get_mut(phrase) {
        Some(places) => places.push(place),
        None => {
            index.insert(phrase.into(), vec![place]);
        }
    }
}

fn deal(index: Index, me: usize, dealt: &[Mutex<Vec<(usize, Index)>>]) {
    let mut hands: Vec<Index> = dealt.iter().map(|_| Index::new()).collect();
    for (phrase, places) in index {
        let to = fingerprint(&phrase) as usize % hands.len();
        hands[to].insert(phrase, places);
    }
    for (hand, table) in hands.into_iter().zip(dealt) {
        table.lock().expect("a worker panicked").push((me, hand));
    }
}

fn merge(me: usize, table: &Mutex<Vec<(usize, Index)>>, tally: &Tally) -> Index {
    let mut merged = Index::new();
    let mut freed = 0;
    for (from, hand) in table.lock().expect("a worker panicked").drain(..) {
        for (phrase, mut places) in hand {
            match merged.get_mut(&phrase) {
                Some(known) => {
                    known.append(&mut places);
                    // `phrase` and `places` are dropped here: a string and a list.
                    freed += if from == me { 0 } else { 2 };
                }
                None => {
                    merged.insert(phrase, places);
                }
            }
        }
    }
    tally.freed_by_others.fetch_add(freed, Ordering::Relaxed);
    merged
}

/// FNV-1a: decides who merges a phrase, and which phrases the tour keeps, the same in every run.
pub fn fingerprint(phrase: &str) -> u64 {
    let hash = phrase.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash >> 20
}
