"""The verbs by purpose, with their short help: enough to print `orc --help` without loading one of them."""

from collections.abc import Mapping

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Run": {
        "run": "Submit an experiment, follow it, and exit by its outcome.",
        "submit": "Submit an experiment and print its id.",
        "wait": "Wait until experiments, variants or iterations have ended.",
    },
    "Write": {
        "init": "Write an experiment to start from.",
        "check": "Say what is wrong with an experiment file, or what it would run.",
        "schema": "Print the JSON Schema of experiment files, for editors.",
    },
    "Look": {
        "ls": "List the experiments, newest first.",
        "show": "Show an experiment with its variants, a variant, or an iteration.",
        "watch": "Follow live progress.",
        "logs": "Show what evaluations printed.",
        "events": "Print what happened, as JSON lines.",
        "best": "Show the best variant.",
        "compare": "Compare variants side by side.",
        "why": "Show what was decided, and from what.",
        "report": "Report what an experiment came to and what it used.",
        "profile": "Measure how fast each way to run an experiment is.",
        "explain": "Say why something waits.",
        "export": "Write a row for every iteration, as CSV or JSON.",
    },
    "Tell": {
        "report-metric": "Tell how far an evaluation is, from the command that it runs.",
    },
    "Steer": {
        "pause": "Start nothing new of an experiment.",
        "resume": "Go on with a paused experiment.",
        "cancel": "Stop an experiment, a variant or an iteration for good.",
        "retry": "Run again what failed or was cancelled.",
        "rm": "Forget an experiment that has ended.",
    },
    "Share": {
        "locks": "List the named locks of this machine, and who holds them.",
        "lock": "Run a command while holding a named lock.",
    },
    "Daemon": {
        "status": "Show the daemon, its slots, its queue and its machine.",
        "daemon": "Run the daemon in the foreground.",
        "stop": "Stop the daemon, and return when its process is gone.",
        "completion": "Print the shell completion for bash, zsh or fish.",
    },
}

VERBS: Mapping[str, str] = {name: text for section in SECTIONS.values() for name, text in section.items()}

MEANT: Mapping[str, str] = {
    **dict.fromkeys(("ps", "list", "get", "experiments"), "ls"),
    **dict.fromkeys(("inspect", "describe", "cat"), "show"),
    **dict.fromkeys(("top", "follow"), "watch"),
    **dict.fromkeys(("kill", "abort"), "cancel"),
    **dict.fromkeys(("delete", "remove", "del", "clean"), "rm"),
    **dict.fromkeys(("add", "create", "apply", "enqueue"), "submit"),
    **dict.fromkeys(("start", "optimize"), "run"),
    **dict.fromkeys(("restart", "rerun"), "retry"),
    **dict.fromkeys(("unpause", "continue"), "resume"),
    **dict.fromkeys(("shutdown", "quit"), "stop"),
    **dict.fromkeys(("info", "ping"), "status"),
    **dict.fromkeys(("validate", "lint", "plan"), "check"),
    "help": "--help",
    "version": "--version",
}
"""What others call them, and people type first."""
