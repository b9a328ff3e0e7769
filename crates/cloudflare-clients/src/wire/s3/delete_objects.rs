//! [DeleteObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html).

use std::collections::{HashMap, HashSet};

use http::Method;

use super::response::unreadable;
use super::xml::{Element, NAMESPACE, Writer};
use super::{Request, Response, error_code};
use crate::error::{Error, Result};

/// Deletes up to 1,000 objects. [XML must be able to carry](super::xml::can_carry) all their keys.
pub fn request(keys: &[&str]) -> Result<Request> {
    let document = Writer::document("Delete", Some(NAMESPACE), |delete| {
        for key in keys {
            delete.element("Object", |object| object.text("Key", key));
        }
    });
    Request::new(Method::POST, None).query("delete", "").xml(document)
}

/// Parses the outcome for each key, in order.
pub fn parse(keys: &[&str], response: &Response) -> Result<Vec<Result<()>>> {
    let document = response.xml("DeleteResult")?;
    let key_of = |entry: &Element| entry.required("Key").map(str::to_owned).map_err(unreadable);
    let deleted: HashSet<String> = document.children("Deleted").map(key_of).collect::<Result<_>>()?;
    let failed: HashMap<String, &Element> =
        document.children("Error").map(|entry| Ok((key_of(entry)?, entry))).collect::<Result<_>>()?;
    let outcome = |key: &&str| {
        if let Some(entry) = failed.get(*key) {
            let said = |name| entry.child(name).map_or("", Element::text).trim();
            return Err(error_code::entry_error(said("Code"), said("Message")));
        }
        if deleted.contains(*key) {
            return Ok(());
        }
        // Deleting the object again is harmless.
        Err(Error::unexpected("the answer does not say whether the object was deleted").retryable(true))
    };
    Ok(keys.iter().map(outcome).collect())
}
