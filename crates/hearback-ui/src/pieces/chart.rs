//! Charts as SVG that stretches: sizes are attributes, because the policy forbids styles in pages.

use super::{Html, count, escape, put};

/// A line of a tile: `width` by `height` in its own units.
pub(crate) fn spark(values: &[f64], width: f64, height: f64) -> Html {
    if values.len() < 2 {
        return Html::default();
    }
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    // A line of zeros lies at the bottom, any other even line above it.
    let span = if high > low { high - low } else { high.max(1.0) };
    let low = if high > low { low } else { 0.0 };
    let (top, bottom) = (height * 0.14, height * 0.8);
    let step = width / (values.len() - 1) as f64;
    let mut line = String::new();
    for (place, value) in values.iter().enumerate() {
        let y = bottom - (value - low) / span * (bottom - top);
        put(
            &mut line,
            format_args!("{}{:.1},{y:.1}", if place == 0 { "" } else { " " }, place as f64 * step),
        );
    }
    Html(format!(
        "<svg class=\"spark\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <polygon class=\"area\" points=\"0,{height} {line} {width},{height}\"/><polyline class=\"line\" points=\"{line}\"/></svg>"
    ))
}

/// Two shares of a bar, in per cent of its length.
pub(crate) fn meter(first: (&str, f64), second: (&str, f64)) -> Html {
    let (one, two) = (first.1.clamp(0.0, 100.0), second.1.clamp(0.0, 100.0 - first.1.clamp(0.0, 100.0)));
    Html(format!(
        "<svg class=\"meter\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect data-status=\"{}\" width=\"{one:.1}\" height=\"6\"/><rect data-status=\"{}\" x=\"{one:.1}\" width=\"{two:.1}\" height=\"6\"/></svg>",
        first.0, second.0
    ))
}

/// One column of a chart: its parts from the bottom up.
pub(crate) struct Stack {
    /// What hovering says: the time that it stands for.
    pub(crate) title: String,
    /// A count for each series.
    pub(crate) parts: Vec<u64>,
}

/// A chart of stacked columns.
pub(crate) struct Columns<'a> {
    /// Hue and word of each series.
    pub(crate) series: &'a [(&'static str, &'static str)],
    /// The columns, the oldest first.
    pub(crate) stacks: &'a [Stack],
    /// What it shows, in a sentence.
    pub(crate) about: String,
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 240.0;

impl Columns<'_> {
    /// The numbers beside the lines, from the top down.
    pub(crate) fn scale(&self) -> Vec<String> {
        let top = self.top();
        (0..=4).rev().map(|quarter| count(top * quarter / 4)).collect()
    }

    /// The highest number of the scale: a round one that four lines divide.
    fn top(&self) -> u64 {
        let highest = self.stacks.iter().map(|stack| stack.parts.iter().sum()).max().unwrap_or(0);
        let mut unit = 1_u64;
        loop {
            for step in [4, 8, 12, 20, 40] {
                if step * unit >= highest.max(1) {
                    return step * unit;
                }
            }
            unit = unit.saturating_mul(10);
        }
    }

    /// The drawing.
    pub(crate) fn draw(&self) -> Html {
        let mut out = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
            escape(&self.about)
        );
        for line in 0..=4 {
            put(&mut out, format_args!("<path class=\"grid\" d=\"M0 {}H{WIDTH}\"/>", line * 60));
        }
        let top = self.top() as f64;
        let slot = WIDTH / self.stacks.len().max(1) as f64;
        for (place, stack) in self.stacks.iter().enumerate() {
            self.column(&mut out, stack, place as f64 * slot, slot, top);
        }
        out.push_str("</svg>");
        Html(out)
    }

    fn column(&self, out: &mut String, stack: &Stack, left: f64, slot: f64, top: f64) {
        let told: Vec<String> = self
            .series
            .iter()
            .zip(&stack.parts)
            .filter(|(_, part)| **part > 0)
            .map(|((_, word), part)| format!("{word} {}", count(*part)))
            .collect();
        let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
        put(out, format_args!("<g><title>{}: {}</title>", escape(&stack.title), escape(&told)));
        put(
            out,
            format_args!("<rect class=\"hit\" x=\"{left:.1}\" width=\"{slot:.1}\" height=\"{HEIGHT}\"/>"),
        );
        let mut floor = HEIGHT;
        for ((status, _), part) in self.series.iter().zip(&stack.parts).filter(|(_, part)| **part > 0) {
            let height = (*part as f64 / top * HEIGHT).max(1.0);
            floor -= height;
            let (x, width) = (left + slot * 0.1, slot * 0.8);
            put(
                out,
                format_args!(
                    "<rect data-status=\"{status}\" x=\"{x:.1}\" y=\"{floor:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
                ),
            );
        }
        out.push_str("</g>");
    }
}
