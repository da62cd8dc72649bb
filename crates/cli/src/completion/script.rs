//! The scripts by which shells ask for completions.

/// The shells.
pub(crate) const SHELLS: [&str; 4] = ["bash", "fish", "powershell", "zsh"];

/// The script of a shell, for a program of that name; `describe` is whether it shows what the words mean. None where
/// the shell is not known or the name could mean something else in a script.
pub(crate) fn script(shell: &str, program: &str, describe: bool) -> Option<String> {
    let text = match shell {
        "bash" => BASH,
        "fish" => FISH,
        "powershell" => POWERSHELL,
        "zsh" => ZSH,
        _ => return None,
    };
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if program.is_empty() || !program.chars().all(is_plain) {
        return None;
    }
    let function: String =
        program.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    let request = if describe { "__complete" } else { "__completeNoDesc" };
    Some(text.replace("@PROGRAM@", program).replace("@FUNCTION@", &function).replace("@REQUEST@", request))
}

const BASH: &str = r#"# bash completion for @PROGRAM@
_@FUNCTION@_complete() {
    local words cword current lines directive line candidates=()
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n "=:" words cword
    else
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    fi
    current=${words[cword]}
    COMPREPLY=()
    mapfile -t lines < <("${words[0]}" __completeNoDesc "${words[@]:1:cword}" 2>/dev/null)
    directive=${lines[-1]#:}
    unset 'lines[-1]'
    case $directive in
        '' | *[!0-9]*) return ;;
    esac
    if ((directive & 16)); then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
    fi
    ((directive & 2)) && compopt -o nospace 2>/dev/null
    for line in "${lines[@]}"; do
        [[ $line == "$current"* ]] && candidates+=("$(printf '%q' "$line")")
    done
    COMPREPLY=("${candidates[@]}")
    if ((${#COMPREPLY[@]} == 0)) && ! ((directive & 4)); then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
    # What stands before a colon or an equals sign is a word of its own to bash.
    if [[ $current == *[:=]* && $COMP_WORDBREAKS == *[:=]* ]]; then
        local start=${current%"${current##*[:=]}"} at
        for at in "${!COMPREPLY[@]}"; do
            COMPREPLY[at]=${COMPREPLY[at]#"$start"}
        done
    fi
}
complete -F _@FUNCTION@_complete @PROGRAM@
"#;

const ZSH: &str = r#"#compdef @PROGRAM@
# zsh completion for @PROGRAM@
_@FUNCTION@() {
    local -a lines entries
    local directive line
    lines=("${(@f)$("${words[1]}" @REQUEST@ "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    directive=${lines[-1]#:}
    lines=("${(@)lines[1,-2]}")
    [[ $directive == <-> ]] || return 1
    if (( directive & 16 )); then
        _files -/
        return
    fi
    for line in "${lines[@]}"; do
        [[ -n $line ]] || continue
        line=${line//:/\\:}
        entries+=("${line/$'\t'/:}")
    done
    if (( ${#entries} )); then
        if (( directive & 2 )); then
            _describe -V @PROGRAM@ entries -S ''
        else
            _describe -V @PROGRAM@ entries
        fi
    elif ! (( directive & 4 )); then
        _files
    fi
}
if [[ $funcstack[1] == _@FUNCTION@ ]]; then
    _@FUNCTION@ "$@"
else
    compdef _@FUNCTION@ @PROGRAM@
fi
"#;

const FISH: &str = r#"# fish completion for @PROGRAM@
function __@FUNCTION@_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] @REQUEST@ $words[2..-1] 2>/dev/null)
    set -l directive (string replace ':' '' -- $lines[-1])
    string match -qr '^[0-9]+$' -- $directive; or return
    if test (math "bitand($directive, 16)") -ne 0
        __fish_complete_directories (commandline -ct)
    else if test (count $lines) -gt 1
        printf '%s\n' $lines[1..-2]
    else if test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path (commandline -ct)
    end
end
complete -c @PROGRAM@ -e
complete -c @PROGRAM@ -f -a '(__@FUNCTION@_complete)'
"#;

const POWERSHELL: &str = r#"# PowerShell completion for @PROGRAM@
Register-ArgumentCompleter -Native -CommandName '@PROGRAM@' -ScriptBlock {
    param($WordToComplete, $CommandAst, $CursorPosition)
    $Words = @($CommandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $CursorPosition } | ForEach-Object { $_.ToString() })
    $Program = $Words[0]
    $Arguments = @($Words | Select-Object -Skip 1)
    # Older versions drop an empty argument, and newer ones pass quotes on.
    $Empty = if ("$PSNativeCommandArgumentPassing" -in 'Standard', 'Windows') { '' } else { '""' }
    if ($WordToComplete -eq '') { $Arguments += $Empty }
    $Lines = @(& $Program '@REQUEST@' @Arguments 2>$null)
    if ($Lines.Count -lt 1) { return }
    $Directive = [int]($Lines[-1].TrimStart(':'))
    $Found = @($Lines | Select-Object -SkipLast 1)
    if ($Found.Count -eq 0) {
        # An empty answer keeps names of files away; none has the shell offer them.
        if (($Directive -band 4) -ne 0) { return '' }
        return
    }
    foreach ($Line in $Found) {
        $Name, $About = $Line.Split("`t", 2)
        if (-not $About) { $About = $Name }
        [System.Management.Automation.CompletionResult]::new($Name, $Name, 'ParameterValue', $About)
    }
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_s_name_is_no_script() {
        assert!(script("bash", "cove", true).unwrap().contains("complete -F _cove_complete cove\n"));
        assert!(script("zsh", "my-cove", true).unwrap().contains("compdef _my_cove my-cove"));
        assert!(script("zsh", "cove", false).unwrap().contains("__completeNoDesc"));
        let powershell = script("powershell", "cove", true).unwrap();
        assert!(powershell.contains("-CommandName 'cove'") && powershell.contains("& $Program '__complete'"));
        assert!(!powershell.contains("@PROGRAM@"));
        assert_eq!(script("bash", "a;rm -rf x", true), None);
        assert_eq!(script("tcsh", "cove", true), None);
    }
}
