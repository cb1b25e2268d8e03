//! The workloads on tcmalloc.

#[global_allocator]
static GLOBAL: tcmalloc_better::TCMalloc = tcmalloc_better::TCMalloc;

fn main() -> std::process::ExitCode {
    neap_bench::cell::main(neap_bench::Hooks::default())
}
