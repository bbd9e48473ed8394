//! Patterns of paths: `*` is anything but a slash, `?` one character but a slash, `[a-z]` one of several (`[!a-z]` one of the others),
//! `{a,b}` either, and `**` alone between slashes any number of folders, none included. A backslash takes the meaning of what follows it.

/// A part of a path between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Any number of folders.
    Deep,
    /// This name.
    Name(String),
    Pattern(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Char(char),
    One,
    Many,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// More alternatives than this are a mistake, or an attack; so are more characters in all of them.
const MOST_ALTERNATIVES: usize = 1024;
const MOST_CHARS: usize = 64 << 10;

/// A pattern of paths.
#[derive(Clone, Debug)]
pub struct Glob {
    pub(crate) alternatives: Vec<Vec<Segment>>,
}

/// Whether a path has characters that mean something in a pattern.
#[must_use]
pub fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let mut alternatives = vec![pattern.chars().collect::<Vec<char>>()];
        let mut at = 0;
        while at < alternatives.len() {
            if alternatives.len() > MOST_ALTERNATIVES {
                return Err(format!("it stands for more than {MOST_ALTERNATIVES} patterns"));
            }
            if alternatives.iter().map(Vec::len).sum::<usize>() > MOST_CHARS {
                return Err(format!("the patterns that it stands for have more than {MOST_CHARS} characters"));
            }
            match brace(&alternatives[at])? {
                None => at += 1,
                Some(expanded) => drop(alternatives.splice(at..=at, expanded)),
            }
        }
        let alternatives = alternatives.iter().map(|chars| segments(chars)).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }

    /// Whether a path below where the pattern begins is one of those that it means. A wildcard does not stand for a dot at the beginning of a name.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        self.alternatives.iter().any(|segments| matches_all(segments, &names))
    }

    /// What every path that matches begins with.
    #[must_use]
    pub fn literal_prefix(&self) -> String {
        let mut common: Option<String> = None;
        for segments in &self.alternatives {
            let mut prefix = String::new();
            for (index, segment) in segments.iter().enumerate() {
                match segment {
                    Segment::Name(name) => {
                        prefix.push_str(name);
                        if index + 1 < segments.len() {
                            prefix.push('/');
                        }
                    }
                    Segment::Pattern(tokens) => {
                        prefix.extend(tokens.iter().map_while(|token| match token {
                            Token::Char(char) => Some(*char),
                            _ => None,
                        }));
                        break;
                    }
                    Segment::Deep => break,
                }
            }
            common = Some(match common {
                None => prefix,
                Some(other) => {
                    let same = other.chars().zip(prefix.chars()).take_while(|(a, b)| a == b);
                    same.map(|(a, _)| a).collect()
                }
            });
        }
        common.unwrap_or_default()
    }
}

