"""A place where MONAI Label can be found but not run, where it is not installed."""


def found_monai_label(folder, monkeypatch):
    """Let Python find a package named `monailabel` in `folder`, which exists, and return the folder."""
    (folder / "monailabel").mkdir(parents=True, exist_ok=True)
    (folder / "monailabel" / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder)
    return folder
