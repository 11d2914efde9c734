//! Every sentence a person sees, by language.
//!
//! Owns the only place with sentences: conversations emit values, `say` makes text of them.

/// A language of the dialogues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}
