//! Writes the mutants into the copy of the source, and leaves out what the compiler refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::process::Command;

use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{Place, mix};

/// The question, and its answer: appended to `src/lib.rs` of the copy.
const QUESTION: &str = include_str!("question.rs");

/// A change of one file.
enum Edit {
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
    /// An arm is never taken: a guard is put in front of its arrow.
    Arm {
        pattern_end: usize,
        guard: Option<Range<usize>>,
    },
}

struct Mutant {
    id: usize,
    edit: Edit,
}

impl Mutant {
    fn range(&self) -> Range<usize> {
        match &self.edit {
            Edit::Value { at, .. } => *at..*at,
            Edit::Expression { whole, .. } | Edit::Prefix { whole, .. } => whole.clone(),
            Edit::Guard { guard, .. } => guard.clone(),
            Edit::Arm { pattern_end, guard } => guard.clone().unwrap_or(*pattern_end..*pattern_end),
        }
    }
}

/// What a file has at which an edit can be made.
#[derive(Default)]
struct Nodes {
    binaries: Vec<(Range<usize>, Range<usize>, Range<usize>, Range<usize>)>,
    unaries: Vec<(Range<usize>, Range<usize>, Range<usize>)>,
    bodies: Vec<(Range<usize>, bool)>,
    arms: Vec<(Range<usize>, usize, Option<Range<usize>>)>,
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

fn edit_of(nodes: &Nodes, text: &str, mutant: &Value) -> Option<Edit> {
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
        _ => None,
    }
}

/// The text of a file with its mutants, and where each of them came to stand.
struct Writer<'a> {
    text: &'a str,
    mutants: Vec<Mutant>,
    out: String,
    places: Vec<(Range<usize>, usize)>,
}

impl Writer<'_> {
    fn ask(&mut self, id: usize) -> usize {
        let start = self.out.len();
        self.out.push_str(&format!("crate::mutants::mutant({id})"));
        start
    }

    /// Everything between two places; `within` is the range whose own edits are being made.
    fn write(&mut self, range: Range<usize>, within: Option<&Range<usize>>) {
        let mut at = range.start;
        loop {
            let next = self
                .mutants
                .iter()
                .map(Mutant::range)
                .filter(|r| r.start >= at && r.end <= range.end && Some(r) != within)
                .min_by_key(|r| (r.start, std::cmp::Reverse(r.end)));
            let Some(next) = next else {
                break;
            };
            self.out.push_str(&self.text[at..next.start]);
            self.node(&next);
            at = next.end;
            if next.is_empty() {
                // What stands at the same place has been written with it.
                let more = self.text[at..range.end].chars().next();
                let Some(more) = more else { break };
                self.out.push(more);
                at += more.len_utf8();
            }
        }
        self.out.push_str(&self.text[at.min(range.end)..range.end]);
    }

    /// All mutants of one range.
    fn node(&mut self, range: &Range<usize>) {
        let here: Vec<usize> = (0..self.mutants.len())
            .filter(|i| self.mutants[*i].range() == *range)
            .collect();
        let mutants = std::mem::take(&mut self.mutants);
        let (mut open, mut arm, mut plain) = (false, None, None);
        for i in &here {
            let Mutant { id, edit } = &mutants[*i];
            match edit {
                Edit::Value { with, .. } => {
                    self.out.push_str("\nif ");
                    let start = self.ask(*id);
                    self.out.push_str(&format!(" {{ return {with}; }}\n"));
                    self.places.push((start..self.out.len(), *id));
                    continue;
                }
                Edit::Arm { guard, .. } => {
                    arm = Some((*id, guard.clone()));
                    continue;
                }
                _ => {}
            }
            self.out.push_str(if open { "\nelse if " } else { "(if " });
            open = true;
            let start = self.ask(*id);
            self.out.push_str(" {");
            self.mutants = Vec::new();
            // Within the changed expression nothing else is asked: one mutant at a time.
            match edit {
                Edit::Expression {
                    left, right, with, ..
                } => {
                    let (left, right) = (&self.text[left.clone()], &self.text[right.clone()]);
                    let assigns =
                        with.ends_with('=') && !["==", "!=", "<=", ">="].contains(&with.as_str());
                    self.out.push_str(&match assigns {
                        true => format!("{left} {with} {right}"),
                        false => format!("({left}) {with} ({right})"),
                    });
                    plain = Some(range.clone());
                }
                Edit::Prefix { inner, .. } => {
                    self.out.push_str(&self.text[inner.clone()]);
                    plain = Some(range.clone());
                }
                Edit::Guard { with, .. } => {
                    self.out.push_str(with);
                    plain = Some(range.clone());
                }
                Edit::Value { .. } | Edit::Arm { .. } => {}
            }
            self.out.push('}');
            self.places.push((start..self.out.len(), *id));
        }
        self.mutants = mutants;
        if let Some((id, guard)) = &arm {
            self.out
                .push_str(if guard.is_some() { "!" } else { " if !" });
            let start = self.ask(*id);
            self.places.push((start..self.out.len(), *id));
            if guard.is_some() {
                self.out.push_str(" && (");
            }
        }
        if let Some(plain) = plain {
            self.out.push_str("\nelse {");
            self.write(plain.clone(), Some(&plain));
            self.out.push_str("})");
        } else if let Some((_, Some(guard))) = &arm {
            self.write(guard.clone(), Some(guard));
        }
        if let Some((_, Some(_))) = arm {
            self.out.push(')');
        }
    }
}

