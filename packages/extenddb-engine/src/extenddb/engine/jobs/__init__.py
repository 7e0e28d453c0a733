"""Background work as steps: nothing here schedules itself, a server calls `Jobs.tick` again and again.

A *job* is a document with a type and a state; its step takes the state, does a bounded piece of work and returns the
next state, or None at the end. A *chore* is done from time to time as long as the server lives. Both run under leases,
so that of several processes one does the work; a step may be repeated after a crash and must not mind.
"""

from extenddb.engine.jobs.runner import Jobs, start_job

__all__ = ["Jobs", "start_job"]
