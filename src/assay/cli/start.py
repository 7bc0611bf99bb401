"""What the command `assay` calls: `assay.cli.main` alone takes two seconds longer to begin and to end."""

from assay.orchestration.patches.gc_tuning import collect_seldom, leave_uncollected


def main() -> None:
    """Run a command."""
    collect_seldom()
    from assay.cli.main import main as command  # noqa: PLC0415 - what it imports is what should not be slowed down

    try:
        command()
    finally:
        leave_uncollected()
