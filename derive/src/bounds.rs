//! What a generic type's parameters have to be, so that its fields are `Trace`.
//!
//! A bound on each field's type says exactly that, and no more. But where types lead back to themselves it leads the
//! compiler in a circle: `Tree<T>: Trace` if `Vec<Tree<T>>: Trace` if `Tree<T>: Trace`. So a field's type is taken apart:
//!
//! | part | bound |
//! |---|---|
//! | `T` | `T: Trace` |
//! | `T::Item`, `<T as Iterator>::Item` | on itself |
//! | `Vec<…>`, `Option<…>` and what else of std [visits its arguments](THROUGH); tuples, arrays | that of the arguments |
//! | `Gc<…>`, `PhantomData<…>` and what else [is no owner](STOPS) | on itself, which asks for no more than `'static` |
//! | the type itself, `Tree<T>` | none: this is what is being said |
//! | `&'static T`, `dyn Shape<T>`, `fn(T)` | none |
//! | any other, `Other<T>` | if there is `T: Trace` already, none; else on itself |
//!
//! The last line is a guess. `Other` may be a type that holds this one: then the circle is cut if one of the types
//! that it goes through holds a `T`, or says `T: Trace`, as is usual. `#[trace(bound = "…")]` is there for all else.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{
    DeriveInput, GenericArgument, GenericParam, Generics, Ident, Path, PathArguments, PathSegment,
    Token, TraitBoundModifier, Type, TypeParam, TypeParamBound, TypePath, WherePredicate,
    parse_quote,
};

/// Types of std that are `Trace` if their arguments are.
const THROUGH: &[&str] = &[
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "Bound",
    "Box",
    "Cell",
    "HashMap",
    "HashSet",
    "LinkedList",
    "Mutex",
    "OnceCell",
    "OnceLock",
    "Option",
    "Pin",
    "Poll",
    "Range",
    "RangeFrom",
    "RangeInclusive",
    "RangeTo",
    "RangeToInclusive",
    "RefCell",
    "Result",
    "Reverse",
    "RwLock",
    "Saturating",
    "Vec",
    "VecDeque",
    "Wrapping",
];

/// Types that are `Trace` whatever their arguments are, or that know best themselves.
const STOPS: &[&str] = &[
    "Arc",
    "Cow",
    "Gc",
    "LazyCell",
    "LazyLock",
    "Leaf",
    "ManuallyDrop",
    "PhantomData",
    "Rc",
    "Weak",
];

/// Types whose values own nothing.
const PLAIN: &[&str] = &[
    "String", "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str",
    "u128", "u16", "u32", "u64", "u8", "usize",
];

