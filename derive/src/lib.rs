//! x
mod attributes;
mod bounds;
mod expand;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, parse_macro_input};

/// x
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::expand(&input).unwrap_or_else(Error::into_compile_error).into()
}
