//! What of a file a mutant changes.

use std::ops::Range;

use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A change of one file.
#[derive(Clone)]
pub enum Edit {
    /// Another value at once: after the brace at this place.
    Value { at: usize, with: String },
    /// `left op right` with another operator, or a whole expression with another.
    Expression {
        whole: Range<usize>,
        left: Range<usize>,
        right: Range<usize>,
        with: String,
    },
    /// An operator in front is left out.
    Prefix {
        whole: Range<usize>,
        inner: Range<usize>,
    },
    /// A guard is always true or false.
    Guard { guard: Range<usize>, with: String },
    /// A field of a struct expression has what the rest of it comes from.
    Field {
        whole: Range<usize>,
        /// `name: `, where only the name was written.
        name: String,
        kind: Range<usize>,
        member: String,
        rest: Range<usize>,
    },
    /// An arm is never taken: a guard is put in front of its arrow.
    Arm {
        pattern_end: usize,
        guard: Option<Range<usize>>,
    },
}

pub struct Mutant {
    pub id: usize,
    pub edit: Edit,
}

impl Mutant {
    pub fn range(&self) -> Range<usize> {
        match &self.edit {
            Edit::Value { at, .. } => *at..*at,
            Edit::Expression { whole, .. } | Edit::Prefix { whole, .. } => whole.clone(),
            Edit::Guard { guard, .. } => guard.clone(),
            Edit::Field { whole, .. } => whole.clone(),
            Edit::Arm { pattern_end, guard } => guard.clone().unwrap_or(*pattern_end..*pattern_end),
        }
    }
}

/// The operator, the whole, left and right of it.
type Binary = (Range<usize>, Range<usize>, Range<usize>, Range<usize>);

/// What a file has at which an edit can be made.
#[derive(Default)]
pub struct Nodes {
    binaries: Vec<Binary>,
    unaries: Vec<(Range<usize>, Range<usize>, Range<usize>)>,
    bodies: Vec<(Range<usize>, bool)>,
    arms: Vec<(Range<usize>, usize, Option<Range<usize>>)>,
    fields: Vec<(Range<usize>, Edit)>,
}

fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'a> Visit<'a> for Nodes {
    fn visit_expr_binary(&mut self, e: &'a syn::ExprBinary) {
        if !has_let(&e.left) && !has_let(&e.right) {
            self.binaries.push((
                e.op.span().byte_range(),
                e.span().byte_range(),
                e.left.span().byte_range(),
                e.right.span().byte_range(),
            ));
        }
        visit::visit_expr_binary(self, e);
    }

    fn visit_expr_unary(&mut self, e: &'a syn::ExprUnary) {
        self.unaries.push((
            e.op.span().byte_range(),
            e.span().byte_range(),
            e.expr.span().byte_range(),
        ));
        visit::visit_expr_unary(self, e);
    }

    fn visit_expr_struct(&mut self, e: &'a syn::ExprStruct) {
        if let Some(rest) = &e.rest {
            for field in &e.fields {
                let member = match &field.member {
                    syn::Member::Named(name) => name.to_string(),
                    syn::Member::Unnamed(index) => index.index.to_string(),
                };
                let name = match field.colon_token {
                    Some(_) => String::new(),
                    None => format!("{member}: "),
                };
                let edit = Edit::Field {
                    whole: field.expr.span().byte_range(),
                    name,
                    kind: e.path.span().byte_range(),
                    member,
                    rest: rest.span().byte_range(),
                };
                self.fields.push((field.span().byte_range(), edit));
            }
        }
        visit::visit_expr_struct(self, e);
    }

    fn visit_item_fn(&mut self, f: &'a syn::ItemFn) {
        let fixed = f.sig.constness.is_some();
        self.bodies.push((f.block.span().byte_range(), fixed));
        visit::visit_item_fn(self, f);
    }

    fn visit_impl_item_fn(&mut self, f: &'a syn::ImplItemFn) {
        let fixed = f.sig.constness.is_some();
        self.bodies.push((f.block.span().byte_range(), fixed));
        visit::visit_impl_item_fn(self, f);
    }

    fn visit_trait_item_fn(&mut self, f: &'a syn::TraitItemFn) {
        if let Some(block) = &f.default {
            self.bodies.push((block.span().byte_range(), false));
        }
        visit::visit_trait_item_fn(self, f);
    }

    fn visit_arm(&mut self, arm: &'a syn::Arm) {
        let guard = arm.guard.as_ref();
        let lets = guard.is_some_and(|(_, guard)| has_let(guard));
        if !lets {
            self.arms.push((
                arm.span().byte_range(),
                arm.pat.span().byte_range().end,
                guard.map(|(_, guard)| guard.span().byte_range()),
            ));
        }
        visit::visit_arm(self, arm);
    }
}

/// Line and column, both from 1, as a place among the bytes of ASCII text.
fn place_of(text: &str, at: &Value) -> usize {
    let number = |name: &str| at[name].as_u64().expect("a number") as usize;
    let before: usize = text
        .split_inclusive('\n')
        .take(number("line") - 1)
        .map(str::len)
        .sum();
    before + number("column") - 1
}

fn is_opaque(mutant: &Value) -> bool {
    let kind = mutant["function"]["return_type"].as_str();
    kind.is_some_and(|kind| kind.contains("impl "))
}

pub fn edit_of(nodes: &Nodes, text: &str, mutant: &Value) -> Option<Edit> {
    let span = place_of(text, &mutant["span"]["start"])..place_of(text, &mutant["span"]["end"]);
    let with = mutant["replacement"].as_str().expect("a string").to_owned();
    // Nothing can be asked where the compiler computes.
    let around = nodes
        .bodies
        .iter()
        .filter(|(body, _)| body.start <= span.start && span.end <= body.end);
    let (body, fixed) = around.min_by_key(|(body, _)| body.len())?;
    if *fixed {
        return None;
    }
    match mutant["genre"].as_str()? {
        // An opaque type is what the body gives, so it cannot be two things.
        "FnValue" if is_opaque(mutant) => None,
        "FnValue" => Some(Edit::Value {
            at: body.start + 1,
            with,
        }),
        "BinaryOperator" => {
            nodes
                .binaries
                .iter()
                .find(|(op, ..)| *op == span)
                .map(|(_, whole, left, right)| Edit::Expression {
                    whole: whole.clone(),
                    left: left.clone(),
                    right: right.clone(),
                    with,
                })
        }
        "UnaryOperator" => {
            nodes
                .unaries
                .iter()
                .find(|(op, ..)| *op == span)
                .map(|(_, whole, inner)| Edit::Prefix {
                    whole: whole.clone(),
                    inner: inner.clone(),
                })
        }
        "MatchArmGuard" => {
            let found = nodes
                .arms
                .iter()
                .find(|(_, _, guard)| guard.as_ref() == Some(&span));
            found.map(|_| Edit::Guard { guard: span, with })
        }
        "MatchArm" => {
            let found = nodes.arms.iter().find(|(arm, ..)| arm.start == span.start);
            found.map(|(_, end, guard)| Edit::Arm {
                pattern_end: *end,
                guard: guard.clone(),
            })
        }
        "StructField" => {
            let found = nodes
                .fields
                .iter()
                .find(|(field, _)| field.start == span.start);
            found.map(|(_, edit)| edit.clone())
        }
        _ => None,
    }
}
