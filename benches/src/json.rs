//! Values as JSON.

use std::fmt::Write;

/// A string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", character as u32);
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// A number, or null.
pub fn optional(value: Option<f64>) -> String {
    value.map_or("null".to_owned(), |value| value.to_string())
}

/// Strings, in brackets.
pub fn strings<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}

/// Numbers, in brackets.
pub fn numbers(values: impl IntoIterator<Item = f64>) -> String {
    let texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    format!("[{}]", texts.join(", "))
}
