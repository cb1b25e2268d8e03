//! The workloads on neap.

#[global_allocator]
static GLOBAL: neap::Neap = neap::Neap::new();

fn main() -> std::process::ExitCode {
    neap_bench::cell::main(neap_bench::Hooks { metadata_share: Some(metadata_share) })
}

/// Bytes of metadata for each committed byte.
fn metadata_share() -> f64 {
    let stats = neap::heap::stats();
    stats.metadata_bytes as f64 / stats.committed_bytes.max(1) as f64
}