/// What the first pair of braces stands for; None without one.
fn brace(chars: &[char]) -> Result<Option<Vec<Vec<char>>>, String> {
    let mut open = None;
    let mut depth = 0;
    let mut commas = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 1,
            '[' => at = class_end(chars, at)?,
            '{' => {
                depth += 1;
                open.get_or_insert(at);
            }
            ',' if depth == 1 => commas.push(at),
            '}' if depth == 1 => {
                let start = open.unwrap_or(at);
                let bounds: Vec<usize> = [start].into_iter().chain(commas).chain([at]).collect();
                let (before, behind) = (&chars[..start], &chars[at + 1..]);
                let each = bounds.windows(2).map(|pair| [before, &chars[pair[0] + 1..pair[1]], behind].concat());
                return Ok(Some(each.collect()));
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    if depth > 0 { Err("a brace is not closed".to_owned()) } else { Ok(None) }
}

/// Where the class that opens at `at` closes.
fn class_end(chars: &[char], at: usize) -> Result<usize, String> {
    let mut end = at + 1;
    if matches!(chars.get(end), Some('!' | '^')) {
        end += 1;
    }
    // A bracket right at the beginning is one of the class.
    if chars.get(end) == Some(&']') {
        end += 1;
    }
    loop {
        match chars.get(end) {
            None => return Err("a bracket is not closed".to_owned()),
            Some(']') => return Ok(end),
            Some('\\') => end += 2,
            Some(_) => end += 1,
        }
    }
}

fn segments(chars: &[char]) -> Result<Vec<Segment>, String> {
    let mut parsed = Vec::new();
    let mut tokens = Vec::new();
    let mut is_plain = true;
    let mut at = 0;
    let mut finish = |tokens: &mut Vec<Token>, is_plain: &mut bool| {
        let tokens = std::mem::take(tokens);
        let segment = if *is_plain {
            Segment::Name(tokens.iter().map(|token| if let Token::Char(char) = token { *char } else { '*' }).collect())
        } else if tokens == [Token::Many, Token::Many] {
            Segment::Deep
        } else {
            Segment::Pattern(tokens)
        };
        *is_plain = true;
        // More of them mean the same.
        if segment != Segment::Deep || parsed.last() != Some(&Segment::Deep) {
            parsed.push(segment);
        }
    };
    while at < chars.len() {
        match chars[at] {
            '/' => finish(&mut tokens, &mut is_plain),
            '*' => {
                tokens.push(Token::Many);
                is_plain = false;
            }
            '?' => {
                tokens.push(Token::One);
                is_plain = false;
            }
            '[' => {
                let end = class_end(chars, at)?;
                tokens.push(class(&chars[at + 1..end])?);
                is_plain = false;
                at = end;
            }
            '\\' => {
                at += 1;
                tokens.push(Token::Char(*chars.get(at).ok_or("nothing follows a backslash")?));
            }
            char => tokens.push(Token::Char(char)),
        }
        at += 1;
    }
    finish(&mut tokens, &mut is_plain);
    Ok(parsed)
}

fn class(chars: &[char]) -> Result<Token, String> {
    let negated = matches!(chars.first(), Some('!' | '^'));
    let mut rest = &chars[usize::from(negated)..];
    let mut ranges = Vec::new();
    let next = |rest: &mut &[char]| -> Option<char> {
        let (&first, more) = rest.split_first()?;
        *rest = more;
        if first == '\\' {
            let (&escaped, more) = rest.split_first()?;
            *rest = more;
            return Some(escaped);
        }
        Some(first)
    };
    while let Some(from) = next(&mut rest) {
        let mut to = from;
        if let ['-', behind @ ..] = rest
            && !behind.is_empty()
        {
            rest = behind;
            to = next(&mut rest).ok_or("nothing follows a backslash")?;
            if to < from {
                return Err(format!("the range {from}-{to} is empty"));
            }
        }
        ranges.push((from, to));
    }
    if ranges.is_empty() { Err("a pair of brackets is empty".to_owned()) } else { Ok(Token::Class { negated, ranges }) }
}

/// Which of the names the segments before have taken is all that counts: each segment is asked of each name once, however many `**` there are.
fn matches_all(segments: &[Segment], names: &[&str]) -> bool {
    // Whether the segments so far can have taken as many names.
    let mut taken = vec![false; names.len() + 1];
    taken[0] = true;
    for (index, segment) in segments.iter().enumerate() {
        let mut next = vec![false; names.len() + 1];
        for (at, name) in names.iter().enumerate() {
            next[at + 1] = match segment {
                Segment::Deep => (taken[at] || next[at]) && !name.starts_with('.'),
                _ => taken[at] && segment.means(name),
            };
        }
        // At its end it stands for a file at any depth, elsewhere for folders, none included.
        if *segment == Segment::Deep && index + 1 < segments.len() {
            next.iter_mut().zip(&taken).for_each(|(next, &taken)| *next |= taken);
        }
        if !next.contains(&true) {
            return false;
        }
        taken = next;
    }
    taken[names.len()]
}

impl Segment {
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Segment::Deep => true,
            Segment::Name(own) => own == name,
            Segment::Pattern(tokens) => matches_name(tokens, name),
        }
    }

    /// Whether it matches the name, whose dot at its beginning no wildcard stands for.
    pub fn means(&self, name: &str) -> bool {
        self.matches(name) && (!name.starts_with('.') || self.says_dot())
    }

    /// Whether it is this very name, however it was written.
    pub fn is_name(&self, name: &str) -> bool {
        matches!(self, Segment::Name(own) if own == name)
    }

    /// Whether it is meant to match names that begin with a dot.
    fn says_dot(&self) -> bool {
        match self {
            Segment::Deep => false,
            Segment::Name(_) => true,
            Segment::Pattern(tokens) => tokens.first() == Some(&Token::Char('.')),
        }
    }
}

