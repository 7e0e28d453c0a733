"""The parts of the benchmark program.

    cli -> session -> server, floors, child processes -> results -> table, plot, compare

The program's own process only orders; load comes from one child at a time, so that the CPU of load, server and
database are told apart.
"""
