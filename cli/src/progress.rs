//! Progress of long work, on standard error, where a person sees it.

use std::future::Future;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::exit::{Exit, Failure};
use crate::output::{Output, Stream, is_terminal};

/// Makes a bar that counts to what [`ProgressBar::set_length`] says; it is not drawn where nobody would see it, nor
/// where `shares_terminal` says that rows of data run over the same terminal.
pub(crate) fn bar(output: &Output, what: &'static str, shares_terminal: bool) -> ProgressBar {
    let wanted = !output.is_quiet() && is_terminal(Stream::Err);
    if !wanted || (shares_terminal && is_terminal(Stream::Out)) {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let color = if output.colors(Stream::Err) { "cyan" } else { "" };
    let template =
        format!("{{msg}} [{{bar:24.{color}}}] {{human_pos}}/{{human_len}}  {{rate}}  {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
    }
    bar.set_message(what);
    bar
}

fn rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    // Writing to what draws the bar cannot fail.
    let _ = write!(text, "{:.0}/s", state.per_sec());
}

/// Does long work until it is done or Ctrl-C; the bar is gone afterwards.
///
/// # Errors
/// Why the work failed, or that it was interrupted.
pub(crate) async fn until_interrupted<T>(
    bar: &ProgressBar,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let ended = tokio::select! {
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "Cancelled. Nothing was changed.")),
        ended = work => ended,
    };
    bar.finish_and_clear();
    ended
}

/// Shows how far a reading of numbered records has come; where the first page began, it begins.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    first: Option<u64>,
}

impl Reach {
    /// How many records a page has at most: the first page cannot have begun earlier.
    const PAGE: u64 = 10_000;

    /// Moves the bar to the record up to which was looked.
    pub(crate) fn show(&mut self, bar: &ProgressBar, next: u64, newest: u64) {
        let first = *self.first.get_or_insert_with(|| next.saturating_sub(Self::PAGE));
        bar.set_length(newest.saturating_sub(first));
        bar.set_position(next.saturating_sub(first));
    }
}
