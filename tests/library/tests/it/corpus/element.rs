//! The elements of an XML document.

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

#[derive(Debug, Default)]
pub(super) struct Element {
    /// The name, without the prefix of its namespace if that is the root's.
    pub(super) name: String,
    pub(super) attributes: HashMap<String, String>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    pub(super) fn parse(text: &str) -> Self {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        let mut prefix: Option<String> = None;
        let mut element = |start: &BytesStart<'_>| {
            let name = start.name();
            let name: &str = name.as_ref();
            let prefix = prefix
                .get_or_insert_with(|| name.split_at(name.find(':').map_or(0, |at| at + 1)).0.to_owned());
            Self::new(name.strip_prefix(prefix.as_str()).unwrap_or(name), start)
        };
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => open.push(element(&start)),
                Event::Empty(start) => open.last_mut().unwrap().children.push(element(&start)),
                Event::End(_) => {
                    let closed = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(closed);
                }
                Event::Text(text) => open.last_mut().unwrap().text.push_str(&text),
                Event::GeneralRef(name) => {
                    let name = format!("&{};", &*name);
                    open.last_mut().unwrap().text.push_str(&unescape(&name).unwrap());
                }
                Event::Eof => return open.pop().unwrap().children.pop().unwrap(),
                _ => {}
            }
        }
    }

    fn new(name: &str, start: &BytesStart<'_>) -> Self {
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            (attribute.key.as_ref().to_owned(), unescape(&attribute.value).unwrap().into_owned())
        });
        Self { name: name.to_owned(), attributes: attributes.collect(), ..Self::default() }
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The value of a numeric attribute.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.attribute(name).map(|value| value.parse().unwrap())
    }
}
