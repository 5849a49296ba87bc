"""`mistral-edu doctor`: look at this machine."""
import json

from mistral_edu import doctor

EXAMPLES = """examples:
  mistral-edu doctor
  mistral-edu doctor --json"""


def add_arguments(parser):
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args) -> int:
    """Print the checks. Returns the exit code: 1 if one failed."""
    checks = doctor.examine()
    print(json.dumps(doctor.as_json(checks), indent=1) if args.json else doctor.as_text(checks))
    return 1 if any(check.status == "fail" for check in checks) else 0
