//! A plot over time, as SVG.

use std::fmt::Write as _;

use super::escaped;
use crate::soak::watch::Event;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 30.0;
/// Points of a line; more than this would not be seen.
const POINTS: usize = 700;
/// Marks of one kind of event in a plot.
const MARKS: usize = 120;

/// One line of a plot.
pub(super) struct Line {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// How numbers are written at the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Count,
    Bytes,
    Micros,
}

/// A plot.
pub(super) struct Chart<'a> {
    pub title: &'static str,
    pub unit: Unit,
    pub lines: Vec<Line>,
    pub events: &'a [&'a Event],
}

impl Unit {
    fn text(self, value: f64) -> String {
        let scaled = |units: &[&str], step: f64| {
            let (mut value, mut at) = (value, 0);
            while value >= step && at + 1 < units.len() {
                value /= step;
                at += 1;
            }
            let digits = usize::from(value < 10.0 && value.fract() > 0.04);
            format!("{value:.digits$}{}", units.get(at).copied().unwrap_or(""))
        };
        match self {
            Unit::Count => scaled(&["", "k", "M", "G"], 1000.0),
            Unit::Bytes => scaled(&[" B", " KiB", " MiB", " GiB", " TiB"], 1024.0),
            Unit::Micros => scaled(&[" us", " ms", " s"], 1000.0),
        }
    }

    /// The end of the axis and the distance of its lines.
    fn scale(self, most: f64) -> (f64, f64) {
        let base: f64 = if self == Unit::Bytes { 1024.0 } else { 1000.0 };
        let most = most.max(1.0);
        let unit = base.powf((most.log2() / base.log2()).floor());
        let in_units = most / unit / 4.0;
        let power = 10_f64.powf(in_units.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .find(|s| s * power >= in_units);
        let step = step.unwrap_or(10.0) * power * unit;
        ((most / step).ceil() * step, step)
    }
}

impl Chart<'_> {
    /// The drawing with its caption.
    pub fn svg(&self) -> String {
        let all = || self.lines.iter().flat_map(|line| line.points.iter());
        let end = all().map(|p| p.0).fold(0.0, f64::max).max(0.001);
        let most = all().map(|p| p.1).fold(0.0, f64::max);
        let (top, step) = self.unit.scale(most);
        let x = |t: f64| LEFT + (WIDTH - LEFT - RIGHT) * t / end;
        let y = |v: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - v / top);
        let mut text = format!(
            "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} over time\">",
            escaped(self.title),
            escaped(self.title)
        );
        let mut level = 0.0;
        while level <= top * 1.001 {
            let at = y(level);
            let _ = write!(
                text,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0,
                self.unit.text(level)
            );
            level += step;
        }
        for part in 0..=4 {
            let time = end * f64::from(part) / 4.0;
            let anchor = ["start", "middle", "middle", "middle", "end"];
            let _ = write!(
                text,
                "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{}\">{}</text>",
                x(time),
                HEIGHT - 10.0,
                anchor.get(part as usize).copied().unwrap_or("middle"),
                seconds(time, end)
            );
        }
        self.marks(&mut text, end, &x);
        for (at, line) in self.lines.iter().enumerate() {
            let points: Vec<String> = thinned(&line.points)
                .map(|(t, v)| format!("{:.1},{:.1}", x(t), y(v)))
                .collect();
            let _ = write!(
                text,
                "<polyline class=\"line line{at}\" points=\"{}\"/>",
                points.join(" ")
            );
        }
        text.push_str("</svg><div class=\"legend\">");
        for (at, line) in self.lines.iter().enumerate() {
            let last = line.points.last().map_or(0.0, |p| p.1);
            let _ = write!(
                text,
                "<span><i class=\"key key{at}\"></i>{} <b>{}</b></span>",
                escaped(line.name),
                self.unit.text(last)
            );
        }
        text.push_str("</div></figure>\n");
        text
    }

    fn marks(&self, text: &mut String, end: f64, x: &impl Fn(f64) -> f64) {
        let mut kinds: Vec<&str> = self.events.iter().map(|e| e.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let events: Vec<_> = self.events.iter().filter(|e| e.kind == kind).collect();
            let every = events.len().div_ceil(MARKS).max(1);
            for event in events.iter().step_by(every).filter(|e| e.elapsed_s <= end) {
                let at = x(event.elapsed_s);
                let _ = write!(
                    text,
                    "<line class=\"mark mark-{}\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"><title>{} at {:.1} s {}</title></line>",
                    escaped(kind),
                    HEIGHT - BOTTOM,
                    escaped(kind),
                    event.elapsed_s,
                    escaped(&event.detail)
                );
            }
        }
    }
}

fn seconds(time: f64, end: f64) -> String {
    if end >= 7200.0 {
        format!("{:.1} h", time / 3600.0)
    } else if end >= 240.0 {
        format!("{:.0} min", time / 60.0)
    } else if end >= 8.0 {
        format!("{time:.0} s")
    } else {
        format!("{time:.1} s")
    }
}

/// Of many points, the smallest and the largest of each stretch.
fn thinned(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    let every = points.len().div_ceil(POINTS / 2).max(1);
    points.chunks(every).flat_map(move |chunk| {
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (chunk.iter().min_by(by), chunk.iter().max_by(by));
        let mut both: Vec<(f64, f64)> = low.into_iter().chain(high).copied().collect();
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        both.dedup();
        both
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers_and_hold_everything() {
        for most in [0.0, 1.0, 3.0, 17.0, 999.0, 1000.0, 123_456.0, 5e9] {
            for unit in [Unit::Count, Unit::Bytes, Unit::Micros] {
                let (top, step) = unit.scale(most);
                assert!(top >= most && step > 0.0, "{most} {top} {step}");
                assert!((1.0..=6.0).contains(&(top / step)), "{most} {top} {step}");
            }
        }
        assert_eq!(Unit::Bytes.scale(70.0 * 1048576.0).1, 20.0 * 1048576.0);
        assert_eq!(Unit::Bytes.text(1536.0 * 1024.0), "1.5 MiB");
        assert_eq!(Unit::Count.text(250_000.0), "250k");
    }

    #[test]
    fn thinning_keeps_peaks() {
        let points: Vec<(f64, f64)> = (0..10_000)
            .map(|n| (f64::from(n), f64::from(n % 1000 == 0)))
            .collect();
        let thin: Vec<_> = thinned(&points).collect();
        assert!(thin.len() <= POINTS);
        assert_eq!(thin.iter().filter(|p| p.1 > 0.5).count(), 10);
    }
}