pub fn load(place: &Place, name: &str) -> Value {
    let path = place.work.join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"))
}

pub fn save(place: &Place, name: &str, value: &Value) {
    let text = serde_json::to_string(value).expect("JSON");
    std::fs::write(place.work.join(name), text).expect("a file to write");
}

/// Where the mutants of each written file stand.
type Places = BTreeMap<String, Vec<(Range<usize>, usize)>>;

fn write_all(
    place: &Place,
    list: &[Value],
    left_out: &BTreeSet<usize>,
) -> (Places, BTreeSet<usize>) {
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (id, mutant) in list.iter().enumerate() {
        by_file
            .entry(mutant["file"].as_str().expect("a file"))
            .or_default()
            .push(id);
    }
    let (mut places, mut woven) = (Places::new(), BTreeSet::new());
    for (file, ids) in by_file {
        let text = std::fs::read_to_string(place.source.join(file)).expect("source");
        let parsed = syn::parse_file(&text).expect("Rust");
        let mut nodes = Nodes::default();
        nodes.visit_file(&parsed);
        let mutants = ids
            .iter()
            .filter(|id| !left_out.contains(id))
            .filter_map(|id| {
                let edit = edit_of(&nodes, &text, &list[*id])?;
                woven.insert(*id);
                Some(Mutant { id: *id, edit })
            });
        let mut writer = Writer {
            text: &text,
            mutants: mutants.collect(),
            out: String::new(),
            places: Vec::new(),
        };
        writer.write(0..text.len(), None);
        let to = place.tree.join(file);
        if std::fs::read_to_string(&to).ok().as_ref() != Some(&writer.out) {
            std::fs::write(&to, &writer.out).expect("a file to write");
        }
        places.insert(file.to_owned(), writer.places);
    }
    (places, woven)
}

/// The mutants that the compiler names; the innermost one where they are nested.
fn refused(place: &Place, places: &Places) -> BTreeSet<usize> {
    let out = Command::new("cargo")
        .args([
            "check",
            "--lib",
            "--locked",
            "--message-format=json",
            "--keep-going",
        ])
        .current_dir(&place.tree)
        .output()
        .expect("cargo");
    let mut found = BTreeSet::new();
    let mut strange = Vec::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if message["message"]["level"] != "error" {
            continue;
        }
        let spans = message["message"]["spans"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut here = false;
        for span in &spans {
            let file = span["file_name"].as_str().unwrap_or("");
            let at = span["byte_start"].as_u64().unwrap_or(0) as usize;
            let around = places.get(file).into_iter().flatten();
            let around = around.filter(|(range, _)| range.contains(&at));
            if let Some((_, id)) = around.min_by_key(|(range, _)| range.len()) {
                found.insert(*id);
                here = true;
            }
        }
        if !here && !spans.is_empty() {
            strange.push(
                message["message"]["rendered"]
                    .as_str()
                    .unwrap_or("")
                    .to_owned(),
            );
        }
    }
    if found.is_empty() && !out.status.success() {
        for text in strange.iter().take(5) {
            eprintln!("{text}");
        }
        panic!("it does not compile, and no mutant is the cause");
    }
    found
}

pub fn weave(place: &Place, args: &[String]) {
    let [one_in, part] = args else {
        panic!("weave SOURCE WORK ONE-IN PART");
    };
    let (one_in, part): (u64, u64) = (
        one_in.parse().expect("one in N"),
        part.parse().expect("a part"),
    );
    let list = load(place, "list.json");
    let list = list.as_array().expect("a list");
    let lib = std::fs::read_to_string(place.source.join("src/lib.rs")).expect("source");
    let question = QUESTION.replace("1_000_000", &list.len().to_string());
    std::fs::write(place.tree.join("src/lib.rs"), format!("{lib}\n{question}")).expect("lib.rs");
    let named = std::env::var("MUTATE_FUNCTIONS").unwrap_or_default();
    let named: BTreeSet<&str> = named.split_whitespace().collect();
    let is_named = |id: usize| {
        let (file, function) = (&list[id]["file"], &list[id]["function"]["function_name"]);
        let name = |value: &Value| value.as_str().unwrap_or("").replace(' ', "");
        named.contains(format!("{}:{}", name(file), name(function)).as_str())
    };
    let drawn = |id: usize| one_in > 0 && mix(id as u64) % one_in == part;
    let mut left_out: BTreeSet<usize> = (0..list.len())
        .filter(|id| !drawn(*id) && !is_named(*id))
        .collect();
    println!(
        "{} of {} mutants are looked at",
        list.len() - left_out.len(),
        list.len()
    );
    loop {
        let (places, woven) = write_all(place, list, &left_out);
        let more = refused(place, &places);
        println!("{} mutants woven, {} refused", woven.len(), more.len());
        if more.is_empty() {
            let ids: Vec<usize> = woven.into_iter().collect();
            save(place, "woven.json", &serde_json::json!(ids));
            return;
        }
        left_out.extend(more);
    }
}
