"""Which backend of MLX computes: Metal, CUDA or the processor. On Linux each is a package of its own, and two clash.

All of them install the same file, mlx/lib/libmlx.so: with none of them MLX cannot be imported, and with two the one
installed last wins, which pip and uv do not notice.
"""
BACKENDS = ("mlx-cpu", "mlx-cuda-12", "mlx-cuda-13")
REINSTALL = ("pip uninstall -y mlx {found} && pip install --force-reinstall 'mlx[cpu]'   "
             "(with an NVIDIA GPU: mlx[cuda13] or mlx[cuda12])")


def installed(names=BACKENDS):
    """{name: version} of the packages among these that are in this environment.

    There are no backends on macOS, where Metal belongs to MLX itself.
    """
    from importlib.metadata import PackageNotFoundError, version
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def check():
    """Import MLX; if that fails, raise an ImportError that says why and what to do."""
    try:
        import mlx.core  # noqa: F401
    except ImportError as error:
        found = list(installed())
        if len(found) > 1:
            why = f"{' and '.join(found)} are both installed and overwrite each other"
        elif found:
            why = f"{found[0]} is installed but does not load here ({error})"
        else:
            why = f"no backend of MLX is installed ({error})"
        raise ImportError(f"MLX cannot be imported: {why}. Try: {REINSTALL.format(found=' '.join(found))}") from error
