//! The workloads on scudo.

#[global_allocator]
static GLOBAL: scudo::GlobalScudoAllocator = scudo::GlobalScudoAllocator;

fn main() -> std::process::ExitCode {
    neap_bench::cell::main(neap_bench::Hooks::default())
}
