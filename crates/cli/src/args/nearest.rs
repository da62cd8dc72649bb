//! What somebody who mistyped a word may have meant.

/// Most words that are suggested.
const MOST: usize = 5;

/// The block that names the nearest of `known` to `typed`, with empty lines around it; nothing where none is near.
pub(crate) fn suggestion<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let words = nearest(typed, known);
    if words.is_empty() {
        return String::new();
    }
    let lines: String = words.iter().map(|word| format!("\t{word}\n")).collect();
    format!("\nDid you mean this?\n{lines}\n")
}

/// The nearest first: at most two letters wrong or in the wrong place, or the beginning of a word.
fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = typed.to_lowercase();
    let letters = typed.trim_start_matches('-').chars().count();
    // Of a short word two letters are nearly all.
    let allowed = if letters <= 3 { 1 } else { 2 };
    let length = typed.chars().count();
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        // So many letters differ at least; to compare a text of 70 kB takes its time.
        .filter(|word| word.chars().count().abs_diff(length) <= allowed || word.starts_with(&typed))
        .map(|word| (strsim::damerau_levenshtein(&typed, word), word))
        .filter(|(distance, word)| *distance <= allowed || (letters >= 2 && word.starts_with(&typed)))
        .collect();
    found.sort();
    found.dedup();
    found.truncate(MOST);
    found.into_iter().map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words() {
        let commands = ["pull", "push", "ps", "run", "rm", "rmi", "rename", "inspect", "images"];
        for (typed, expect) in [
            ("pulll", vec!["pull"]),
            ("rnu", vec!["run"]),
            ("RUN", vec!["run"]),
            ("rn", vec!["rm", "run"]),
            ("image", vec!["images"]),
            ("isnpect", vec!["inspect"]),
            ("ren", vec!["run", "rename"]),
            ("zzzz", vec![]),
            ("", vec![]),
            ("--zz", vec![]),
        ] {
            assert_eq!(nearest(typed, commands), expect, "{typed}");
        }
        assert_eq!(nearest("--interactve", ["--interactive", "--init"]), ["--interactive"]);
        assert_eq!(suggestion("pulll", ["pull"]), "\nDid you mean this?\n\tpull\n\n");
        assert_eq!(suggestion("x", ["pull"]), "");
    }
}
