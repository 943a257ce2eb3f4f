//! Texts with `{variables}`: their grammar, apart from what the variables mean.
//!
//! `{name}` is a variable, `{{` and `}}` are literal braces, `\n` is a line feed and `\\` a backslash (so that both
//! quotings of TOML can be used).

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text that stands for itself.
    Text(String),
    /// What stood between braces.
    Variable(String),
}

/// Reads a template.
pub(super) fn parse(template: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut letters = template.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('{', Some('{')) | ('}', Some('}')) | ('\\', Some('\\')) => {
                text.push(letter);
                letters.next();
            }
            ('\\', Some('n')) => {
                text.push('\n');
                letters.next();
            }
            ('{', _) => {
                let name = variable(&mut letters)
                    .ok_or_else(|| "a variable is written `{name}`; a literal brace is doubled".to_owned())?;
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Variable(name));
            }
            ('}', _) => {
                return Err("a `}` without `{`; a literal brace is doubled".to_owned());
            }
            _ => text.push(letter),
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// The name up to the closing brace.
fn variable(letters: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut name = String::new();
    loop {
        match letters.next()? {
            '}' => return Some(name).filter(|name| !name.is_empty()),
            letter => name.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(template: &str) -> Result<String, String> {
        let show = |piece| match piece {
            Piece::Text(text) => format!("'{text}'"),
            Piece::Variable(name) => format!("<{name}>"),
        };
        parse(template).map(|pieces| pieces.into_iter().map(show).collect())
    }

    #[test]
    fn grammar() {
        let cases = [
            ("{timestamp}.{body}", "<timestamp>'.'<body>"),
            ("{{x}}{body}", "'{x}'<body>"),
            ("{method}\\n{json:/a}", "<method>'\n'<json:/a>"),
            ("a\\\\nb", "'a\\nb'"),
            ("", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(shown(template).unwrap(), expected, "{template}");
        }
        for bad in ["{body", "{}", "a}b", "{body}}", "{a}{body"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
