//! Text in the macros of man(7).

/// The day of the last change to what the pages say, in place of the day of the build: the same
/// source gives the same pages.
const DATE: &str = "2026-11-20";

/// Bytes in a line of the source, about; escapes come on top.
const WIDTH: usize = 76;

/// A manual page in the making.
pub(super) struct Page {
    text: String,
    bold: bool,
}

impl Page {
    /// A page with this name.
    pub(super) fn new(name: &str) -> Page {
        let title = escaped(&name.to_uppercase());
        let version = env!("CARGO_PKG_VERSION");
        Page {
            text: format!(".TH \"{title}\" 1 {DATE} \"creel {version}\" \"creel manual\"\n"),
            bold: false,
        }
    }

    /// The finished page.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Begins a section.
    pub(super) fn section(&mut self, title: &str) {
        self.line(&format!(".SH \"{}\"", escaped(title)));
    }

    /// Begins a part of a section.
    pub(super) fn subsection(&mut self, title: &str) {
        self.line(&format!(".SS \"{}\"", escaped(title)));
    }

    /// A paragraph; words in backticks become bold.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.line(".PP");
        self.text(text);
    }

    /// Text that goes on where the last one ended: lines of the source are short, and a sentence
    /// begins a new one.
    pub(super) fn text(&mut self, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            let ended = line.ends_with(['.', ':']) && word.starts_with(char::is_uppercase);
            if !line.is_empty() && (ended || line.len() + 1 + word.len() > WIDTH) {
                self.marked(&std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.marked(&line);
    }

    /// A term and what it means.
    pub(super) fn item(&mut self, term: &str, text: &str) {
        self.described(&format!("`{term}`"), text);
    }

    /// A term in bold with what follows it on its line, and what it means.
    pub(super) fn described(&mut self, term: &str, text: &str) {
        self.line(".TP");
        self.marked(term);
        self.text(text);
    }

    /// What is added stands further to the right until [`Page::outdent`].
    pub(super) fn indent(&mut self) {
        self.line(".RS");
    }

    /// Ends what [`Page::indent`] began.
    pub(super) fn outdent(&mut self) {
        self.line(".RE");
    }

    /// Lines that keep their form.
    pub(super) fn verbatim<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        self.line(".RS 4");
        self.line(".nf");
        for line in lines {
            self.line(&protected(&escaped(line)));
        }
        self.line(".fi");
        self.line(".RE");
    }

    /// A line in which words between backticks are bold, also where they began on the line before.
    fn marked(&mut self, text: &str) {
        let mut out = String::new();
        for (i, part) in text.split('`').enumerate() {
            if i > 0 {
                self.bold = !self.bold;
                out.push_str(if self.bold { "\\fB" } else { "\\fR" });
            }
            out.push_str(&escaped(part));
        }
        self.line(&protected(&out));
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// A line that begins with a dot or a quote would be taken for a macro.
fn protected(line: &str) -> String {
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line.to_owned()
    }
}

/// Characters that a terminal would show as others, or that mean something to the formatter.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            '"' => out.push_str("\\(dq"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_it_was_written() {
        let mut page = Page::new("creel-x");
        page.section("EXIT STATUS");
        page.paragraph(".start with `--json` and it's done");
        page.verbatim(["printf 'put\\ta\\n' | x"]);
        let text = page.into_text();
        for line in [
            ".SH \"EXIT STATUS\"",
            "\\&.start with \\fB\\-\\-json\\fR and it\\(aqs done",
            "printf \\(aqput\\eta\\en\\(aq | x",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in:\n{text}");
        }
    }
}
