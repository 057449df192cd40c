//! Small curves of the last hour as SVG, which a page shows without a script.

use std::fmt::Write;
use std::time::Duration;

use supervisor_core::time::Wall;

use super::html::Escaped;
use crate::usage_history::KEPT;

/// Size of a curve in SVG units; the page scales it.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 60.0;

/// A value and its time.
pub(super) type Value = (Wall, f64);

/// A curve of these values, which are ordered by time, up to the time `at`. `says` is the text for
/// screen readers. `None`: there are fewer than two values.
pub(super) fn curve(values: &[Value], at: Wall, says: &str) -> Option<String> {
    let first = values.first().filter(|_| values.len() > 1)?.0;
    let age = |moment: Wall| at.since_epoch().saturating_sub(moment.since_epoch());
    // The values fill the width even if they cover less than an hour (at least a minute).
    let span = age(first).clamp(Duration::from_secs(60), KEPT).as_secs_f64();
    let most = values.iter().map(|(_, value)| *value).fold(0.0, f64::max).max(f64::EPSILON);
    let mut points = String::new();
    for (moment, value) in values {
        let x = WIDTH * (1.0 - age(*moment).as_secs_f64() / span).max(0.0);
        let y = (HEIGHT - 2.0) * (1.0 - value / most) + 1.0;
        let _ = write!(points, "{x:.1},{y:.1} ");
    }
    let points = points.trim_end();
    let (left, right) = (points.split(',').next()?, points.rsplit(' ').next()?.split(',').next()?);
    Some(format!(
        r#"<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{}"><polygon points="{left},{HEIGHT} {points} {right},{HEIGHT}"/><polyline points="{points}"/></svg>"#,
        Escaped(says)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Wall {
        Wall::from_epoch(Duration::from_secs(secs))
    }

    #[test]
    fn a_curve_runs_from_left_to_right_with_its_maximum_at_the_top() {
        let values = [(at(1000), 0.0), (at(1300), 4.0), (at(1600), 2.0)];
        let svg = curve(&values, at(1600), "<memory>").unwrap();
        assert!(svg.contains(r#"<polyline points="0.0,59.0 150.0,1.0 300.0,30.0"/>"#), "{svg}");
        assert!(svg.contains(r#"aria-label="&lt;memory&gt;""#), "{svg}");
    }

    #[test]
    fn one_value_has_no_curve() {
        assert_eq!(curve(&[(at(7), 1.0)], at(9), ""), None);
        assert!(curve(&[(at(7), 0.0), (at(8), 0.0)], at(9), "").is_some());
    }
}
