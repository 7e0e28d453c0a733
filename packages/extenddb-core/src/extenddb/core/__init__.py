"""DynamoDB types, validation and expressions.

Pure and synchronous: no module of this distribution does I/O, reads a clock, draws a random number or
looks at the environment, and none imports anything but the standard library.
"""
