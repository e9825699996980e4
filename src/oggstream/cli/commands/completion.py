"""``completion``: a script with which a shell completes commands, options and the values of some options."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from ...errors import UsageError
from ..options import HIDDEN, OF_COMMANDS, OPTIONS, takes_value
from ..terminal.console import show

SHELLS = ("bash", "zsh", "fish")
_FILES = {"play", "decode", "inspect", "replay"}
"""Commands whose words are files."""
_PATHS = ("--save", "--output", "--history", "--network", "--report")
_VALUES = {"--format": ("auto", "opus", "pcm", "wav"), "--sink": ("device", "null", "wav:")}


def completion(args: Namespace) -> None:
    """Print the script for the shell ``args.shell``. Raises `UsageError` for another one."""
    scripts = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    if args.shell not in scripts:
        raise UsageError(f"there is no completion for {args.shell!r}: use {', '.join(SHELLS)}")
    show(scripts[args.shell]())


def _options(command: str) -> list[str]:
    hidden = HIDDEN.get(command, ())
    return [name for name in OF_COMMANDS[command] if name not in hidden] + ["--help"]


def _values(option: str) -> tuple[str, ...]:
    return tuple(map(str, OPTIONS[option].get("choices", _VALUES.get(option, ()))))


def _told() -> list[tuple[str, str]]:
    """The options whose values are known, and those."""
    return [(option, " ".join(values)) for option in OPTIONS if (values := _values(option))]


def _help(option: str) -> str:
    text = str(OPTIONS[option]["help"]) if option in OPTIONS else "show help"
    return "".join(sign for sign in text if sign not in "'[]\\:")


def _cases(entries: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"        {name}) {value} ;;" for name, value in entries)


def _bash() -> str:
    values = _cases((option, f'COMPREPLY=($(compgen -W "{words}" -- "$word")); return') for option, words in _told())
    paths = f'        {"|".join(_PATHS)}) COMPREPLY=($(compgen -f -- "$word")); return ;;'
    known = {*_PATHS, *(option for option, _ in _told())}
    others = "|".join(option for option in OPTIONS if takes_value(option) and option not in known)
    options = _cases((command, f'options="{" ".join(_options(command))}"') for command in OF_COMMANDS)
    files = "|".join(sorted(_FILES))
    return f"""\
# bash: eval "$(oggstream completion bash)"
_oggstream() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= options= at
    COMPREPLY=()
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${{COMP_WORDS[at]}} in -*) ;; *) command=${{COMP_WORDS[at]}}; break ;; esac
    done
    case $before in
{values}
{paths}
        {others}) return ;;
    esac
    case ${{command:-say}} in
{options}
    esac
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
    elif [[ -z $command ]]; then
        COMPREPLY=($(compgen -W "{" ".join(OF_COMMANDS)} help" -- "$word"))
    else
        case $command in {files}) COMPREPLY=($(compgen -f -- "$word")) ;; esac
    fi
}}
complete -o filenames -F _oggstream oggstream"""


def _zsh() -> str:
    cases = []
    for command in OF_COMMANDS:
        specs = " ".join(f"'{_zsh_option(option)}'" for option in _options(command))
        words = "'*:file:_files'" if command in _FILES else ""
        cases.append((command, f"_arguments {specs} {words}".rstrip()))
    return f"""\
#compdef oggstream
# zsh: source <(oggstream completion zsh)
_oggstream() {{
    local command=${{words[2]}}
    if (( CURRENT == 2 )) && [[ $command != -* ]]; then
        compadd {" ".join(OF_COMMANDS)} help
        return
    fi
    if [[ $command == -* ]]; then command=say; else shift words; (( CURRENT-- )); fi
    case $command in
{_cases(cases)}
    esac
}}
compdef _oggstream oggstream"""


def _zsh_option(option: str) -> str:
    if not takes_value(option):
        return f"{option}[{_help(option)}]"
    action = f"({' '.join(_values(option))})" if _values(option) else "_files" if option in _PATHS else " "
    return f"{option}=[{_help(option)}]:{option[2:]}:{action}".replace("wav:)", "wav\\:)")


def _fish() -> str:
    commands = " ".join(OF_COMMANDS)
    lines = [
        "# fish: oggstream completion fish | source",
        "complete -c oggstream -f",
        f"set -l commands {commands}",
        f"complete -c oggstream -n \"not __fish_seen_subcommand_from $commands\" -a '{commands} help'",
    ]
    for command in OF_COMMANDS:
        seen = f"__fish_seen_subcommand_from {command}"
        if command == "say":
            seen = f"not __fish_seen_subcommand_from {' '.join(name for name in OF_COMMANDS if name != 'say')}"
        if command in _FILES:
            lines.append(f"complete -c oggstream -n '{seen}' -F")
        lines += [f"complete -c oggstream -n '{seen}' {_fish_option(option)}" for option in _options(command)]
    return "\n".join(lines)


def _fish_option(option: str) -> str:
    value = ""
    if takes_value(option):
        value = f" -x -a '{' '.join(_values(option))}'" if option not in _PATHS else " -r -F"
    return f"-l {option[2:]}{value} -d '{_help(option)}'"
