//! The expected signed HLS playlist, byte for byte.

use cloudflare_clients::r2::R2SigningClient;

use super::expectation::Expectation;
use super::url_of;

/// Where the signed playlist differs from the one that the expectation makes of the original.
pub(super) fn problems(
    original: &str,
    signed: &str,
    expected: &Expectation,
    client: &R2SigningClient,
) -> Vec<String> {
    let lines: Vec<_> = original.split_inclusive('\n').collect();
    // The expected form of each line, and how much of it is known.
    let mut becomes: Vec<_> = lines.iter().map(|line| (Some((*line).to_owned()), 0)).collect();
    for line in &expected.lines {
        let (what, rest) = line.split_once(' ').unwrap();
        match what {
            "line" => {
                let (number, rest) = rest.split_once(' ').unwrap();
                let (reference, target) = rest.rsplit_once(" -> ").unwrap();
                let (text, settled) = &mut becomes[number.parse::<usize>().unwrap() - 1];
                let text = text.as_mut().unwrap();
                let at = *settled + text[*settled..].find(reference).unwrap_or_else(|| panic!("{line}"));
                let target = match target.split_once(' ') {
                    None if target == "stays" => reference.to_owned(),
                    Some(("presigned", key)) => url_of(client, key),
                    Some(("child", key)) => format!("/play/{key}"),
                    _ => panic!("{line}"),
                };
                text.replace_range(at..at + reference.len(), &target);
                *settled = at + target.len();
            }
            "becomes" => {
                let (number, text) = rest.split_once(' ').unwrap();
                becomes[number.parse::<usize>().unwrap() - 1].0 = Some(format!("{text}\n"));
            }
            "gone" => {
                let (first, last) = rest.split_once('-').unwrap_or((rest, rest));
                for number in first.parse::<usize>().unwrap()..=last.parse().unwrap() {
                    becomes[number - 1].0 = None;
                }
            }
            _ => panic!("{line}"),
        }
    }
    let becomes: String = becomes.into_iter().filter_map(|(line, _)| line).collect();
    differences(&becomes, signed)
}

fn differences(expected: &str, signed: &str) -> Vec<String> {
    let (expected, signed): (Vec<_>, Vec<_>) =
        (expected.split_inclusive('\n').collect(), signed.split_inclusive('\n').collect());
    let count = expected.len().max(signed.len());
    let line = |lines: &[&str], at: usize| lines.get(at).map_or("nothing".to_owned(), |line| short(line));
    (0..count)
        .filter(|at| expected.get(*at) != signed.get(*at))
        .map(|at| {
            let (expected, signed) = (line(&expected, at), line(&signed, at));
            format!("line {} was expected to be\n    {expected}\n  and is\n    {signed}", at + 1)
        })
        .collect()
}

/// A line without the signatures of its URLs.
fn short(line: &str) -> String {
    let end = line.find("?X-Amz-").unwrap_or(line.len());
    let rest = line[end..].find('"').map_or("", |quote| &line[end + quote..]);
    format!("{:?}", format!("{}{rest}", &line[..end]))
}
