"""The suite on the oldest versions that are supported and on the newest: `nox`, in the checkout.

Each session builds the wheel and installs it in a clean environment. One of a Python that the
machine has not is skipped. `nox -s oldest` is what .ci/run does; what stands behind `--` goes to
pytest.
"""

from pathlib import Path

import nox

nox.options.error_on_missing_interpreters = False
nox.needs_version = ">=2024.4.15"

ROOT = Path(__file__).parent


def run_tests_of_wheel(session: nox.Session, *constraints: str) -> None:
    """Run the tests on the wheel, installed under these constraints."""
    session.install("build")
    dist = Path(session.create_tmp()) / "dist"
    session.run_install("python", "-m", "build", "--wheel", "--outdir", str(dist), ".", silent=True)
    wheel = max(dist.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    session.install(*constraints, f"{wheel}[test]")
    # In an environment that is used again there is one of the same version.
    session.install("--force-reinstall", "--no-deps", str(wheel))
    where = session.run(
        "python", "-P", "-c", "import skbackprop; print(skbackprop.__file__)", silent=True
    )
    if Path(str(where).strip()).is_relative_to(ROOT / "skbackprop"):
        session.error(f"the package tested is not the wheel's, but {where}")
    # Not `python -m pytest`: that would find the checkout first.
    session.run("pytest", *session.posargs)


@nox.session(python="3.11")
def oldest(session: nox.Session) -> None:
    """Run the tests on Python 3.11 and the oldest numpy, scipy and scikit-learn supported."""
    run_tests_of_wheel(session, "-c", ".ci/oldest.txt")


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def newest(session: nox.Session) -> None:
    """Run the tests on the newest versions of everything."""
    run_tests_of_wheel(session)
