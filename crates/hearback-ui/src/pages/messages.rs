//! `/messages`: did it arrive, when, and why is it where it is.

mod list;
mod one;
mod story;

pub(crate) use list::{Row, list, row, told};
pub(crate) use one::one;
pub(crate) use story::{
    Step, alert_line, channel_icon, channel_word, place, result, sentence, step, steps, suppresses,
};
