//! A plot of the ratios: a group of bars for each workload, a bar for each allocator.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::results::{OURS, Results};

/// Bars end here, so that one slow allocator does not flatten all others; the number stands on such a bar.
const TOP: f64 = 8.0;
/// Bars begin here.
const BOTTOM: f64 = 0.5;
/// Colours of the peers, told apart by most eyes; ours is black.
const COLOURS: [RGBColor; 10] = [
    RGBColor(153, 153, 153),
    RGBColor(230, 159, 0),
    RGBColor(178, 116, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(240, 228, 66),
    RGBColor(0, 114, 178),
    RGBColor(110, 72, 160),
];

/// Draws the plot.
pub fn ratios(results: &Results, file: &str) -> Result<(), Box<dyn Error>> {
    let rows: Vec<usize> = results.counted().collect();
    let groups = rows.len() + 1;
    let columns = results.allocators.len();
    let root = SVGBackend::new(file, (240 + 110 * groups as u32, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Time as a multiple of the best peer's", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(50)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..groups as f64, (BOTTOM..TOP).log_scale().base(2.0))?;
    chart.configure_mesh().disable_x_mesh().disable_x_axis().y_desc("× best peer").draw()?;
    let value = |group: usize, column: usize| match rows.get(group) {
        Some(&row) => results.ratio(row, column),
        None => results.mean_ratio(column),
    };
    let width = 0.86 / columns.max(1) as f64;
    let mut peers = COLOURS.iter().cycle();
    for (column, &name) in results.allocators.iter().enumerate() {
        let colour = if name == OURS { BLACK } else { *peers.next().unwrap_or(&BLACK) };
        let bars = (0..groups).filter_map(|group| {
            let left = group as f64 + 0.07 + width * column as f64;
            Some((left, value(group, column)?))
        });
        let bars: Vec<(f64, f64)> = bars.collect();
        let drawn = chart.draw_series(bars.iter().map(|&(left, ratio)| {
            let corners = [(left, BOTTOM), (left + width * 0.92, ratio.clamp(BOTTOM, TOP))];
            Rectangle::new(corners, colour.filled())
        }))?;
        drawn
            .label(name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], colour.filled()));
        let style = ("sans-serif", 10).into_font().transform(FontTransform::Rotate90).color(&WHITE);
        let style = style.pos(Pos::new(HPos::Left, VPos::Center));
        chart.draw_series(bars.iter().filter(|(_, ratio)| *ratio > TOP).map(
            |&(left, ratio)| {
                Text::new(format!("{ratio:.0}×"), (left + width * 0.5, TOP * 0.97), style.clone())
            },
        ))?;
    }
    chart.draw_series([PathElement::new(
        vec![(0.0, 1.0), (groups as f64, 1.0)],
        BLACK.stroke_width(1),
    )])?;
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    let style = ("sans-serif", 12).into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Top));
    for group in 0..groups {
        let title = rows.get(group).map_or("geometric mean", |&row| results.workloads[row].title);
        let (x, y) = chart.backend_coord(&(group as f64 + 0.5, BOTTOM));
        root.draw(&Text::new(title, (x, y + 8), style.clone()))?;
    }
    root.present()?;
    Ok(())
}
