"""Commands are completed in a real bash that somebody types in, as it was installed."""

from __future__ import annotations

import os

import pexpect

from conftest import Cli

PROMPT = "READY> "
READING = ("show-all-if-ambiguous on", "enable-bracketed-paste off", "bell-style none")
TYPED = {
    "ripieno runs wa\t": ["ripieno runs watch "],
    "ripieno inbox reassign-\t": ["ripieno inbox reassign-all "],
    "ripieno inbox away \t": ["clear", "list", "set"],
    "ripieno policy r\t": ["register", "rollback"],
    "ripieno runs skip --re\t": ["--reason", "--result"],
    "ripieno runs list --status comp\t": ["ripieno runs list --status complete "],
    "ripieno run order\t": ["ripieno run ordering.yaml "],
    "ripieno run ordering.yaml --input order\t": ["--input ordering.yaml "],
}
"""What is typed, and what stands there then or is offered."""


def test_what_is_typed_is_completed(cli: Cli) -> None:
    home = cli.folder / "somebody"
    home.mkdir()
    cli.ok("--install-completion", "--shell", "bash", HOME=str(home))
    cli.write("ordering.yaml", "workflow: ordering")
    bash: pexpect.spawn[str] = pexpect.spawn(
        "/bin/bash",
        ["--noprofile", "--rcfile", str(home / ".bashrc"), "-i"],
        cwd=str(cli.folder),
        env={"HOME": str(home), "PATH": os.environ["PATH"], "TERM": "dumb", "INPUTRC": os.devnull},
        encoding="utf-8",
        timeout=20,
        dimensions=(50, 160),
    )
    try:
        bash.sendline("; ".join([*(f"bind 'set {one}'" for one in READING), f"PS1='{PROMPT}'"]))
        bash.expect_exact(f"\n{PROMPT}")
        for typed, gives in TYPED.items():
            bash.send(typed)
            for one in gives:
                bash.expect_exact(one)
            bash.sendcontrol("u")  # what stands there goes, and nothing is run
            bash.sendline()
            bash.expect_exact(f"\n{PROMPT}")
    finally:
        bash.close(force=True)
