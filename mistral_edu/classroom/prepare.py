"""Once for all users of an environment: what each of them would otherwise make at the first use of the package.

Without it thirty students who begin together compile the same kernels thirty times.
"""
from mistral_edu.fast import compiled
from mistral_edu.machine import blas


def prepare() -> dict:
    """Put the compiled kernels and a copy of OpenBLAS into the environment. Returns where each is, or why it is not.

    Raises OSError, with what to do, where the environment cannot be written or the kernels cannot be compiled.
    """
    try:
        return {"kernels": compiled.share(), "OpenBLAS": blas.share()}
    except PermissionError as error:
        raise OSError(f"{blas.shared_folder()} cannot be written ({error.strerror}): run this as the user who "
                      "installed the package, such as root") from error
    except (RuntimeError, ImportError) as error:
        raise OSError(f"the kernels cannot be compiled ({error}); try: {compiled.GET_NEWER}") from error
