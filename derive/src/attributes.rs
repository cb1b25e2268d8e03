//! `#[trace(…)]`: what may be said, where, and once.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, LitStr, Path, Result, Token, WherePredicate, parse_quote};

/// What is said of a type.
pub struct OfType {
    /// Where neap is.
    pub neap: Path,
    /// `acyclic`: nothing is visited.
    pub acyclic: bool,
    /// `finalize`, and where that is said.
    pub finalize: Option<Span>,
    /// `unsafe_drop`: the type may have a `Drop`.
    pub unsafe_drop: bool,
    /// `bound`: these in place of what is found.
    pub bound: Option<Punctuated<WherePredicate, Token![,]>>,
}

impl OfType {
    /// Reads the attributes of a type.
    pub fn read(attributes: &[Attribute]) -> Result<OfType> {
        let mut said = OfType {
            neap: parse_quote!(::neap),
            acyclic: false,
            finalize: None,
            unsafe_drop: false,
            bound: None,
        };
        each(attributes, |name, meta| {
            match name {
                "acyclic" => said.acyclic = true,
                "finalize" => said.finalize = Some(meta.path.span()),
                "unsafe_drop" => said.unsafe_drop = true,
                "bound" => {
                    let text: LitStr = meta.value()?.parse()?;
                    said.bound = Some(text.parse_with(Punctuated::parse_terminated)?);
                }
                "crate" => said.neap = meta.value()?.call(Path::parse_mod_style)?,
                "skip" => {
                    return Err(meta.error(
                        "`skip` is said of a field; of a type, `acyclic` says that nothing in it is visited",
                    ));
                }
                _ => {
                    return Err(unknown(
                        meta,
                        "a type can be `acyclic`, `finalize`, `unsafe_drop`, `bound = \"…\"` and `crate = path`",
                    ));
                }
            }
            Ok(())
        })?;
        Ok(said)
    }
}

/// Reads the attributes of a field: whether it is skipped.
pub fn is_skipped(attributes: &[Attribute]) -> Result<bool> {
    let mut skip = false;
    each(attributes, |name, meta| match name {
        "skip" => {
            skip = true;
            Ok(())
        }
        "acyclic" | "finalize" | "unsafe_drop" | "bound" | "crate" => {
            Err(meta.error(format!("`{name}` is said of a type; a field can be `skip`")))
        }
        _ => Err(unknown(meta, "a field can be `skip`")),
    })?;
    Ok(skip)
}

/// Says that there are none of a variant.
pub fn none_of_variant(attributes: &[Attribute]) -> Result<()> {
    each(attributes, |_, meta| {
        Err(meta.error(
            "nothing is said of a variant: `skip` is said of its fields, all else of the type",
        ))
    })
}

/// Calls `read` for each thing said, with its name; says when a thing is said twice.
fn each(
    attributes: &[Attribute],
    mut read: impl FnMut(&str, &ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    let mut names: Vec<String> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("trace")) {
        let things = syn::meta::parser(|meta| {
            let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            if names.contains(&name) {
                return Err(meta.error(format!("`{name}` is said twice")));
            }
            read(&name, &meta)?;
            names.push(name);
            Ok(())
        });
        things.parse2(attribute.meta.require_list()?.tokens.clone())?;
    }
    Ok(())
}

fn unknown(meta: &ParseNestedMeta<'_>, known: &str) -> Error {
    meta.error(format!("this is not known: {known}"))
}
