"""The storage contract of ExtendDB, and what every backend can use with it.

A backend author reads `spi` (the Protocols), `model` (the values that cross the border), `errors` and
`capabilities`, in
that order; everything else here is a service on top of the contract.
"""

SPI_VERSION = "1.0"
"""Version of the contract, `major.minor`; a backend written for another major is refused."""
