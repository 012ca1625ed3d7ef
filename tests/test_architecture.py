"""The layers of DESIGN: imports go down only, each room keeps to its trade, nothing grows too large."""

import ast
import importlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "bundle" / "scripts"
FLOORS = (
    {"core"},
    {"io", "network", "synthesis", "morphometry"},
    {"weights", "transforms", "data", "metrics"},
    {"inference", "report", "study"},
    {"training", "monailabel"},
    {"commands"},
)
FLOOR = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
CODE = sorted(SCRIPTS.rglob("*.py"))
PASSED_OVER = {"__pycache__", "runs", "demo", "results", "foundation", "findings", "label"}
EVERY_FILE = [
    path
    for suffix in ("py", "json", "sh", "md", "toml", "yml", "yaml", "txt", "conf", "html", "css", "js")
    for path in ROOT.rglob(f"*.{suffix}")
    if not any(part.startswith(".") or part in PASSED_OVER for part in path.relative_to(ROOT).parts)
]
MAX_LINES, MAX_FILES = 300, 16
PROCESSES = ("subprocess", "multiprocessing", "concurrent.futures.ProcessPoolExecutor", "torch.multiprocessing")
STARTS_PROCESSES = {"execv", "execve", "execvp", "fork", "system", "popen", "spawnv", "posix_spawn"}
OPTIONAL = {"mlflow", "onnx", "onnxruntime", "onnxscript", "tensorboard", "tensorrt", "torch.utils.tensorboard"}
OPTIONAL |= {
    "dask",
    "distributed",
    "optuna",
    "SimpleITK",
    "pydicom",
    "highdicom",
    "bioio_czi",
    "bioio_nd2",
    "bioio_lif",
    "pylibCZIrw",
}
FILE_FORMATS = {"tifffile", "nibabel", "imagecodecs", "zarr", "SimpleITK", "itk", "pydicom", "highdicom", "pylibCZIrw"}


def package_of(path):
    return path.relative_to(SCRIPTS).parts[0] if path.parent != SCRIPTS else "the top"


def imports(path, top_level=False):
    """What a file imports, as absolute dotted names, `scripts.io.units` for `from scripts.io import units`."""
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = path.relative_to(SCRIPTS.parent).parts[: -node.level] if node.level else ()
            module = ".".join((*here, *filter(None, [node.module])))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_in(name, modules):
    """Whether a dotted name is one of some modules, or lies in one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def test_every_package_has_its_floor():
    assert {path.name for path in SCRIPTS.iterdir() if path.is_dir() and path.name != "__pycache__"} <= set(FLOOR)


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_imports_go_down_only(path):
    here = package_of(path)
    if here == "the top":
        return
    for module in imports(path):
        parts = module.split(".")
        if parts[0] == "scripts" and len(parts) > 1 and parts[1] != here:
            assert FLOOR[parts[1]] < FLOOR[here], f"{here} imports {module}"
        assert parts[0] not in ("bench", "experiments", "tests"), f"{here} imports {module}"


def test_commands_alone_start_processes():
    for path in CODE:
        if package_of(path) == "commands":
            continue
        assert not [name for name in imports(path) if is_in(name, PROCESSES)], path
        names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert not STARTS_PROCESSES & names, path


def test_io_alone_knows_file_formats_and_monailabel_alone_monai_label():
    for path in CODE:
        tops = {module.split(".")[0] for module in imports(path)}
        assert package_of(path) == "io" or not FILE_FORMATS & tops, path
        assert package_of(path) == "monailabel" or "monailabel" not in tops, path
        units = [name for name in imports(path) if is_in(name, ("scripts.io.units", "scripts.io.axes"))]
        assert package_of(path) == "io" or not units, path


def renames(path):
    """Calls of `os.replace`, `shutil.move` or `rename`, or of a `replace` with one argument, as `Path.replace` has."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            module = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            arguments = len(node.args) + len(node.keywords)
            called = f"{module}.{node.func.attr}" in ("os.replace", "shutil.move") or node.func.attr == "rename"
            if called or (node.func.attr == "replace" and arguments == 1 and module != "dataclasses"):
                yield ast.unparse(node)


def test_core_files_alone_renames():
    found = {path: list(renames(path)) for path in CODE if path != SCRIPTS / "core" / "files.py"}
    assert not {path: calls for path, calls in found.items() if calls}


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_the_face_of_a_package_imports_nothing_optional(path):
    assert path.read_text().startswith('"""')
    package = path.parent
    for file in package.glob("*.py"):
        assert not [name for name in imports(file, top_level=True) if is_in(name, OPTIONAL)], file


@pytest.mark.parametrize("path", sorted((ROOT / "bundle" / "configs").rglob("*.json")), ids=lambda path: path.stem)
def test_a_config_names_packages_not_files(path):
    for dotted in re.findall(r"scripts(?:\.\w+)+", json.dumps(json.loads(path.read_text()))):
        if path.name == "metadata.json":
            continue
        *package, name = dotted.split(".")
        assert (SCRIPTS.parent / Path(*package) / "__init__.py").is_file(), dotted
        assert name in importlib.import_module(".".join(package)).__all__, dotted


@pytest.mark.parametrize("path", EVERY_FILE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_too_long(path):
    lines = path.read_text().count("\n")
    # commands.md is generated, a section a command
    limit = {"train.json": 366, "inference.json": 180, "commands.md": 400}.get(path.name, MAX_LINES)
    assert lines <= limit


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_tests_mirror_the_source(path):
    name = {"__init__": None, "__main__": "main"}.get(path.stem, path.stem)
    folder = ROOT / "tests" / path.relative_to(SCRIPTS).parent
    folder = folder if path.parent != SCRIPTS else ROOT / "tests" / "commands"
    assert name is None or list(folder.glob(f"test_{name}*.py"))


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_first_lines_of_docstrings_are_short_and_end(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
            first = text.splitlines()[0]
            assert len(first) <= 90, text
            assert first.endswith((".", ":")), text


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_imports_within_a_package_are_relative(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert not is_in(node.module, [f"scripts.{package_of(path)}"])


def test_no_folder_is_too_full():
    folders = {path.parent for path in EVERY_FILE} | {path.parent for path in ROOT.glob("*/*")}
    for folder in folders:
        if any(part.startswith(".") or part in PASSED_OVER for part in folder.relative_to(ROOT).parts):
            continue
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        assert len(files) <= MAX_FILES, folder
