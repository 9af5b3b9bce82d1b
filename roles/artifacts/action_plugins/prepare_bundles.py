"""Action plugin: prepares bundles on the controller with ``python -m artifacts``, showing progress meanwhile.

It does the same in check mode: a cache is not a managed host, and what a later task would push must exist.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display


class ActionModule(ActionBase):
    """Task ``prepare_bundles``: ``tools`` (the package's directory), ``cache``, ``distributions``."""

    _VALID_ARGS = frozenset({"tools", "cache", "distributions"})
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return ``bundles`` by name, ``made`` (names of those fetched or packed now) and ``changed``."""
        super().run(tmp, task_vars)
        arguments = self._task.args
        request = {
            "cache": str(Path(arguments["cache"]).expanduser()),
            "distributions": arguments["distributions"],
        }
        with subprocess.Popen(
            [sys.executable, "-m", "artifacts", "prepare"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": arguments["tools"]},
        ) as process:
            assert process.stdin and process.stdout and process.stderr  # noqa: PT018, S101 - pipes, as asked
            process.stdin.write(json.dumps(request))
            process.stdin.close()
            said = [self._show(line.rstrip()) for line in process.stderr]
            answer = process.stdout.read()
        if not answer:
            raise AnsibleActionFail("\n".join(["python -m artifacts prepare failed:", *said[-20:]]))
        result: dict[str, Any] = json.loads(answer)
        return result

    @staticmethod
    def _show(line: str) -> str:
        Display().display(f"    {line}")
        return line
