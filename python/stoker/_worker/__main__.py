"""`python -m stoker._worker INVOCATION`."""

import gc

from stoker._worker import main

gc.freeze()
main()
