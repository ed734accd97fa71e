"""How many threads the libraries of numbers take."""

import threadpoolctl


def one_thread() -> None:
    """Keep this process's BLAS to one thread.

    The processes already fill the cores, and threads of BLAS that wait for a busy core cost a
    batch 10 times its time (measured: 27 ms a document against 1.7).
    """
    threadpoolctl.threadpool_limits(1)
