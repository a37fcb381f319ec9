"""Knows which Python set-up needs, and says so on any older one; the work is in provision.py."""

import sys

# Readable by every Python since 2.7: an old one must get as far as the sentence below.
if sys.version_info < (3, 11):  # noqa: UP036  this file is for the Pythons that the project is not for
    have = "%d.%d (%s)" % (sys.version_info[0], sys.version_info[1], sys.executable)  # noqa: UP031
    sys.stderr.write("setup: needs Python 3.11 or newer, this is " + have + "\n")
    sys.stderr.write("setup: install one and name it: make setup PYTHON=python3.11, or: python3.11 scripts/setup.py\n")
    sys.exit(2)

from provision import main

if __name__ == "__main__":
    sys.exit(main())
