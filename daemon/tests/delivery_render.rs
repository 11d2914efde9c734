//! What the other side reads back is exactly what was put in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "each test file uses its part")]
mod letters;

use std::collections::BTreeMap;

use countersign_config::Template;
use countersign_core::secret::Secret;
use countersignd::delivery::render::{Escape, Values, render};
use proptest::prelude::*;

use letters::sms;

fn rendered(template: &str, text: &str, escape: Escape) -> String {
    let credentials = BTreeMap::from([("key".to_owned(), Secret::new(text.to_owned()))]);
    let message = sms("+4915112345678", text);
    let values = Values { message: &message, credentials: &credentials };
    render(&Template::parse(template).unwrap(), &values, escape).unwrap().to_string()
}

/// What XML and a line can say: everything else is a space.
fn sayable(text: &str, is_sayable: impl Fn(char) -> bool) -> String {
    text.chars().map(|character| if is_sayable(character) { character } else { ' ' }).collect()
}

proptest! {
    #[test]
    fn json_reads_back_the_text(text in any::<String>()) {
        let json = rendered(r#"{"a":"{text}","b":["{credential:key}"]}"#, &text, Escape::Json);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read["a"].as_str(), Some(text.as_str()));
        prop_assert_eq!(read["b"][0].as_str(), Some(text.as_str()));
        prop_assert_eq!(read.as_object().unwrap().len(), 2);
        prop_assert!(!json.contains(char::is_control));
    }

    #[test]
    fn a_form_reads_back_the_text(text in any::<String>()) {
        let form = rendered("a={text}&b={credential:key}&c={number}", &text, Escape::Percent);
        let read: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let expected = [("a", text.as_str()), ("b", &text), ("c", "+4915112345678")];
        prop_assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_url_reads_back_the_text_and_stays_where_it_leads(text in any::<String>()) {
        let url = rendered("https://sms.example.org/x{text}/?q={text}#end", &text, Escape::Percent);
        let read = url::Url::parse(&url).unwrap();
        prop_assert_eq!(read.host_str(), Some("sms.example.org"));
        prop_assert_eq!(read.path_segments().unwrap().count(), 2);
        prop_assert_eq!(read.query_pairs().next().unwrap().1.into_owned(), text);
    }

    #[test]
    fn xml_reads_back_the_text(text in any::<String>()) {
        let xml = rendered("<m to=\"{number}\" key=\"{text}\"><t>{text}</t></m>", &text, Escape::Xml);
        let (attribute, element) = read_xml(&xml);
        let legal = |character| !matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
        let expected = sayable(&text, legal);
        prop_assert_eq!(&attribute, &expected);
        prop_assert_eq!(&element, &expected);
    }

    #[test]
    fn xml_within_a_form_reads_back_the_text(text in any::<String>()) {
        let form = rendered("a=<m key=''>{text:xml}</m>", &text, Escape::Percent);
        let (_, xml) = url::form_urlencoded::parse(form.as_bytes()).next().unwrap();
        let legal = |character| !matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
        prop_assert_eq!(read_xml(&xml).1, sayable(&text, legal));
    }

    #[test]
    fn a_line_stays_one_line(text in any::<String>()) {
        let line = rendered("Bearer {text}", &text, Escape::Line);
        let is_sayable = |character: char| !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}');
        prop_assert_eq!(line, format!("Bearer {}", sayable(&text, is_sayable)));
    }
}

/// The attribute `key` of the root, and all text within.
fn read_xml(xml: &str) -> (String, String) {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut attribute, mut element) = (None, String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) if tag.name().as_ref() == b"m" => {
                let key = tag.try_get_attribute("key").unwrap().unwrap();
                attribute =
                    Some(key.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned());
            }
            Event::Text(text) => element.push_str(&text.decode().unwrap()),
            Event::GeneralRef(reference) => {
                if let Some(character) = reference.resolve_char_ref().unwrap() {
                    element.push(character);
                } else {
                    let name = reference.decode().unwrap();
                    element.push_str(quick_xml::escape::resolve_xml_entity(&name).unwrap());
                }
            }
            Event::Eof => return (attribute.unwrap(), element),
            _ => {}
        }
    }
}

#[test]
fn a_credential_that_is_not_there_is_named() {
    let message = sms("+4915112345678", "x");
    let values = Values { message: &message, credentials: &BTreeMap::new() };
    let missing = render(&Template::parse("{credential:key}").unwrap(), &values, Escape::Line).unwrap_err();
    assert!(missing.contains("`key`"));
}
