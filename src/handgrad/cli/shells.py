"""The scripts that ask handgrad for completions (`completion`), and where each shell finds its own."""

import os
from dataclasses import dataclass
from pathlib import Path

from handgrad.errors import InputError
from handgrad.files import write_whole
from handgrad.names import lookup

BASH = r"""
_handgrad_completion() {
    local IFS=$'\n'
    COMPREPLY=($(_HANDGRAD_COMPLETE=bash _HANDGRAD_LINE="${COMP_LINE:0:COMP_POINT}" \
        _HANDGRAD_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null))
    if [[ ${#COMPREPLY[@]} -gt 0 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o default -F _handgrad_completion handgrad
"""

ZSH = r"""
#compdef handgrad
_handgrad() {
    local line
    local -a plain open plain_text open_text
    for line in "${(@f)$(_HANDGRAD_COMPLETE=zsh _HANDGRAD_WORDS="${(pj:\n:)words[1,CURRENT-1]}" \
        _HANDGRAD_WORD="${words[CURRENT]}" "${words[1]}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        local value=${line%%$'\t'*} about=${line#*$'\t'}
        if [[ $value == *[=/] ]]; then
            open+=("$value")
            open_text+=("$value${about:+  $about}")
        else
            plain+=("$value")
            plain_text+=("$value${about:+  $about}")
        fi
    done
    (( ${#plain} + ${#open} )) || { _files; return }
    (( ${#plain} )) && compadd -l -d plain_text -a plain
    (( ${#open} )) && compadd -l -S '' -d open_text -a open
    return 0
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _handgrad handgrad
"""

FISH = r"""
function __handgrad_complete
    set -l word (commandline -ct)
    set -lx _HANDGRAD_COMPLETE fish
    set -lx _HANDGRAD_WORDS (commandline -opc | string collect)
    set -lx _HANDGRAD_WORD "$word"
    set -l found (handgrad 2>/dev/null)
    if test (count $found) -gt 0
        string join \n -- $found
    else
        __fish_complete_path "$word"
    end
end
complete --command handgrad --no-files --arguments '(__handgrad_complete)'
"""


@dataclass(frozen=True)
class Shell:
    """script: what the shell executes;  file: where it is kept, below the home folder;  starts: the file that a new
    shell reads, which then has a line that reads the script; empty where the shell finds it by itself."""

    script: str
    file: str
    starts: str = ""


SHELLS = {
    "bash": Shell(BASH, ".local/share/handgrad/completion.bash", ".bashrc"),
    "zsh": Shell(ZSH, ".local/share/handgrad/completion.zsh", ".zshrc"),
    "fish": Shell(FISH, ".config/fish/completions/handgrad.fish"),
}


def script(shell: str) -> str:
    """The script of a shell.  Raises InputError where there is none."""
    return lookup(SHELLS, shell, "shell").script.strip() + "\n"


def install(shell: str) -> str:
    """Write the script of a shell where it finds it -> what was done, in a sentence.  Raises InputError."""
    found, home = lookup(SHELLS, shell, "shell"), Path.home()
    path, starts = home / found.file, home / found.starts
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, script(shell).encode())
        line = f'source "$HOME/{found.file}"  # completion of handgrad'
        if found.starts and line not in (starts.read_text("utf-8") if starts.exists() else ""):
            with starts.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")
    except (OSError, UnicodeDecodeError) as error:
        where = os.fsdecode(getattr(error, "filename", None) or starts)
        raise InputError(
            f"{where}: cannot be written ({getattr(error, 'strerror', None) or error}); print the script with "
            f"--show-completion {shell} and put it where {shell} reads it"
        ) from None
    named = f", and a line in {starts} that reads it" if found.starts else ""
    return f"{shell}: wrote {path}{named}. A new shell completes handgrad."
