"""The components for programs in other languages: the Pulumi engine starts ``python components ENGINE_ADDRESS``."""

import gc
import sys

from pulumi.provider import main

import loadfit
from loadfit.hosting import Components

if __name__ == "__main__":
    # What this imports of SDKs stays: looking through it for garbage would take a quarter of the time until it serves.
    gc.disable()
    hosted = [loadfit.MultiAzNatEgress, loadfit.PgBouncerPool, loadfit.WarmLambda]
    components = Components("loadfit", hosted, loadfit.__version__)
    gc.freeze()
    gc.enable()
    main(components, sys.argv[1:])
