//! Asking the server whether everything is there.
use super::Expected;
use crate::exit::CliError;
pub(crate) struct Verifier;
impl Verifier {
    pub(crate) async fn begin(
        _api: &str,
        _token: &str,
        _source: &str,
        _expected: &Expected,
    ) -> Result<Self, CliError> {
        Ok(Self)
    }
    pub(crate) async fn end(self, _expected: &Expected) -> Result<Vec<String>, CliError> {
        Ok(Vec::new())
    }
}
