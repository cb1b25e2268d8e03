//! A plot of the ratios: a group of bars for each workload, a bar for each allocator.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::results::{OURS, Results};

/// Bars end here, so that one slow allocator does not flatten all others; such a bar bears its number.
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

/// The colour of each allocator.
fn colours(results: &Results) -> Vec<RGBColor> {
    let mut peers = COLOURS.iter().copied().cycle();
    let colour = |&name: &&str| if name == OURS { Some(BLACK) } else { peers.next() };
    results.allocators.iter().filter_map(colour).collect()
}

/// Black or white, whichever is easier to read on this colour.
fn text_on(colour: RGBColor) -> RGBColor {
    let RGBColor(red, green, blue) = colour;
    let light = 3 * u32::from(red) + 6 * u32::from(green) + u32::from(blue);
    if light > 1280 { BLACK } else { WHITE }
}

/// Draws the plot.
pub fn ratios(results: &Results, file: &str) -> Result<(), Box<dyn Error>> {
    let rows: Vec<usize> = results.counted().collect();
    let groups = rows.len() + 1;
    let colours = colours(results);
    let root = SVGBackend::new(file, (320 + 104 * groups as u32, 520)).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, body) = root.split_vertically(44);

    let text = ("sans-serif", 13).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    let title =
        ("sans-serif", 18).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    head.draw(&Text::new("Time as a multiple of the best peer's", (16, 24), title))?;
    for (column, (name, colour)) in results.allocators.iter().zip(&colours).enumerate() {
        let x = 390 + 110 * column as i32;
        head.draw(&Rectangle::new([(x, 18), (x + 12, 30)], colour.filled()))?;
        head.draw(&Text::new(*name, (x + 18, 24), text.clone()))?;
    }

    let mut chart = ChartBuilder::on(&body)
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..groups as f64, (BOTTOM..TOP).log_scale().base(2.0))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .light_line_style(TRANSPARENT)
        .draw()?;
    let value = |group: usize, column: usize| match rows.get(group) {
        Some(&row) => results.ratio(row, column),
        None => results.mean_ratio(column),
    };
    let width = 0.86 / colours.len().max(1) as f64;
    for (column, &colour) in colours.iter().enumerate() {
        let bars: Vec<(f64, f64)> = (0..groups)
            .filter_map(|group| {
                let left = group as f64 + 0.07 + width * column as f64;
                Some((left, value(group, column)?))
            })
            .collect();
        chart.draw_series(bars.iter().map(|&(left, ratio)| {
            let corners = [(left, BOTTOM), (left + width * 0.92, ratio.clamp(BOTTOM, TOP))];
            Rectangle::new(corners, colour.filled())
        }))?;
        let font = ("sans-serif", 10).into_font().transform(FontTransform::Rotate90);
        let style = font.color(&text_on(colour)).pos(Pos::new(HPos::Left, VPos::Center));
        chart.draw_series(bars.iter().filter(|(_, ratio)| *ratio > TOP).map(
            |&(left, ratio)| {
                Text::new(format!("{ratio:.0}×"), (left + width * 0.5, TOP * 0.97), style.clone())
            },
        ))?;
    }
    chart.draw_series([PathElement::new([(0.0, 1.0), (groups as f64, 1.0)], BLACK)])?;
    let style = ("sans-serif", 12).into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Top));
    for group in 0..groups {
        let title = rows.get(group).map_or("geometric mean", |&row| results.workloads[row].title);
        // In pixels of the whole picture.
        let (x, y) = chart.backend_coord(&(group as f64 + 0.5, BOTTOM));
        root.draw(&Text::new(title, (x, y + 8), style.clone()))?;
    }
    root.present()?;
    Ok(())
}