/// The last `*` takes one character more wherever what follows it does not match: no other needs to be tried again.
fn matches_name(tokens: &[Token], name: &str) -> bool {
    let chars: Vec<char> = name.chars().collect();
    let (mut token, mut at) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while at < chars.len() {
        let is_one = match tokens.get(token) {
            Some(Token::Many) => {
                again = Some((token, at));
                token += 1;
                continue;
            }
            Some(Token::One) => true,
            Some(Token::Char(char)) => *char == chars[at],
            Some(Token::Class { negated, ranges }) => {
                ranges.iter().any(|&(from, to)| (from..=to).contains(&chars[at])) != *negated
            }
            None => false,
        };
        if is_one {
            (token, at) = (token + 1, at + 1);
        } else if let Some((many, from)) = again {
            again = Some((many, from + 1));
            (token, at) = (many + 1, from + 1);
        } else {
            return false;
        }
    }
    tokens[token..].iter().all(|token| *token == Token::Many)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::new(pattern).expect("it is a pattern").matches(path)
    }

    #[test]
    fn means_what_shells_mean() {
        for (pattern, yes, no) in [
            ("*.csv", &["a.csv", "é.csv"][..], &["a.csv.gz", "b/a.csv", "acsv", ".csv"][..]),
            (".*.csv", &[".a.csv"], &["a.csv"]),
            ("**/a", &["a", "x/a"], &[".x/a", "x/.y/a"]),
            ("a?c", &["abc", "aéc"], &["ac", "abbc", "a/c"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "-x", "x"]),
            ("[!a-c]x", &["dx"], &["ax", "x"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("{a,b}.csv", &["a.csv", "b.csv"], &["c.csv", "{a,b}.csv"]),
            ("{a,b{1,2}}", &["a", "b1", "b2"], &["b", "b3"]),
            ("{2024,2025}/{x,y}", &["2024/x", "2025/y"], &["2024/z"]),
            ("**/*.csv", &["a.csv", "x/a.csv", "x/y/a.csv"], &["a.txt", "x/a.txt"]),
            ("year=*/**/*.csv", &["year=1/a.csv", "year=1/m/a.csv"], &["a.csv", "x/year=1/a.csv"]),
            ("x/**", &["x/a", "x/y/a"], &["y/a", "xa", "x"]),
            ("**/x/**/y", &["x/y", "a/x/y", "x/a/b/y", "x/x/y"], &["x", "y", "x/.a/y", "x/y/z"]),
            ("a**b", &["ab", "axb"], &["a/b"]),
            ("\\*", &["*"], &["a"]),
            ("[\\]]", &["]"], &["\\"]),
            ("[,]{a,b}", &[",a", ",b"], &["a"]),
            ("*a*b*c", &["abc", "xaybzc", "aabbcc"], &["ab", "acb"]),
        ] {
            for path in yes {
                assert!(matches(pattern, path), "{pattern} means {path}");
            }
            for path in no {
                assert!(!matches(pattern, path), "{pattern} does not mean {path}");
            }
        }
        for broken in ["[a", "{a,b", "a\\", "[b-a]", "[!]"] {
            assert!(Glob::new(broken).is_err(), "{broken}");
        }
        assert!(Glob::new(&"{a,b}".repeat(20)).is_err());
        assert!(Glob::new(&"{a}".repeat(MOST_CHARS)).is_err());
    }

    #[test]
    fn any_number_of_deep_parts_takes_no_longer() {
        let path = format!("{}z", "x/".repeat(400));
        let pattern = "**/x/".repeat(200);
        let started = std::time::Instant::now();
        assert!(matches(&format!("{pattern}z"), &path));
        assert!(!matches(&format!("{pattern}y"), &path));
        assert!(started.elapsed() < std::time::Duration::from_secs(5));
    }

    #[test]
    fn knows_what_comes_first() {
        let prefix = |pattern: &str| Glob::new(pattern).expect("it is a pattern").literal_prefix();
        assert_eq!(prefix("a/b/c*.csv"), "a/b/c");
        assert_eq!(prefix("a/{x1,x2}/*"), "a/x");
        assert_eq!(prefix("**/*.csv"), "");
        assert_eq!(prefix("a/b.csv"), "a/b.csv");
    }

    /// Obvious and slow.
    fn naive(tokens: &[Token], name: &[char]) -> bool {
        match tokens.split_first() {
            None => name.is_empty(),
            Some((Token::Many, rest)) => (0..=name.len()).any(|taken| naive(rest, &name[taken..])),
            Some((Token::One, rest)) => !name.is_empty() && naive(rest, &name[1..]),
            Some((Token::Char(char), rest)) => name.first() == Some(char) && naive(rest, &name[1..]),
            Some((Token::Class { .. }, _)) => unreachable!("none is made"),
        }
    }

    fn naive_all(segments: &[Segment], names: &[&str]) -> bool {
        match (segments, names) {
            ([], _) => names.is_empty(),
            ([Segment::Deep], _) => !names.is_empty() && names.iter().all(|name| !name.starts_with('.')),
            ([Segment::Deep, rest @ ..], _) => {
                naive_all(rest, names)
                    || names
                        .split_first()
                        .is_some_and(|(name, more)| !name.starts_with('.') && naive_all(segments, more))
            }
            ([segment, rest @ ..], [name, more @ ..]) => segment.means(name) && naive_all(rest, more),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn equals_naive(pattern in "[ab*?]{0,7}", name in "[ab]{0,9}") {
            let tokens: Vec<Token> = pattern.chars().map(|char| match char {
                '*' => Token::Many,
                '?' => Token::One,
                char => Token::Char(char),
            }).collect();
            prop_assert_eq!(matches_name(&tokens, &name), naive(&tokens, &name.chars().collect::<Vec<_>>()));
        }

        #[test]
        fn paths_equal_naive(pattern in "(\\*\\*|a|b|\\*|\\.\\*)(/(\\*\\*|a|b|\\*)){0,5}", path in "\\.?[ab](/\\.?[ab]){0,6}") {
            let glob = Glob::new(&pattern).expect("it is a pattern");
            let names: Vec<&str> = path.split('/').collect();
            prop_assert_eq!(glob.matches(&path), naive_all(&glob.alternatives[0], &names));
        }

        #[test]
        fn never_panics(pattern in "[a-c*?/\\[\\]{},!^\\\\-]{0,20}", path in "[a-c/]{0,10}") {
            if let Ok(glob) = Glob::new(&pattern)
                && glob.matches(&path)
            {
                prop_assert!(path.starts_with(&glob.literal_prefix()));
            }
        }
    }
}
