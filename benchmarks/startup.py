"""Start-up of one light command under several versions of Typer, side by side in one run.

    python benchmarks/startup.py [VERSION ...]        default: 0.28.0 0.29.2

Each version gets a private environment and runs the same small program; the runs are interleaved, so that a
busy machine slows all of them alike. Prints the best and the median in milliseconds, the ratio of the medians
to the first version, and how many modules the command loads.
"""

import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

RUNS = 25
PROGRAM = """
import sys
import typer

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def light(name: str = typer.Option("you", "--name")) -> None:
    sys.stdout.write(f"{len(sys.modules)}\\n")


app()
"""


def environment(folder: Path, version: str) -> str:
    """Make an environment with this version of Typer and return its Python."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"typer=={version}"], check=True)
    return python


def run(python: str) -> tuple[float, int]:
    """Run the program as a whole process; return the milliseconds and the modules it has loaded."""
    start = time.perf_counter()
    answer = subprocess.run(
        [python, "-c", PROGRAM, "--name", "me"], check=True, capture_output=True, text=True
    )
    return (time.perf_counter() - start) * 1000, int(answer.stdout)


def main() -> None:
    """Measure and print."""
    versions = sys.argv[1:] or ["0.28.0", "0.29.2"]
    with tempfile.TemporaryDirectory() as folder:
        pythons = {version: environment(Path(folder) / version, version) for version in versions}
        results = {version: [] for version in versions}
        for _ in range(RUNS):
            for version in versions:
                results[version].append(run(pythons[version]))
    base = statistics.median(each for each, _ in results[versions[0]])
    for version in versions:
        times = [each for each, _ in results[version]]
        median, modules = statistics.median(times), results[version][0][1]
        ratio = median / base
        figures = f"best {min(times):.0f} ms, median {median:.0f} ms, ratio {ratio:.2f}"
        print(f"typer {version}: {figures}, {modules} modules")


if __name__ == "__main__":
    main()
