//! The tour: `cargo run --release --example tour`.
//!
//! A walk through neap on a real job, with what happened at each step printed as it was measured.
//! Every `Box`, `String` and `Vec` of this program comes out of neap: that takes the two lines below.
//!
//! One file per part: [`allocator`] is the global allocator, [`counted`] the counted pointer, [`collected`] the collector. [`sources`] finds something real to
//! read, [`index`] is the job that is done with it, [`measure`] asks neap and the system how things
//! stand, [`print`] sets the page.

mod allocator;
mod collected;
mod counted;
mod index;
mod measure;
mod print;
mod sources;

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() {
    let page = print::Page::new();
    allocator::run(&page);
    counted::run(&page);
    collected::run(&page);
}
