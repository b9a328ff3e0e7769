//! What was measured, as a picture. Both axes are logarithmic: what grows with the keys has a slope of one.

use std::path::Path;

use plotters::prelude::*;

use crate::measured::{Line, Measured};
use crate::{FEWEST, Result, ours};

const SIZE: (u32, u32) = (1200, 640);
/// The width of the legend, to the right of the lines.
const LEGEND: u32 = 260;

pub(crate) fn draw(times: &Measured, svg: &Path) -> Result<()> {
    let lines = times.lines();
    let points = || lines.iter().flat_map(|line| &line.points);
    let most = points().map(|point| point.0).max().unwrap_or(FEWEST);
    let slowest = points().map(|point| micros(point.1)).fold(1.0, f64::max);
    let area = SVGBackend::new(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (lines_area, legend) = area.split_horizontally(SIZE.0 - LEGEND);
    let mut chart = ChartBuilder::on(&lines_area)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d((FEWEST..most + 1).log_scale(), (1.0..slowest * 2.0).log_scale())?;
    let mesh = &mut chart.configure_mesh();
    mesh.x_desc("keys").y_desc("microseconds").x_label_formatter(&|keys| with_commas(*keys)).draw()?;
    let mut cases: Vec<_> = lines.iter().map(|line| line.case).collect();
    cases.dedup();
    for (row, line) in (1..).zip(&lines) {
        let case = cases.iter().position(|case| *case == line.case).unwrap_or_default();
        let ours = line.implementation == ours::NAME;
        let color = Palette99::pick(case).to_rgba();
        let style = ShapeStyle { color, filled: ours, stroke_width: if ours { 2 } else { 1 } };
        let points = line.points.iter().map(|(keys, nanos)| (*keys, micros(*nanos)));
        chart.draw_series(LineSeries::new(points, style).point_size(3))?;
        let y = 20 * row;
        legend.draw(&PathElement::new([(0, y), (24, y)], style))?;
        legend.draw(&Text::new(title(line), (32, y - 6), ("sans-serif", 13)))?;
    }
    area.present()?;
    Ok(())
}

fn title(line: &Line<'_>) -> String {
    format!("{}: {}", line.implementation, line.case)
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
