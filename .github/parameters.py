"""The parameters of the template from the variables of a job, as azd reads them from its own.

It prints a parameters file for the Azure CLI. A variable that is not set leaves its parameter out.
"""

import json
import os
import re
from pathlib import Path

FILE = Path(__file__).parents[1] / "infra" / "main.parameters.json"
NO_STRINGS = re.compile(r"true|false|\{.*\}")


def main() -> None:
    lines = os.environ.get("PARAMETERS", "").splitlines()
    variables = {**os.environ, **dict(line.split("=", 1) for line in lines if line)}
    file = json.loads(FILE.read_text())
    given = {
        name: variables.get(one["value"].strip("${}"), "")
        for name, one in file["parameters"].items()
    }
    file["parameters"] = {
        name: {"value": json.loads(text) if NO_STRINGS.fullmatch(text) else text}
        for name, text in given.items()
        if text
    }
    print(json.dumps(file, indent=2))


main()
