"""What a child process does before it becomes a server. It is run as a script, by its path.

    launcher.py PARENT SIGNAL USER GROUP PROGRAM [ARGUMENT …]

It asks the kernel for ``SIGNAL`` when its parent (process ``PARENT``) dies, so that not even ``kill -9`` of the parent
leaves a server behind; gives up root for ``USER`` and ``GROUP`` (numbers; -1 keeps the user); and replaces itself by
``PROGRAM``. It imports nothing of the project. Exit codes as in a shell: 126 when the program cannot be run.

Postgres refuses to run as root, yet root's folders are usually closed to everybody else. So the child keeps one of
root's powers, CAP_DAC_OVERRIDE ("may open any file"), as an ambient capability; no folder's mode has to change. Where
the kernel or a container does not allow that, it goes on as a plain other user.
See capabilities(7), prctl(2): PR_SET_PDEATHSIG, PR_CAP_AMBIENT, SECBIT_NO_SETUID_FIXUP.
"""

import ctypes
import os
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
# Without it access(2) judges a user who is not root by file modes alone, and Postgres checks itself with access(2).
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


class Kernel:
    """The few calls that Python's os module does not have."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def prctl(self, option: int, *arguments: int) -> None:
        values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
        self._check("prctl", self._libc.prctl(ctypes.c_int(option), *values))

    def set_capabilities(self, mask: int) -> None:
        """Make ``mask`` (bits 0 to 31) the effective, permitted and inheritable set."""
        header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
        self._check("capset", self._libc.capset(header, struct.pack("6I", mask, mask, mask, 0, 0, 0)))

    def _check(self, call: str, result: int) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), call)


def become(kernel: Kernel, user: int, group: int) -> None:
    """Give up root, keeping CAP_DAC_OVERRIDE where that is possible."""
    try:
        kernel.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
        keeps = True
    except OSError:
        keeps = False
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if not keeps:
        return
    try:
        kernel.set_capabilities(1 << CAP_DAC_OVERRIDE)
        kernel.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE)
    except OSError:
        pass  # What is not ambient is gone after execve: a plain user.


def main(arguments: list[str]) -> int:
    parent, death_signal, user, group = (int(text) for text in arguments[:4])
    program = arguments[4:]
    kernel = Kernel()
    try:
        if user >= 0:
            become(kernel, user, group)
        # After the change of user, which would clear it.
        kernel.prctl(PR_SET_PDEATHSIG, death_signal)
    except OSError as error:
        print(f"cannot become user {user}: {error}", file=sys.stderr)
        return 126
    if os.getppid() != parent:
        return 126  # The parent died before the kernel knew that we care.
    try:
        os.execv(program[0], program)
    except OSError as error:
        print(f"cannot run {program[0]}: {error.strerror}", file=sys.stderr)
    return 126


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
