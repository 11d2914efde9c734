//! Progress of long work, on standard error, where a person sees it.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
    let template = format!("{{msg}} [{{bar:30.{color}}}] {{human_pos}}/{{human_len}} {{eta}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    bar
}
