//! How much memory this process has resident, asked for without allocating.

use std::fs::File;
use std::io::Read;

/// What the kernel says about this process, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resident {
    /// `VmHWM`: the most that was ever resident.
    pub peak_kib: u64,
    /// `VmRSS`: what is resident now.
    pub now_kib: u64,
}

/// Reads `/proc/self/status` into a buffer on the stack. Zeros where there is no such file.
pub fn resident() -> Resident {
    let mut buffer = [0; 8192];
    let mut length = 0;
    if let Ok(mut file) = File::open("/proc/self/status") {
        while let Ok(count @ 1..) = file.read(&mut buffer[length..]) {
            length += count;
        }
    }
    let text = &buffer[..length];
    Resident { peak_kib: field(text, b"VmHWM:"), now_kib: field(text, b"VmRSS:") }
}

/// Resident MiB now.
pub fn resident_mib() -> f64 {
    resident().now_kib as f64 / 1024.0
}

/// The number behind a name at the start of a line.
fn field(text: &[u8], name: &[u8]) -> u64 {
    text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name)).map_or(0, |rest| {
        let digits = rest.iter().filter(|byte| byte.is_ascii_digit());
        digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
    })
}
