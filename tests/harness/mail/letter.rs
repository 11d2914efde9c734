//! A mail as its reader sees it: subject, parts, headers, and the code in it.

use anyhow::{Context, Result, ensure};
use mail_parser::MessageParser;

/// A mail as its reader sees it.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The subject, decoded.
    pub subject: String,
    /// The part in plain text.
    pub text: String,
    /// The part in HTML; empty where there is none.
    pub html: String,
    /// The whole mail as it arrived.
    pub raw: String,
}

impl Letter {
    /// Reads a mail, from a mailbox or from a scripted server.
    ///
    /// # Errors
    /// When it is no mail.
    pub fn parse(raw: &str) -> Result<Self> {
        let mail = MessageParser::default().parse(raw).context("not a mail")?;
        // Not a conversion of the other part, which the parser would give for a mail that has one only.
        let part = |is_html: bool| {
            let found = mail.parts.iter().find(|part| {
                if is_html { part.is_text_html() } else { part.is_text() && !part.is_text_html() }
            });
            found.and_then(|part| part.text_contents()).unwrap_or_default().to_owned()
        };
        Ok(Self {
            subject: mail.subject().unwrap_or_default().to_owned(),
            text: part(false),
            html: part(true),
            raw: raw.to_owned(),
        })
    }

    /// The value of a header as it was sent, unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.raw.replace("\r\n", "\n");
        let head = head
            .split_once("\n\n")
            .map_or(head.as_str(), |(head, _)| head)
            .replace("\n ", " ")
            .replace("\n\t", " ");
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    }

    /// The code in the mail: the first word of the subject.
    ///
    /// # Errors
    /// When that is no code.
    pub fn code(&self) -> Result<String> {
        let word = self.subject.split_whitespace().next().unwrap_or_default();
        let digits = word.chars().filter(char::is_ascii_digit).count();
        ensure!(digits >= 6, "no code at the beginning of the subject: {:?}", self.subject);
        Ok(word.to_owned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::mail) const MAIL: &str = "From: login@example.org\r\nSubject: =?utf-8?q?4930-2718_f=C3=BCr_ann?=\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative;\r\n boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\n4930 2718\r\n\
        --x\r\nContent-Type: text/html\r\n\r\n<b>4930 2718</b>\r\n--x--\r\n";

    #[test]
    fn a_letter_is_read_as_its_reader_sees_it() {
        let letter = Letter::parse(MAIL).unwrap();
        assert_eq!(
            (letter.subject.as_str(), letter.code().unwrap().as_str()),
            ("4930-2718 f\u{fc}r ann", "4930-2718")
        );
        assert_eq!((letter.text.trim(), letter.html.trim()), ("4930 2718", "<b>4930 2718</b>"));
        assert_eq!(letter.header("content-type").unwrap(), "multipart/alternative; boundary=x");
    }
}
