//! The text of a file with its mutants.

use std::ops::Range;

use super::edit::{Edit, Mutant};

/// The text of a file with its mutants, and where each of them came to stand.
pub struct Writer<'a> {
    pub text: &'a str,
    pub mutants: Vec<Mutant>,
    pub out: String,
    pub places: Vec<(Range<usize>, usize)>,
}

impl Writer<'_> {
    fn ask(&mut self, id: usize) -> usize {
        let start = self.out.len();
        self.out.push_str(&format!("crate::mutants::mutant({id})"));
        start
    }

    /// Everything between two places; `within` is the range whose own edits are being made.
    pub fn write(&mut self, range: Range<usize>, within: Option<&Range<usize>>) {
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
            if let Edit::Field { name, .. } = edit {
                self.out.push_str(name);
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
                Edit::Field {
                    kind, member, rest, ..
                } => {
                    let (kind, rest) = (&self.text[kind.clone()], &self.text[rest.clone()]);
                    self.out.push_str(&match rest {
                        "Default::default()" => format!("<{kind}>::default().{member}"),
                        rest => format!("({rest}).{member}"),
                    });
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
