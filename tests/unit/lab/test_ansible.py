"""Reading ansible-playbook's closing lines."""

from __future__ import annotations

from lab.ansible import recap

OUTPUT = """\
PLAY RECAP ************
\x1b[0;33mapp1\x1b[0m    : \x1b[0;32mok=41  \x1b[0m \x1b[0;33mchanged=3   \x1b[0m unreachable=0    failed=0    skipped=4
kafka1                     : ok=60   changed=0    unreachable=0    failed=0    skipped=9    rescued=0    ignored=0
"""


def test_changes_are_counted_by_host_whatever_the_colours() -> None:
    assert recap(OUTPUT).changed == {"app1": 3, "kafka1": 0}
    assert recap(OUTPUT).total_changed == 3
