//! Prints a token: `TOKEN_SECRET=... cargo run --example mint-token -- SUBJECT SECONDS`.

use std::time::{Duration, SystemTime};

use streaming_worker::access::{MIN_SECRET, Subject, Tokens};
use streaming_worker::keys::CreatorId;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(subject), Some(seconds)) = (arguments.next(), arguments.next()) else {
        return Err("say for whom and for how many seconds: mint-token SUBJECT SECONDS".into());
    };
    let secret = std::env::var("TOKEN_SECRET").map_err(|_| "TOKEN_SECRET is not set")?;
    let tokens =
        Tokens::new(&secret).ok_or(format!("TOKEN_SECRET needs {MIN_SECRET} characters at least"))?;
    let expires = SystemTime::now() + Duration::from_secs(seconds.parse()?);
    println!("{}", tokens.mint(&Subject::from(CreatorId::new(subject)?), expires));
    Ok(())
}
