"""The components for programs in other languages: the Pulumi engine starts ``python components ENGINE_ADDRESS``."""

import sys

from pulumi.provider import main

import loadfit
from loadfit.hosting import Components

if __name__ == "__main__":
    hosted = [loadfit.MultiAzNatEgress, loadfit.PgBouncerPool, loadfit.WarmLambda]
    main(Components("loadfit", hosted, loadfit.__version__), sys.argv[1:])
