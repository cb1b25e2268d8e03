//! From the type to its `impl Trace`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Generics, Index, Member, Result, Type};

use crate::attributes::{self, OfType};
use crate::bounds;

/// A field that is visited.
struct Field<'a> {
    member: Member,
    ty: &'a Type,
}

/// A struct, or a variant of an enum.
struct Form<'a> {
    /// `Self`, `Self::Variant`
    path: TokenStream,
    fields: Vec<Field<'a>>,
}

/// The impl.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let said = OfType::read(&input.attrs)?;
    let forms = forms(input)?;
    let forms: &[Form<'_>] = if said.acyclic { &[] } else { &forms };

    // One of each: the bounds and the question need no more.
    let mut types: Vec<&Type> = Vec::new();
    for field in forms.iter().flat_map(|form| &form.fields) {
        let text = field.ty.to_token_stream().to_string();
        if !types.iter().any(|ty| ty.to_token_stream().to_string() == text) {
            types.push(field.ty);
        }
    }

    let neap = &said.neap;
    let name = &input.ident;
    let mut generics = input.generics.clone();
    let predicates = &mut generics.make_where_clause().predicates;
    predicates.extend(bounds::outlives(input));
    match &said.bound {
        Some(bound) => predicates.extend(bound.clone()),
        None => predicates.extend(bounds::of(input, neap, &types)),
    }
    if said.finalize.is_some() && !input.generics.params.is_empty() {
        predicates.push(syn::parse_quote!(Self: #neap::gc::Finalize));
    }
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();

    // What has no size is not asked, and has no way to.
    let is_cyclic =
        (!has_tail(input) || types.is_empty()).then(|| is_cyclic(neap, &types, &input.generics));
    // Where the type may have a `Drop` of its own, owns what is not visited, or can't be asked, the trait's own answer holds.
    let owns_only_gcs =
        (!has_tail(input) && !said.unsafe_drop && !said.acyclic && !skips_any(input)?)
            .then(|| owns_only_gcs(neap, &types, &input.generics));
    let finalizer = said.finalize.map(|span| finalizer(neap, span));
    // Nothing in an acyclic type is found dead, so its `Drop` may read what it likes.
    let drop_check = (!said.unsafe_drop && !said.acyclic).then(|| drop_check(neap, name.span()));
    let trace = trace(neap, forms, &input.generics, drop_check);
    // The impl names the type. (Only there: under `#![forbid(deprecated)]` it is an error to allow it.)
    let deprecated = (input.attrs.iter().any(|attribute| attribute.path().is_ident("deprecated")))
        .then(|| quote!(#[allow(deprecated)]));
    Ok(quote! {
        #[automatically_derived]
        #deprecated
        unsafe impl #impl_generics #neap::gc::Trace for #name #ty_generics #where_clause {
            #trace
            #is_cyclic
            #owns_only_gcs
            #finalizer
        }
    })
}

/// The forms that a value can have, with the fields that are visited.
fn forms(input: &DeriveInput) -> Result<Vec<Form<'_>>> {
    match &input.data {
        Data::Struct(data) => Ok(vec![Form { path: quote!(Self), fields: visited(&data.fields)? }]),
        Data::Enum(data) => (data.variants.iter())
            .map(|variant| {
                attributes::none_of_variant(&variant.attrs)?;
                let name = &variant.ident;
                Ok(Form { path: quote!(Self::#name), fields: visited(&variant.fields)? })
            })
            .collect(),
        Data::Union(data) => Err(Error::new(
            data.union_token.span,
            "`Trace` can't be derived for a union: nobody knows which of its fields is there; implement it by hand, or wrap the union in a `neap::gc::Leaf` if no field owns a `Gc`",
        )),
    }
}

/// The fields that are neither skipped nor function pointers.
fn visited(fields: &Fields) -> Result<Vec<Field<'_>>> {
    let mut visited = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        if attributes::is_skipped(&field.attrs)? || bounds::is_of_functions(&field.ty) {
            continue;
        }
        let member = match &field.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(Index { index: i as u32, span: field.ty.span() }),
        };
        visited.push(Field { member, ty: &field.ty });
    }
    Ok(visited)
}

/// Whether the last field may be without a size.
fn has_tail(input: &DeriveInput) -> bool {
    let Data::Struct(data) = &input.data else { return false };
    data.fields
        .iter()
        .next_back()
        .is_some_and(|last| bounds::may_be_unsized(&last.ty, &input.generics))
}

/// A name of ours, which is no name of the program's.
fn ours(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// `<Field as Trace>`, so that what is wrong with it is said at the field.
fn as_trace(neap: &syn::Path, ty: &Type) -> TokenStream {
    quote_spanned!(ty.span().resolved_at(Span::mixed_site())=> <#ty as #neap::gc::Trace>)
}

/// Asks a field's type: what comes behind `<Field as Trace>::`. Where the type may be another name of a function pointer, the
/// compiler finds out: `alias` is asked of `neap::gc::derived::Field`.
fn ask(
    neap: &syn::Path,
    ty: &Type,
    generics: &Generics,
    plain: &TokenStream,
    alias: &TokenStream,
) -> TokenStream {
    if !bounds::may_be_alias(ty, generics) {
        let as_trace = as_trace(neap, ty);
        return quote!(#as_trace::#plain);
    }
    let span = ty.span().resolved_at(Span::mixed_site());
    let field = quote_spanned!(span=> (&#neap::gc::derived::Field::<#ty>::NEW).#alias);
    quote!({
        use #neap::gc::derived::{OfCyclic as _, OfNone as _, OfTrace as _};
        #field
    })
}

/// `trace`, which visits each field.
fn trace(
    neap: &syn::Path,
    forms: &[Form<'_>],
    generics: &Generics,
    drop_check: Option<TokenStream>,
) -> TokenStream {
    let tracer =
        ours(if forms.iter().all(|form| form.fields.is_empty()) { "_tracer" } else { "tracer" });
    let arms = forms.iter().filter(|form| !form.fields.is_empty()).map(|Form { path, fields }| {
        let members = fields.iter().map(|field| &field.member);
        let values: Vec<Ident> = (0..fields.len())
            .map(|i| format_ident!("field_{}", i, span = Span::mixed_site()))
            .collect();
        let calls = fields
            .iter()
            .zip(&values)
            .map(|(field, value)| {
                let span = field.ty.span().resolved_at(Span::mixed_site());
                let function =
                    ask(neap, field.ty, generics, &quote!(trace), &quote_spanned!(span=> visit()));
                quote!((#function)(#value, #tracer))
            });
        let variant = (forms.len() > 1).then(|| {
            quote!(#neap::gc::derived::variant(#tracer, self, || [#(#neap::gc::derived::bytes_of(#values)),*]);)
        });
        quote! {
            #path { #(#members: #values,)* .. } => {
                #variant
                #(#calls;)*
            }
        }
    });
    let body = if forms.iter().all(|form| form.fields.is_empty()) {
        quote!()
    } else {
        let rest = forms
            .iter()
            .any(|form| form.fields.is_empty())
            .then(|| quote!(_ => #neap::gc::derived::variant(#tracer, self, || []),));
        quote!(match self { #(#arms)* #rest })
    };
    quote! {
        #[inline]
        fn trace(&self, #tracer: &mut #neap::gc::Tracer<'_>) {
            #drop_check
            #body
        }
    }
}

/// `is_cyclic`, which asks each type of a field.
fn is_cyclic(neap: &syn::Path, types: &[&Type], generics: &Generics) -> TokenStream {
    if types.is_empty() {
        return quote! {
            #[inline(always)]
            fn is_cyclic() -> #neap::gc::derived::core::primitive::bool {
                false
            }
        };
    }
    let seen = ours("seen");
    let call = quote!(is_cyclic_among(#seen));
    let asked = types.iter().map(|ty| ask(neap, ty, generics, &call, &call));
    quote! {
        #[inline]
        fn is_cyclic() -> #neap::gc::derived::core::primitive::bool {
            #neap::gc::derived::is_cyclic::<Self>()
        }

        #[inline]
        fn is_cyclic_among(#seen: impl #neap::gc::derived::Seen) -> #neap::gc::derived::core::primitive::bool {
            #neap::gc::derived::Seen::ask::<Self>(#seen, |#seen| #(#asked)||*)
        }
    }
}

/// `owns_only_gcs`, which asks each type of a field that is visited. (The others are function pointers.)
fn owns_only_gcs(neap: &syn::Path, types: &[&Type], generics: &Generics) -> TokenStream {
    let call = quote!(owns_only_gcs());
    let asked = types.iter().map(|ty| ask(neap, ty, generics, &call, &call));
    quote! {
        #[inline]
        fn owns_only_gcs() -> #neap::gc::derived::core::primitive::bool {
            true #(&& #asked)*
        }
    }
}

/// Whether a field is skipped. (Its type is named nowhere: whatever the program says about it, it says at the field.)
fn skips_any(input: &DeriveInput) -> Result<bool> {
    let fields: Vec<&syn::Field> = match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    for field in fields {
        if attributes::is_skipped(&field.attrs)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `finalizer`, which names `Finalize::finalize`.
fn finalizer(neap: &syn::Path, span: Span) -> TokenStream {
    let finalize = quote_spanned!(span.resolved_at(Span::mixed_site())=> <Self as #neap::gc::Finalize>::finalize);
    quote! {
        #[inline(always)]
        fn finalizer() -> #neap::gc::derived::core::option::Option<fn(&Self)> {
            #neap::gc::derived::core::option::Option::Some(#finalize)
        }
    }
}

/// Does not compile if the type implements `Drop`: see `neap::gc::derived`.
fn drop_check(neap: &syn::Path, span: Span) -> TokenStream {
    let check = quote_spanned! {span.resolved_at(Span::mixed_site())=>
        #neap::gc::derived::DropCheck::<Self>::NEW.check()
    };
    quote! {
        if false {
            use #neap::gc::derived::NoDrop as _;
            #check;
        }
    }
}
