//! A command with its options in one text, taken apart as a shell would.

/// The words of `text`. Blanks separate them; quotes and backslashes mean what they do in a shell, and
/// nothing else does: no variables, no patterns.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    let open = |quote: char| format!("{text:?} has no closing {quote}");
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(|| open(c))? {
                        end if end == c => break,
                        // In these quotes it protects itself and the quote; elsewhere it is a backslash.
                        '\\' if c == '"' => match chars.next().ok_or_else(|| open(c))? {
                            plain @ ('"' | '\\') => word.push(plain),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            '\\' => {
                let protected = chars.next();
                let nothing = || format!("{text:?} ends with a backslash");
                word.get_or_insert_default()
                    .push(protected.ok_or_else(nothing)?);
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_those_of_a_shell() {
        for text in [
            "",
            "ssh",
            "  ssh  -p 2222\t-v ",
            "ssh -i '/my keys/id' -o \"ProxyCommand=nc '%h' %p\"",
            r#"a'b'"c"\ d '' "" \"#.trim_end_matches('\\'),
            r#"'a\b' "a\b" "a\"b\\" a\b\'"#,
        ] {
            let script = format!("for word in {text}; do printf '%s\\n' \"$word\"; done");
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .output();
            let output = output.unwrap();
            assert!(output.status.success(), "{script}: {output:?}");
            let wanted = String::from_utf8(output.stdout).unwrap();
            let wanted: Vec<&str> = wanted.lines().collect();
            assert_eq!(split(text).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for text in ["ssh -i 'key", "ssh \"", "ssh \\", "\"a\\\""] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
