//! Bodies and parameters, read strictly: what is not known is refused, not overlooked.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, FromRequestParts, Query, Request, rejection::JsonRejection};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::problem::Problem;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(error)) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "wrong-body",
                "Not in order",
                format!(
                    "The body does not have the form that the API's description says: {}",
                    source(&error)
                ),
            )),
            Err(JsonRejection::JsonSyntaxError(error)) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "not-json",
                "Not JSON",
                format!("The body is not JSON: {}", source(&error)),
            )),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "Not JSON",
                "Send the body as application/json.",
            )),
            Err(other) if other.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "Too large",
                format!("The body is larger than {} bytes.", crate::BODY_MAX_BYTES),
            )),
            Err(_) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "body-incomplete",
                "Incomplete",
                "The body could not be read to its end.",
            )),
        }
    }
}

/// The innermost reason, which names the field.
fn source(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Parameters behind the `?`. One that is given several times is read as a list with commas.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let refused = |why: String| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "wrong-parameter",
                "Not in order",
                format!(
                    "A parameter is unknown or does not have the form that the API's description says: {why}"
                ),
            )
        };
        let query = parts.uri.query().unwrap_or_default();
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            values
                .entry(name.into_owned())
                .and_modify(|known| {
                    known.push(',');
                    known.push_str(&value);
                })
                .or_insert_with(|| value.into_owned());
        }
        let joined = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&values).finish();
        let uri: Uri = format!("/?{joined}").parse().map_err(|_| refused("it is too long".to_owned()))?;
        match Query::<T>::try_from_uri(&uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => Err(refused(source(&error))),
        }
    }
}

/// A field that may be left out (leave it as it is) or be `null` (take it away).
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