/// Bounds for the impl: each parameter is `'static`, and `fields` are `Trace`.
pub fn of(
    input: &DeriveInput,
    neap: &Path,
    fields: &[&Type],
) -> Punctuated<WherePredicate, Token![,]> {
    let params: Vec<&Ident> = input.generics.type_params().map(|param| &param.ident).collect();
    let mut parts =
        Parts { input, params, bounded: Vec::new(), whole: Vec::new(), others: Vec::new() };
    for field in fields {
        parts.take_apart(field);
    }
    parts.settle_others();

    let mut bounds = Punctuated::new();
    for param in &parts.bounded {
        bounds.push(parse_quote!(#param: #neap::gc::Trace));
    }
    for part in &parts.whole {
        bounds.push(parse_quote!(#part: #neap::gc::Trace));
    }
    bounds
}

/// What holds always: a type that is `'static` has parameters that are.
pub fn outlives(input: &DeriveInput) -> Punctuated<WherePredicate, Token![,]> {
    let mut bounds = Punctuated::new();
    for param in &input.generics.params {
        match param {
            GenericParam::Lifetime(param) => {
                let lifetime = &param.lifetime;
                bounds.push(parse_quote!(#lifetime: 'static));
            }
            GenericParam::Type(param) => {
                let ident = &param.ident;
                bounds.push(parse_quote!(#ident: 'static));
            }
            GenericParam::Const(_) => {}
        }
    }
    bounds
}

/// Whether a type is made of function pointers, and of nothing that could own anything. For `for<'a> fn(&'a str)` no trait
/// can be implemented that would say so.
pub fn is_of_functions(ty: &Type) -> bool {
    /// Whether there is a function pointer; `None` if there is something else.
    fn look(ty: &Type) -> Option<bool> {
        match ty {
            Type::BareFn(_) => Some(true),
            Type::Paren(inner) => look(&inner.elem),
            Type::Group(inner) => look(&inner.elem),
            Type::Array(array) => look(&array.elem),
            Type::Slice(slice) => look(&slice.elem),
            Type::Tuple(tuple) => all(tuple.elems.iter()),
            Type::Path(path) => {
                let last = last_segment(path)?;
                if one_of(PLAIN, last) && path.path.segments.len() == 1 {
                    Some(false)
                } else if one_of(THROUGH, last) {
                    all(type_arguments(last))
                } else {
                    None
                }
            }
            _ => None,
        }
    }
    fn all<'a>(types: impl Iterator<Item = &'a Type>) -> Option<bool> {
        let mut any = false;
        for ty in types {
            any |= look(ty)?;
        }
        Some(any)
    }
    look(ty) == Some(true)
}

/// Whether a type may be another name of a function pointer: a path without arguments that is no parameter.
pub fn may_be_alias(ty: &Type, generics: &Generics) -> bool {
    let Type::Path(path) = strip(ty) else { return false };
    let segments = &path.path.segments;
    let is_param = |segment: &PathSegment| generics.type_params().any(|p| p.ident == segment.ident);
    path.qself.is_none()
        && segments.iter().all(|segment| segment.arguments.is_none())
        && !segments.first().is_some_and(is_param)
        && !(segments.len() == 1 && one_of(PLAIN, &segments[0]))
}

/// Whether a type may be one without a size: a slice, or what a parameter that is `?Sized` stands for.
pub fn may_be_unsized(ty: &Type, generics: &Generics) -> bool {
    match strip(ty) {
        Type::Slice(_) | Type::TraitObject(_) => true,
        Type::Path(path) if path.path.is_ident("str") => true,
        ty => {
            let unsized_: Vec<&Ident> = generics
                .type_params()
                .filter(|param| bounds_of(param, generics).any(is_maybe))
                .map(|param| &param.ident)
                .collect();
            mentions(ty.to_token_stream(), &unsized_)
        }
    }
}

/// What is declared of a parameter, beside it or in the `where` clause.
fn bounds_of<'a>(
    param: &'a TypeParam,
    generics: &'a Generics,
) -> impl Iterator<Item = &'a TypeParamBound> {
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let later = predicates.filter_map(|predicate| match predicate {
        WherePredicate::Type(predicate) => match &predicate.bounded_ty {
            Type::Path(path) if path.path.is_ident(&param.ident) => Some(&predicate.bounds),
            _ => None,
        },
        _ => None,
    });
    param.bounds.iter().chain(later.flatten())
}

/// `?Sized`
fn is_maybe(bound: &TypeParamBound) -> bool {
    matches!(bound, TypeParamBound::Trait(bound) if matches!(bound.modifier, TraitBoundModifier::Maybe(_)))
}

struct Parts<'a> {
    input: &'a DeriveInput,
    params: Vec<&'a Ident>,
    /// Parameters that are to be `Trace`.
    bounded: Vec<Ident>,
    /// Types that are to be `Trace`, whatever that takes.
    whole: Vec<Type>,
    /// Types of which nothing is known.
    others: Vec<Type>,
}

impl Parts<'_> {
    fn take_apart(&mut self, ty: &Type) {
        if !self.mentions_param(ty) {
            return;
        }
        match ty {
            Type::Paren(inner) => self.take_apart(&inner.elem),
            Type::Group(inner) => self.take_apart(&inner.elem),
            Type::Array(array) => self.take_apart(&array.elem),
            Type::Slice(slice) => self.take_apart(&slice.elem),
            Type::Tuple(tuple) => tuple.elems.iter().for_each(|ty| self.take_apart(ty)),
            // No bound helps a raw pointer: it is said at the field.
            Type::BareFn(_)
            | Type::Never(_)
            | Type::Ptr(_)
            | Type::Reference(_)
            | Type::TraitObject(_) => {}
            Type::Path(path) => self.take_path_apart(ty, path),
            _ => self.whole(ty),
        }
    }

    fn take_path_apart(&mut self, ty: &Type, path: &TypePath) {
        if let Some(param) = self.param(path) {
            return self.bound(param);
        }
        let Some(last) = last_segment(path) else { return self.whole(ty) };
        if self.starts_with_param(path) {
            self.whole(ty);
        } else if self.is_itself(path) {
            self.itself(last);
        } else if one_of(STOPS, last) {
            if !self.mentions_itself(ty) {
                self.whole(ty);
            }
        } else if one_of(THROUGH, last) || self.mentions_itself(ty) {
            type_arguments(last).for_each(|ty| self.take_apart(ty));
        } else {
            self.others.push(ty.clone());
        }
    }

    /// The type itself stands in a field. With the same arguments it asks for nothing; with others, for whatever it asks of
    /// its parameters.
    fn itself(&mut self, last: &PathSegment) {
        let same = last.ident == "Self"
            || type_arguments(last)
                .map(strip)
                .map(|ty| match ty {
                    Type::Path(path) => self.param(path),
                    _ => None,
                })
                .eq(self.params.iter().map(|&param| Some(param.clone())));
        if !same {
            for param in self.params.clone() {
                if type_arguments(last).any(|ty| mentions(ty.to_token_stream(), &[param])) {
                    self.bound(param.clone());
                }
            }
        }
    }

    /// With all fields known: which of the others follow from what is there.
    fn settle_others(&mut self) {
        let generics = &self.input.generics;
        let declared = generics
            .type_params()
            .filter(|param| bounds_of(param, generics).any(is_trace))
            .map(|param| &param.ident);
        let known: Vec<&Ident> = declared.chain(&self.bounded).collect();
        let unknown: Vec<&Ident> =
            self.params.iter().copied().filter(|param| !known.contains(param)).collect();
        let left: Vec<Type> = (self.others.iter())
            .filter(|ty| {
                let tokens = ty.to_token_stream();
                mentions(tokens, &unknown) || self.has_projection(ty)
            })
            .cloned()
            .collect();
        for ty in &left {
            self.whole(ty);
        }
    }

    fn bound(&mut self, param: Ident) {
        if !self.bounded.contains(&param) {
            self.bounded.push(param);
        }
    }

    fn whole(&mut self, ty: &Type) {
        if !self.whole.contains_type(ty) {
            self.whole.push(ty.clone());
        }
    }

    /// The parameter that this is, if it is one.
    fn param(&self, path: &TypePath) -> Option<Ident> {
        let ident = path.path.get_ident().filter(|_| path.qself.is_none())?;
        self.params.contains(&ident).then(|| ident.clone())
    }

    /// `T::Item`, `<T as Iterator>::Item`
    fn starts_with_param(&self, path: &TypePath) -> bool {
        path.qself.is_some()
            || path.path.segments.len() > 1 && self.params.contains(&&path.path.segments[0].ident)
    }

    fn is_itself(&self, path: &TypePath) -> bool {
        path.path.segments.len() == 1
            && path.path.leading_colon.is_none()
            && [&self.input.ident, &self_ident()].contains(&&path.path.segments[0].ident)
    }

    fn mentions_itself(&self, ty: &Type) -> bool {
        mentions(ty.to_token_stream(), &[&self.input.ident, &self_ident()])
    }

    fn mentions_param(&self, ty: &Type) -> bool {
        mentions(ty.to_token_stream(), &self.params)
    }

    /// Whether `T::Item` stands somewhere in it, or what can't be read.
    fn has_projection(&self, ty: &Type) -> bool {
        match ty {
            Type::Paren(inner) => self.has_projection(&inner.elem),
            Type::Group(inner) => self.has_projection(&inner.elem),
            Type::Array(array) => self.has_projection(&array.elem),
            Type::Slice(slice) => self.has_projection(&slice.elem),
            Type::Tuple(tuple) => tuple.elems.iter().any(|ty| self.has_projection(ty)),
            Type::Path(path) => {
                self.mentions_param(ty)
                    && (self.starts_with_param(path)
                        || last_segment(path).is_none_or(|last| {
                            type_arguments(last).any(|ty| self.has_projection(ty))
                        }))
            }
            Type::Macro(_) | Type::Verbatim(_) => true,
            _ => false,
        }
    }
}

trait ContainsType {
    fn contains_type(&self, ty: &Type) -> bool;
}

impl ContainsType for Vec<Type> {
    /// Whether there is one that is written the same.
    fn contains_type(&self, ty: &Type) -> bool {
        let text = ty.to_token_stream().to_string();
        self.iter().any(|other| other.to_token_stream().to_string() == text)
    }
}

/// `Trace`
fn is_trace(bound: &TypeParamBound) -> bool {
    matches!(bound, TypeParamBound::Trait(bound) if bound.path.segments.last().is_some_and(|last| last.ident == "Trace"))
}

fn self_ident() -> Ident {
    Ident::new("Self", Span::call_site())
}

/// The type without parentheses.
fn strip(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => strip(&inner.elem),
        Type::Group(inner) => strip(&inner.elem),
        ty => ty,
    }
}

fn last_segment(path: &TypePath) -> Option<&PathSegment> {
    path.path.segments.last()
}

fn one_of(names: &[&str], segment: &PathSegment) -> bool {
    names.iter().any(|name| segment.ident == name)
}

fn type_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether one of the names stands among the tokens.
fn mentions(tokens: TokenStream, names: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&&ident),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}
