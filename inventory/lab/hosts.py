#!/usr/bin/env python3
"""The lab's hosts as an Ansible inventory; LAB_INSTANCE names another instance than `lab`."""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from lab.errors import LabError
from lab.instance import Instance
from lab.inventory import document, topology

instance = Instance(os.environ.get("LAB_INSTANCE", "lab"))
try:
    print(json.dumps(document(instance, topology(instance)) if "--host" not in sys.argv else {}))
except LabError as error:
    sys.exit(f"lab: {error}")
