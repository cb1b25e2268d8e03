//! On what, and with what, figures were had.

use std::fs::read_to_string;

/// Processor, memory and kernel.
pub fn machine() -> String {
    let value = |file: &str, name: &str| {
        let text = read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        line.unwrap_or_default()
    };
    let processor = value("/proc/cpuinfo", "model name");
    let processor = processor.trim_start_matches([':', ' ', '\t']);
    let memory: f64 =
        value("/proc/meminfo", "MemTotal:").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let huge = read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let huge = huge.split(['[', ']']).nth(1).unwrap_or("unknown").to_owned();
    format!(
        "{} × {processor}, {:.0} GiB, Linux {}, transparent huge pages {huge}",
        std::thread::available_parallelism().map_or(0, |count| count.get()),
        memory / f64::from(1 << 20),
        value("/proc/sys/kernel/osrelease", ""),
    )
}

/// The versions of these packages, each once, from the lock file that they were built with.
pub fn versions(packages: impl Iterator<Item = &'static str>) -> String {
    let lock =
        read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap_or_default();
    let version = |package: &str| {
        let start = lock.find(&format!("name = \"{package}\"\nversion = \""))?;
        lock[start..].split('"').nth(3)
    };
    let mut parts: Vec<String> = Vec::new();
    for package in packages {
        let part = format!("{package} {}", version(package).unwrap_or("unknown"));
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join(", ")
}
