//! `$skiptoken`: the place where the next page begins, signed together with the question, so that it fits no other
//! question and nobody can make one up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaperone_app::lists::Bound;
use chaperone_app::secrets::Keys;
use serde_json::Value as Json;

use super::refusal::Refusal;

/// Longest token, in bytes.
const TOKEN_MAX_BYTES: usize = 2_048;

/// A token for this place in the answer to this question.
pub(crate) fn token(keys: &Keys, question: &str, place: &[Bound]) -> String {
    let place = Json::from_iter(place.iter().map(|bound| match bound {
        Bound::Number(number) => Json::from(*number),
        Bound::Text(text) => Json::from(text.as_str()),
        Bound::Flag(flag) => Json::from(*flag),
        Bound::Id(id) => Json::from(vec![id.to_string()]),
    }))
    .to_string();
    let signature = keys.sign_continuation(&signed(question, &place));
    format!("{}.{}", URL_SAFE_NO_PAD.encode(place), URL_SAFE_NO_PAD.encode(signature))
}

/// The place that a token names, if it is one of this question.
pub(crate) fn place(keys: &Keys, question: &str, token: &str) -> Result<Vec<Bound>, Refusal> {
    read(keys, question, token).ok_or_else(|| {
        Refusal::query("The $skiptoken is not one of this query: follow the @odata.nextLink unchanged.")
    })
}

fn read(keys: &Keys, question: &str, token: &str) -> Option<Vec<Bound>> {
    if token.len() > TOKEN_MAX_BYTES {
        return None;
    }
    let (place, signature) = token.split_once('.')?;
    let place = String::from_utf8(URL_SAFE_NO_PAD.decode(place).ok()?).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if !keys.continuation_fits(&signed(question, &place), &signature) {
        return None;
    }
    let Json::Array(bounds) = serde_json::from_str(&place).ok()? else { return None };
    bounds
        .into_iter()
        .map(|bound| match bound {
            Json::Number(number) => number.as_i64().map(Bound::Number),
            Json::String(text) => Some(Bound::Text(text)),
            Json::Bool(flag) => Some(Bound::Flag(flag)),
            Json::Array(id) => id.first()?.as_str()?.parse().ok().map(Bound::Id),
            _ => None,
        })
        .collect()
}

/// What is signed: the question, its length, and the place.
fn signed(question: &str, place: &str) -> Vec<u8> {
    format!("{}\n{question}{place}", question.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_its_own_question_and_no_other_and_cannot_be_changed() {
        let keys = Keys::derive(&[7; 32]).expect("keys");
        let place_given =
            vec![Bound::Number(-7), Bound::Id(uuid::Uuid::from_u128(9)), Bound::Text("ä".to_owned())];
        let token = token(&keys, "audits", &place_given);
        assert_eq!(place(&keys, "audits", &token).expect("fits"), place_given);
        assert!(place(&keys, "audits where action eq 64", &token).is_err());
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            // The last character of each part has bits that say nothing; they must be zero.
            assert!(place(&keys, "audits", &forged).is_err(), "{at}");
        }
        for bad in ["", ".", "x", "x.y", &"A".repeat(10_000)] {
            assert!(place(&keys, "audits", bad).is_err(), "{bad}");
        }
        let other = Keys::derive(&[8; 32]).expect("keys");
        assert!(place(&other, "audits", &token).is_err());
    }
}
